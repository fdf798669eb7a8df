// In the composer, `/` at the start of a word opens the macros and `@` the colleagues: a list box over the text, filtered
// as one types. Nothing here reacts while an input method is composing.
"use strict";
(() => {
  const OPENS = /(?:^|[\s，。！？；：、（）])(\/)([^\s/]{0,40})$|(?:^|[^A-Za-z0-9._%+-])(@)([^\s@]{0,40})$/;
  let open = null; // what is open: form, area, list, mark ("/" or "@"), start (where the mark stands)
  let left = null; // what Escape closed: it stays closed while the same word goes on

  const options = () => [...open.list.querySelectorAll("[role=option]:not([hidden])")];
  const chosen = () => open.list.querySelector("[aria-selected=true]:not([hidden])");

  function look(area) {
    const before = area.value.slice(0, area.selectionStart);
    const found = area.selectionStart === area.selectionEnd && OPENS.exec(before);
    if (!found) {
      left = null;
      return close();
    }
    const mark = found[1] || found[3], word = found[2] ?? found[4];
    const start = before.length - word.length - 1;
    if (left && left.mark === mark && left.start === start && word.startsWith(left.word)) return;
    left = null;
    if (!open || open.mark !== mark || open.start !== start) begin(area, mark, start);
    filter(word);
  }
  function begin(area, mark, start) {
    close();
    const form = area.form, list = form.querySelector("[data-picks]");
    open = { form, area, list, mark, start, word: "" };
    const address = mark === "/" ? form.dataset.macros : form.dataset.people;
    list.replaceChildren();
    const mine = open;
    fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(answer.status))))
      .then((html) => {
        if (open !== mine) return;
        list.innerHTML = html;
        filter(mine.word);
      })
      .catch(() => open === mine && close());
  }
  function filter(word) {
    open.word = word;
    const wanted = word.toLowerCase();
    let count = 0;
    for (const option of open.list.querySelectorAll("[role=option]")) {
      option.hidden = !option.dataset.words.toLowerCase().includes(wanted);
      count += !option.hidden;
    }
    open.list.hidden = count === 0;
    open.area.setAttribute("aria-controls", open.list.id);
    say(count ? open.form.dataset.count.replace("{n}", count) : "");
    select(chosen() || options()[0]);
  }
  function select(option) {
    for (const other of open.list.querySelectorAll("[aria-selected=true]")) other.setAttribute("aria-selected", "false");
    if (!option) return open.area.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    open.area.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }
  function say(text) {
    const status = open.form.querySelector("[data-picks-said]");
    if (status.textContent !== text) status.textContent = text;
  }
  function close() {
    if (!open) return;
    open.list.hidden = true;
    open.area.removeAttribute("aria-activedescendant");
    open.area.removeAttribute("aria-controls");
    say("");
    open = null;
  }
  function put({ area, start, word }, text) {
    area.setRangeText(text, start, start + 1 + word.length, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  }

  function choose(option) {
    const mine = open;
    close();
    if (option.dataset.person) return name(mine, option);
    return fetch(option.dataset.choice, { headers: { "HX-Request": "true" }, credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(answer.status))))
      .then((html) => take(mine, html))
      .catch(() => mine.area.focus());
  }
  function name(mine, option) {
    const input = Object.assign(document.createElement("input"), { type: "hidden", name: "mentions", value: option.dataset.person });
    mine.form.querySelector("[data-mentions]").append(input);
    put(mine, `@${option.dataset.name} `);
  }
  function take(mine, html) {
    const got = document.createElement("template");
    got.innerHTML = html;
    const root = got.content.firstElementChild, chip = root.querySelector("li");
    const id = chip.querySelector("[name=macros]").value;
    if ("note" in root.dataset) mine.form.elements.visibility.value = "internal";
    if (!mine.form.querySelector(`[name=macros][value="${id}"]`)) {
      mine.form.querySelector("[data-extras]").append(chip);
      htmx.process(chip);
    }
    put(mine, root.dataset.text);
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("form.composer textarea") && !event.isComposing) look(event.target);
  });
  document.addEventListener("compositionend", (event) => {
    if (event.target.matches("form.composer textarea")) setTimeout(() => look(event.target));
  });
  // Before the other shortcuts: while the list is open its keys are its own.
  document.addEventListener("keydown", (event) => {
    if (!open || event.isComposing || event.keyCode === 229 || event.target !== open.area) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const all = options(), at = all.indexOf(chosen());
    if (event.key === "Escape") {
      left = open;
      close();
    } else if (!all.length) return;
    else if (event.key === "ArrowDown") select(all[(at + 1) % all.length]);
    else if (event.key === "ArrowUp") select(all[(at - 1 + all.length) % all.length]);
    else if (event.key === "Enter" || event.key === "Tab") choose(chosen() || all[0]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest("[data-picks]")) event.preventDefault(); // the text keeps the focus
  });
  document.addEventListener("click", (event) => {
    const option = open && event.target.closest("[data-picks] [role=option]");
    if (option) return choose(option);
    const button = event.target.closest("form.composer [data-pick]");
    if (button) {
      const area = button.form.elements.body, before = area.value.slice(0, area.selectionStart);
      area.focus();
      area.setRangeText((/(^|\s)$/.test(before) ? "" : " ") + button.dataset.pick, area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
      return;
    }
    const remove = event.target.closest("[data-extras] [data-remove]");
    if (!remove) return;
    const form = remove.form || remove.closest("form");
    remove.closest("li").remove();
    form.elements.body.focus();
    document.dispatchEvent(new CustomEvent("composer:changed"));
  });
  // A macro that was done at once stands by the text no longer.
  document.addEventListener("htmx:afterRequest", (event) => {
    const line = event.detail.successful && event.detail.elt?.matches?.("[data-extras] [name=macro]") && event.detail.elt.closest("li");
    if (!line) return;
    line.remove();
    document.dispatchEvent(new CustomEvent("composer:changed"));
  });
  document.addEventListener("focusout", (event) => {
    if (open && event.target === open.area) close();
  });
  // News of the queue or the conversation leave the list open; another composer takes it away.
  document.addEventListener("htmx:afterSettle", () => open && !open.area.isConnected && (open = null));
})();
