// The desk: one event stream for all tabs of this browser, fragments fetched with normal permission checks,
// a question every 15 s when the stream fails, and a thread that stays at its end.
"use strict";
(() => {
  const desk = document.getElementById("desk");
  if (!desk) return;
  const POLL = 15000;
  // What is told in one breath is looked at once.
  const TOGETHER = 20;
  const channel = new BroadcastChannel("desk-live");
  let poll = null;

  function announce(state) {
    document.body.dataset.live = state;
    clearInterval(poll);
    if (state === "polling") poll = setInterval(() => refresh(), POLL);
  }
  // Several changes within a moment are one look, and looks keep a distance, each kind its own: on a busy desk the queue
  // changes all the time, and whoever follows a conversation must not wait for the queue's next turn.
  function looker(event, distance) {
    let look = null, looked = -distance;
    return () => {
      look ??= setTimeout(() => {
        look = null;
        looked = performance.now();
        htmx.trigger(document.body, event);
      }, Math.max(TOGETHER, looked + distance - performance.now()));
    };
  }
  const lookAtTicket = looker("desk:ticket", 150);
  const lookAtQueue = looker("desk:queue", 400);
  // `id` is the ticket's; without one anything may have changed. `heard` is what changed since a ticket was last asked
  // for: what is told while its page is on the way may not be in it yet.
  const heard = new Set();
  function lookIfOpen(ids) {
    const open = document.getElementById("ticket")?.dataset.id;
    if (open && (ids.has(open) || ids.has(""))) lookAtTicket();
  }
  function refresh(id = "") {
    heard.add(id);
    lookIfOpen(new Set([id]));
    lookAtQueue();
    if (!id) htmx.trigger(document.body, "desk:notices");
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "ticket") heard.clear();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "ticket") lookIfOpen(heard);
  });
  channel.onmessage = ({ data }) => {
    if (data.state) announce(data.state);
    else if (!data.notice) refresh(data.id); // the bell listens for itself: notices.js
  };
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
      if (type === "notice.changed") tell({ notice: true });
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
    if (event.target.id === "ticket" || (follow && !event.target.closest("#bell"))) toEnd();
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
  document.addEventListener("htmx:beforeOnLoad", (event) => (isNews = event.target.id === "news"));
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
  // A link may name the message that it is about.
  const wanted = /^#m-[0-9a-f-]{36}$/.test(location.hash) && document.querySelector(location.hash);
  if (wanted) wanted.scrollIntoView({ block: "center" });
  else toEnd();
})();
