// The composer's draft: saved on the server a moment after typing stops and as the page is left, so that it is there in
// any browser. Of two windows the one that saved last wins; what the other had written is shown, not lost.
"use strict";
(() => {
  const PAUSE = 800, AT_MOST = 5000, AGAIN = 5000, KEPT_ALIVE = 60000;
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
    if (!isDirty()) return;
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
    } else throw new Error(String(answer.status));
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
    else if (draft.body !== one.form.elements.body.value) {
      one.form.elements.body.value = draft.body;
      one.form.elements.visibility.value = draft.visibility;
      one.kept = JSON.stringify(content(one.form));
      say(words("taken"));
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
  document.addEventListener("visibilitychange", () => (document.visibilityState === "hidden" ? save(true) : look()));
  window.addEventListener("pagehide", () => save(true));

  // Sending takes the draft along: nothing is saved after it, and what is being saved arrives before it.
  const ends = (event) => here && (event.detail.elt === here.form || event.detail.elt?.hasAttribute?.("data-discard"));
  document.addEventListener("htmx:confirm", (event) => {
    if (!ends(event) || !here.busy || event.detail.question) return;
    event.preventDefault();
    here.busy.finally(() => event.detail.issueRequest(true));
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "ticket") save(true);
    if (!ends(event)) return;
    clearTimeout(here.timer);
    here.isOver = true;
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
})();
