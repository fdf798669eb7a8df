// Files go up ahead of the message, chosen, dropped or pasted: each with its progress, and a button that ends it.
// Whatever becomes of a file, the text stays where it is.
"use strict";
(() => {
  const MOST = 20;
  const going = new Map(); // line → {promise, xhr}

  const size = (bytes) => (bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} kB` : `${(bytes / 1048576).toFixed(1)} MB`);
  function make(tag, props, ...children) {
    const el = Object.assign(document.createElement(tag), props);
    el.append(...children);
    return el;
  }

  function take(form, files) {
    const list = form.querySelector("[data-files]");
    for (const file of files) {
      if (list.children.length >= MOST) return line(form, file, form.dataset.tooMany);
      start(form, file, line(form, file));
    }
  }
  function line(form, file, refusal) {
    const close = make("button", { type: "button", className: "btn btn-bare btn-icon btn-sm" }, make("i", { className: "ti ti-x", ariaHidden: "true" }));
    close.dataset.remove = "";
    close.setAttribute("aria-label", `${form.dataset.without} ${file.name}`);
    const li = make("li", { className: "file-chip upload" }, make("i", { className: "ti ti-paperclip", ariaHidden: "true" }),
      make("span", { className: "clip", textContent: file.name }), make("span", { className: "upload-said num", textContent: size(file.size) }), close);
    li.dataset.file = "";
    form.querySelector("[data-files]").append(li);
    if (refusal) fail(form, li, file, refusal, false);
    return li;
  }
  function start(form, file, li) {
    const bar = make("progress", { max: 100, value: 0 });
    bar.setAttribute("aria-label", file.name);
    li.querySelector(".upload-said").before(bar);
    const xhr = new XMLHttpRequest();
    const promise = new Promise((done, failed) => {
      xhr.upload.onprogress = (event) => {
        if (!event.lengthComputable) return;
        bar.value = (100 * event.loaded) / event.total;
        li.querySelector(".upload-said").textContent = `${size(event.loaded)} / ${size(event.total)}`;
      };
      xhr.onload = () => (xhr.status === 201 ? done(JSON.parse(xhr.responseText)) : failed(new Error(why(form, xhr))));
      xhr.onerror = () => failed(new Error(form.dataset.lost));
      xhr.onabort = () => done(null);
    }).then((kept) => {
      bar.remove();
      if (kept) finish(form, li, kept, file);
    }, (error) => {
      bar.remove();
      fail(form, li, file, error.message, true);
      throw error;
    }).finally(() => going.delete(li));
    promise.catch(() => {}); // said in the line; who waits for it hears of it too
    going.set(li, { promise, xhr });
    xhr.open("POST", form.dataset.upload);
    xhr.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
    xhr.setRequestHeader("Accept", "application/json");
    const data = new FormData();
    data.append("file", file, file.name || "image.png");
    xhr.send(data);
  }
  function why(form, xhr) {
    if (xhr.status === 413) return form.dataset.tooLarge;
    try {
      const problem = JSON.parse(xhr.responseText);
      return problem.errors?.[0]?.detail || problem.detail || form.dataset.refused;
    } catch {
      return form.dataset.refused;
    }
  }
  function finish(form, li, kept, file) {
    li.append(make("input", { type: "hidden", name: "uploaded", value: kept.id }));
    li.querySelector(".upload-said").textContent = size(file.size);
    document.dispatchEvent(new CustomEvent("composer:changed"));
  }
  function fail(form, li, file, reason, again) {
    li.classList.add("is-bad");
    const said = li.querySelector(".upload-said");
    said.setAttribute("role", "alert");
    said.textContent = reason;
    if (!again) return;
    const retry = make("button", { type: "button", className: "btn btn-quiet btn-sm", textContent: form.dataset.again });
    retry.onclick = () => {
      li.remove();
      take(form, [file]);
    };
    said.after(retry);
  }

  document.addEventListener("change", (event) => {
    const form = event.target.matches("form.composer input[type=file]") && event.target.form;
    if (!form) return;
    take(form, [...event.target.files]);
    event.target.value = ""; // they are up already; the form does not bring them again
  });
  document.addEventListener("paste", (event) => {
    const form = event.target.closest?.("form.composer"), files = [...(event.clipboardData?.files || [])];
    if (!form || !files.length) return;
    event.preventDefault();
    take(form, files);
  });
  const composer = (event) => [...(event.dataTransfer?.types || [])].includes("Files") && document.querySelector("form.composer");
  const within = (event) => event.target.closest?.("#ticket");
  document.addEventListener("dragover", (event) => {
    const form = composer(event);
    if (!form) return;
    event.preventDefault(); // a file that misses is not opened in place of the desk
    form.classList.toggle("is-over", Boolean(within(event)));
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.querySelector("form.composer")?.classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    const form = composer(event);
    if (!form) return;
    event.preventDefault();
    form.classList.remove("is-over");
    if (within(event)) take(form, [...event.dataTransfer.files]);
  });
  document.addEventListener("click", (event) => {
    const remove = event.target.closest("[data-files] [data-remove]");
    if (!remove) return;
    const li = remove.closest("li"), form = li.closest("form");
    going.get(li)?.xhr.abort();
    li.remove();
    form.elements.body.focus();
    document.dispatchEvent(new CustomEvent("composer:changed"));
  });
  // Who sends while files are on their way means them too.
  document.addEventListener("composer:sending", (event) => {
    for (const [li, { promise }] of going) if (event.detail.form.contains(li)) event.detail.waitFor(promise);
  });
})();
