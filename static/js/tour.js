// Shows who asks for it around: a card beside one place after another. Escape ends it.
"use strict";
(() => {
  const card = document.getElementById("tour");
  if (!card) return;
  const all = [...card.querySelectorAll("[data-at]")];
  const [text, count] = [card.querySelector(".tour-text"), card.querySelector(".tour-count")];
  let at = 0, before = null;

  const seen = (stop) => [...document.querySelectorAll(stop.dataset.at)].find((el) => el.getClientRects().length);
  function place(target) {
    const spot = target.getBoundingClientRect(), { width, height } = card.getBoundingClientRect(), gap = 12;
    const beside = spot.right + gap + width < innerWidth ? spot.right + gap : spot.left - gap - width;
    const left = beside > gap ? beside : Math.max(gap, Math.min(innerWidth - width - gap, spot.left));
    const under = beside > gap ? spot.top : spot.bottom + gap;
    const top = under + height + gap < innerHeight ? under : Math.max(gap, Math.min(innerHeight, spot.top) - height - gap);
    card.style.setProperty("inset", `${Math.max(gap, top)}px auto auto ${left}px`);
  }
  // Which places there are depends on what is open: a ticket may have been opened since.
  function show(n) {
    const stops = all.filter(seen);
    if (!stops.length) return finish();
    at = Math.max(0, Math.min(stops.length - 1, n));
    const target = seen(stops[at]);
    text.replaceChildren(...stops[at].cloneNode(true).childNodes);
    count.textContent = `${at + 1} / ${stops.length}`;
    card.querySelector("[data-tour=back]").hidden = at === 0;
    card.querySelector("[data-tour=next]").hidden = at === stops.length - 1;
    card.querySelector("[data-tour=end]").hidden = at !== stops.length - 1;
    point(target);
  }
  function point(target) {
    document.querySelector(".is-toured")?.classList.remove("is-toured");
    target.classList.add("is-toured");
    place(target);
  }
  // What is pointed at may be swapped meanwhile.
  function pointAgain() {
    const target = !card.hidden && all.filter(seen)[at];
    if (target) point(seen(target));
  }
  function start() {
    before = document.activeElement;
    card.hidden = false;
    show(0);
    card.querySelector("[data-tour=next]").focus();
  }
  function finish() {
    document.querySelector(".is-toured")?.classList.remove("is-toured");
    const had = card.contains(document.activeElement);
    card.hidden = true;
    if (had) (before?.isConnected ? before : document.querySelector(".brand"))?.focus();
    const form = card.querySelector("form");
    if (card.dataset.first === undefined) return;
    delete card.dataset.first;
    document.querySelector(".tour-invitation")?.remove();
    fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } });
  }
  card.addEventListener("submit", (event) => event.preventDefault());
  card.addEventListener("click", (event) => {
    const wish = event.target.closest("[data-tour]")?.dataset.tour;
    if (wish === "next") show(at + 1);
    if (wish === "back") show(at - 1);
    if (wish === "end" || wish === "skip") finish();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && !card.hidden) finish();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-start-tour]")) start();
  });
  window.addEventListener("resize", pointAgain);
  document.addEventListener("htmx:afterSettle", pointAgain);
})();
