// The desk: one event stream for all tabs of this browser, fragments fetched with normal permission checks,
// a question every 15 s when the stream fails, and a thread that stays at its end.
"use strict";
(() => {
  const desk = document.getElementById("desk");
  if (!desk) return;
  const POLL = 15000;
  const channel = new BroadcastChannel("desk-live");
  let poll = null;

  function announce(state) {
    document.body.dataset.live = state;
    clearInterval(poll);
    if (state === "polling") poll = setInterval(() => refresh(), POLL);
  }
  // Several changes within a moment are one look. `id` is the ticket's; without one anything may have changed.
  const changed = new Set();
  let look = null, looked = 0;
  function refresh(id) {
    changed.add(id || "");
    look ??= setTimeout(() => {
      look = null;
      looked = Date.now();
      const open = document.getElementById("ticket")?.dataset.id;
      htmx.trigger(document.body, "desk:queue");
      if (open && (changed.has(open) || changed.has(""))) htmx.trigger(document.body, "desk:ticket");
      changed.clear();
    }, Math.max(20, 400 - (Date.now() - looked)));
  }
  channel.onmessage = ({ data }) => (data.state ? announce(data.state) : refresh(data.id));
  function tell(message) {
    channel.postMessage(message);
    channel.onmessage({ data: message });
  }

  function listen() {
    const stream = new EventSource(desk.dataset.stream);
    stream.onopen = () => tell({ state: "on" });
    stream.onerror = () => {
      tell({ state: "polling" });
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, POLL);
    };
    stream.onmessage = ({ data }) => {
      const { type, id } = JSON.parse(data);
      if (type === "ticket.changed") tell({ id });
      if (type === "reset") tell({ id: "" });
    };
    window.addEventListener("pagehide", () => stream.close(), { once: true });
  }
  announce("waiting");
  // Whoever holds the lock owns the stream; the next tab takes over when this one closes.
  navigator.locks.request("desk-live", () => new Promise(listen));

  // The newest message is what one came for; someone reading further up is left where they are.
  const nearEnd = (el) => el.scrollHeight - el.scrollTop - el.clientHeight < 120;
  let follow = true;
  const toEnd = () => {
    const thread = document.querySelector(".ticket .thread");
    if (thread) thread.scrollTop = thread.scrollHeight;
  };
  document.addEventListener("htmx:beforeSwap", () => {
    const thread = document.querySelector(".ticket .thread");
    follow = !thread || nearEnd(thread);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "ticket" || follow) toEnd();
    if (event.target.id === "ticket") mark(event.target.dataset.number);
  });
  function mark(number) {
    for (const link of document.querySelectorAll(".q-link")) {
      if (link.dataset.number === number) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target.id === "queue-news") event.detail.parameters.has = document.querySelectorAll(".q-row").length;
  });
  // News must not close a menu that is open or wipe a form that is being filled in.
  let isNews = false;
  document.addEventListener("htmx:beforeRequest", (event) => (isNews = event.target.id === "news"));
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const old = document.getElementById(event.detail.target?.id);
    if (isNews && old?.id !== "thread" && old?.querySelector("details[open], :focus")) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "queue-rows") mark(document.getElementById("ticket")?.dataset.number);
  });
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.matches(".composer")) {
      event.preventDefault();
      event.target.form.requestSubmit(event.target.form.querySelector("[data-default]"));
    }
  });
  toEnd();
})();
