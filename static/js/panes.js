// The desk's splitters: drawn with the pointer or the arrow keys, kept with the person.
"use strict";
(() => {
  const desk = document.getElementById("desk");
  if (!desk) return;
  const STEP = 16;
  const rtl = document.dir === "rtl" ? -1 : 1;
  const widths = { queue: desk.dataset.queueWidth || "", context: desk.dataset.contextWidth || "" };
  let saving = null;

  const pane = (bar) => document.getElementById(bar.getAttribute("aria-controls"));
  // The queue grows to the right, the context to the left.
  const sign = (bar) => (bar.dataset.pane === "queue" ? 1 : -1) * rtl;

  function describe(bar) {
    const width = pane(bar)?.getBoundingClientRect().width;
    if (width) bar.setAttribute("aria-valuenow", String(Math.round(width)));
  }
  function draw(bar, width) {
    const least = Number(bar.getAttribute("aria-valuemin")), most = Number(bar.getAttribute("aria-valuemax"));
    const kept = Math.round(Math.max(least, Math.min(most, width)));
    widths[bar.dataset.pane] = String(kept);
    document.documentElement.style.setProperty(`--${bar.dataset.pane}-width`, `${kept}px`);
    bar.setAttribute("aria-valuenow", String(kept));
    keep();
  }
  function reset(bar) {
    widths[bar.dataset.pane] = "";
    document.documentElement.style.removeProperty(`--${bar.dataset.pane}-width`);
    document.getElementById("pane-widths")?.remove();
    for (const other of document.querySelectorAll(".splitter")) {
      if (other !== bar && widths[other.dataset.pane]) draw(other, Number(widths[other.dataset.pane]));
    }
    describe(bar);
    keep();
  }
  function keep() {
    clearTimeout(saving);
    saving = setTimeout(send, 400);
  }
  function send() {
    clearTimeout(saving);
    saving = null;
    const body = new URLSearchParams({ queue_width: widths.queue, context_width: widths.context });
    const headers = { "X-CSRFToken": JSON.parse(desk.getAttribute("hx-headers"))["X-CSRFToken"] };
    fetch(desk.dataset.panes, { method: "POST", body, headers, keepalive: true });
  }

  desk.addEventListener("pointerdown", (event) => {
    const bar = event.target.closest(".splitter");
    if (!bar || event.button) return;
    event.preventDefault();
    bar.setPointerCapture(event.pointerId);
    const from = event.clientX, width = pane(bar).getBoundingClientRect().width;
    const move = ({ clientX }) => draw(bar, width + (clientX - from) * sign(bar));
    bar.addEventListener("pointermove", move);
    bar.addEventListener("lostpointercapture", () => bar.removeEventListener("pointermove", move), { once: true });
  });
  desk.addEventListener("dblclick", (event) => {
    const bar = event.target.closest(".splitter");
    if (bar) reset(bar);
  });
  desk.addEventListener("keydown", (event) => {
    const bar = event.target.closest(".splitter");
    if (!bar || event.isComposing) return;
    const width = pane(bar).getBoundingClientRect().width;
    const to = {
      ArrowLeft: width - STEP * sign(bar), ArrowRight: width + STEP * sign(bar), Home: 0, End: Infinity,
    }[event.key];
    if (event.key === "Enter") reset(bar);
    else if (to !== undefined) draw(bar, to);
    else return;
    event.preventDefault();
  });
  desk.addEventListener("focusin", (event) => {
    if (event.target.matches(".splitter")) describe(event.target);
  });
  window.addEventListener("pagehide", () => saving && send());
  document.querySelectorAll(".splitter").forEach(describe);
  document.addEventListener("htmx:afterSettle", () => document.querySelectorAll(".splitter").forEach(describe));
})();
