// Everywhere: ticking countdowns, times in the reader's own zone, menus that close, toasts that leave.
// Nothing here is needed to read or to send a form.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const words = JSON.parse(document.getElementById("ui-words")?.textContent || "{}");
  const language = root.lang || "en";
  // How far this machine's clock is from the server's: countdowns follow the server's.
  const skew = Number(root.dataset.now || 0) * 1000 - performance.timeOrigin;
  const offset = Math.abs(skew) > 5000 ? skew : 0;

  const two = (n) => String(n).padStart(2, "0");
  function span(seconds) {
    const s = Math.abs(Math.trunc(seconds));
    const days = Math.floor(s / 86400), h = Math.floor((s % 86400) / 3600), m = Math.floor((s % 3600) / 60);
    if (days) return `${days}${words.d || "d"} ${two(h)}:${two(m)}`;
    return h ? `${h}:${two(m)}:${two(s % 60)}` : `${two(m)}:${two(s % 60)}`;
  }
  function tick() {
    const now = Date.now() + offset;
    for (const el of document.querySelectorAll("time.countdown")) {
      const due = Date.parse(el.dateTime), left = Math.ceil((due - now) / 1000);
      const warn = el.dataset.warn ? Date.parse(el.dataset.warn) : Infinity;
      const tone = left < 0 ? "late" : now >= warn ? "warn" : "ok";
      const text = left < 0 ? `−${span(left)}` : span(left);
      if (el.dataset.tone !== tone) el.dataset.tone = tone;
      if (el.textContent !== text) el.textContent = text;
    }
    for (const el of document.querySelectorAll("[data-until]")) {
      const left = Math.ceil((Date.parse(el.dataset.until) - now) / 1000);
      if (left > 0) el.textContent = String(left);
      else el.closest("[data-while]")?.remove();
    }
  }

  const parts = { clock: { hour: "2-digit", minute: "2-digit", hour12: false }, day: { day: "numeric", month: "short" } };
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat(language, parts.clock);
  const near = new Intl.DateTimeFormat(language, { ...parts.day, ...parts.clock });
  const far = new Intl.DateTimeFormat(language, { ...parts.day, year: "numeric" });
  function localise(scope) {
    const today = new Date();
    for (const el of scope.querySelectorAll("time[data-when]")) {
      const at = new Date(el.dateTime);
      const style = at.toDateString() === today.toDateString() ? clock : at.getFullYear() === today.getFullYear() ? near : far;
      el.textContent = style.format(at);
      el.title = exact.format(at);
      delete el.dataset.when;
    }
    for (const el of scope.querySelectorAll("time.countdown:not([title])")) el.title = exact.format(new Date(el.dateTime));
  }

  function settle(scope) {
    localise(scope);
    tick();
  }
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const close = event.target.closest("[data-dismiss]");
    if (close) close.closest(".toast-line, .notice")?.remove();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("change", (event) => {
    const shown = event.target.type === "file" && document.querySelector(`[data-files-of="${event.target.id}"]`);
    if (shown) shown.textContent = [...event.target.files].map((file) => file.name).join(", ") || shown.title;
  });
  document.addEventListener("submit", (event) => {
    // A second click must not send twice; the button comes back when the page does.
    const form = event.target;
    if (form.dataset.sent) return event.preventDefault();
    if (form.hasAttribute("data-once")) form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));
  document.addEventListener("htmx:afterSettle", (event) => settle(event.target));
  document.addEventListener("htmx:oobAfterSwap", (event) => settle(event.target.parentElement || document));
  settle(document);
  setInterval(tick, 1000);
  window.deskWords = words;
})();
