// The composer's draft: saved on the server a moment after typing stops and as the page is left, so that it is there in
// any browser. Of two windows the one that saved last wins; what the other had written is shown, not lost.
"use strict";
(() => {
  const PAUSE = 800, AT_MOST = 5000, AGAIN = 5000, KEPT_ALIVE = 60000;
  let refocus = false; // who wrote goes on writing: the focus comes back where the composer is shown anew
  let brought = false; // the composer comes anew with what another window wrote
  let here = null; // the composer that is open: form, version, kept (what the server has), timer, since, busy, isOver

  const ids = (form, name) => [...form.querySelectorAll(`input[name="${name}"]`)].map((input) => input.value);
  const content = (form) => ({
    body: form.elements.body.value,
    visibility: form.elements.visibility.value,
    attachments: ids(form, "uploaded"),
    mentions: ids(form, "mentions"),
    macros: ids(form, "macros"),
  });
  const isEmpty = ({ body, attachments, macros }) => !body.trim() && !attachments.length && !macros.length;
  const words = (name) => here.form.dataset[name] || "";
  const isDirty = () => here && !here.isOver && JSON.stringify(content(here.form)) !== here.kept;

  function adopt() {
    const form = document.querySelector("form.composer[data-draft]");
    if (here?.form === form) return;
    if (here) clearTimeout(here.timer);
    here = form && { form, version: Number(form.dataset.version), kept: null, busy: null, isOver: false };
    if (!here) return;
    form.elements.zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    if (refocus) (form.querySelector(".doubts") || form.elements.body).focus({ preventScroll: true });
    if (brought) say(words("taken"));
    refocus = brought = false;
    // What came back with a refusal is not what the server keeps.
    if (!("unsaved" in form.dataset)) here.kept = JSON.stringify(content(form));
    else soon();
  }

  function say(text) {
    const state = here.form.querySelector("[data-draft-state]");
    if (state && state.textContent !== text) state.textContent = text;
    const discard = here.form.querySelector("[data-discard]");
    if (discard) discard.hidden = !here.version;
  }
  function showOther(text) {
    const notice = here.form.querySelector("[data-other]");
    notice.hidden = !text;
    notice.querySelector("[data-other-text]").textContent = text;
  }

  function soon() {
    if (!here) return;
    here.since ??= Date.now();
    clearTimeout(here.timer);
    here.timer = setTimeout(save, Math.max(0, Math.min(PAUSE, here.since + AT_MOST - Date.now())));
  }
  async function save(leaving = false) {
    const one = here;
    if (!isDirty()) return one?.busy;
    clearTimeout(one.timer);
    one.since = null;
    if (one.busy && !leaving) {
      await one.busy;
      return one === here ? save() : undefined;
    }
    one.busy = send(one, content(one.form), leaving).finally(() => (one.busy = null));
    return one.busy;
  }
  function ask(one, method, body, leaving, more = {}) {
    const headers = { "X-CSRFToken": one.form.elements.csrfmiddlewaretoken.value, Accept: "application/json", ...more };
    if (body) headers["Content-Type"] = "application/json";
    // Browsers keep a request of a page that is gone only while it is small.
    const keepalive = leaving && (body || "").length * 3 < KEPT_ALIVE;
    return fetch(one.form.dataset.draft, { method, headers, body, keepalive, credentials: "same-origin" });
  }
  async function send(one, now, leaving) {
    one.kept = JSON.stringify(now);
    try {
      if (!isEmpty(now)) await told(one, await ask(one, "PUT", JSON.stringify({ ...now, base: one.version }), leaving));
      else if (one.version) await told(one, await ask(one, "DELETE", null, leaving, { "If-Match": `"v${one.version}"` }));
    } catch {
      one.kept = null;
      if (one === here) later();
    }
  }
  function later() {
    say(words("failed"));
    clearTimeout(here.timer);
    here.timer = setTimeout(save, AGAIN);
  }
  async function told(one, answer) {
    if (answer.status === 204) one.version = 0;
    else if (answer.ok) {
      const draft = await answer.json();
      one.version = draft.version;
      if (one === here && draft.replaced) showOther(draft.replaced);
    } else if (answer.status === 409) {
      one.version = 0;
      if (one === here) return say((await answer.json()).detail);
    } else if (answer.status === 412) {
      one.kept = null;
      return one === here ? look() : undefined;
    } else if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
    else if (one === here) return say((await answer.json()).detail); // asking again would not help
    if (one === here) say(one.version ? words("saved") : "");
  }

  // Back in this window: another one of the same person may have gone on meanwhile.
  async function look() {
    const one = here;
    if (!one || one.busy || one.isOver) return;
    let draft;
    try {
      const answer = await ask(one, "GET", null, false);
      if (!answer.ok) return;
      draft = await answer.json();
    } catch {
      return; // without a connection there is nothing to compare with; the next save says so
    }
    if (one !== here || one.busy || draft.version === one.version) return;
    one.version = draft.version;
    if (!draft.version) return say(words("gone"));
    if (isDirty()) showOther(draft.body);
    else {
      brought = true;
      htmx.ajax("GET", one.form.dataset.againAt, { target: one.form, swap: "outerHTML" });
    }
  }

  document.addEventListener("input", (event) => event.target.form && event.target.form === here?.form && soon());
  document.addEventListener("change", (event) => event.target.form && event.target.form === here?.form && soon());
  document.addEventListener("composer:changed", soon);
  document.addEventListener("click", (event) => {
    const settle = here && event.target.closest("[data-other-add], [data-other-drop]");
    if (!settle) return;
    const area = here.form.elements.body;
    if (settle.hasAttribute("data-other-add")) {
      const other = here.form.querySelector("[data-other-text]").textContent;
      area.value = [area.value, other].filter((part) => part.trim()).join("\n\n");
    }
    showOther("");
    area.focus();
    ask(here, "PUT", JSON.stringify({ ...content(here.form), base: here.version, settled: true }), false)
      .then((answer) => told(here, answer))
      .catch(later);
  });
  // Who presses “Note” (or its key) is about to write one. Arrow keys among the two leave the focus where it is.
  document.addEventListener("click", (event) => {
    const label = event.target.closest("form.composer label[data-key]");
    if (label && event.target.tagName !== "INPUT") setTimeout(() => label.closest("form").elements.body.focus());
  });
  document.addEventListener("visibilitychange", () => (document.visibilityState === "hidden" ? save(true) : look()));
  window.addEventListener("pagehide", () => save(true));

  // What was pressed may have lost the focus while one waited, and with it its place in the request.
  function press(form, { triggeringEvent, issueRequest }) {
    const button = triggeringEvent?.submitter;
    form.querySelector("[data-pressed]")?.remove();
    if (button?.name) {
      const input = Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value });
      input.dataset.pressed = "";
      form.append(input);
    }
    issueRequest(true);
  }

  // Sending takes the draft along: nothing is saved after it, and what is being saved arrives before it.
  const ends = (event) => here && (event.detail.elt === here.form || event.detail.elt?.hasAttribute?.("data-discard"));
  // Taking a reply back shows the draft anew, from the server: what was typed a moment ago is saved before it.
  document.addEventListener("htmx:confirm", (event) => {
    if (!here || !event.detail.elt?.matches?.("form[action$='/undo/']") || !(isDirty() || here.busy)) return;
    event.preventDefault();
    save().finally(() => event.detail.issueRequest(true));
  });
  document.addEventListener("htmx:confirm", (event) => {
    if (!ends(event) || event.detail.question) return;
    const one = here, waits = [];
    const detail = { form: one.form, waitFor: (promise) => waits.push(promise) };
    if (event.detail.elt === one.form) document.dispatchEvent(new CustomEvent("composer:sending", { detail }));
    const hasFiles = waits.length > 0;
    if (one.busy) waits.push(one.busy);
    if (!waits.length) return;
    event.preventDefault();
    if (one.isWaiting) return; // pressed twice
    one.isWaiting = true;
    if (hasFiles) say(words("waiting"));
    Promise.all(waits)
      .then(() => one === here && press(one.form, event.detail))
      .catch(() => one === here && say(words("unsent")))
      .finally(() => (one.isWaiting = false));
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "ticket") save(true);
    if (!ends(event)) return;
    clearTimeout(here.timer);
    here.isOver = true;
    const active = document.activeElement;
    // On a phone the focus would open the keyboard over what was just sent.
    refocus = active === here.form.elements.body || (here.form.contains(active) && matchMedia("(pointer: fine)").matches);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!ends(event)) return;
    here.isOver = false;
    if (!event.detail.successful) {
      here.kept = null;
      soon();
    }
  });
  document.addEventListener("htmx:afterSettle", adopt);
  document.addEventListener("htmx:oobAfterSwap", adopt);
  adopt();
  // A page that was loaded again may have been asked for before what it left behind was saved.
  if (performance.getEntriesByType("navigation")[0]?.type === "reload") setTimeout(look, 600);
})();
