// The bell: how many notices are unread, their list when it is opened, and, where somebody asked for it, the browser's
// own notifications and a tone. One tab speaks for all of a browser; none speaks of the ticket that is being looked at.
"use strict";
(() => {
  const bell = document.getElementById("bell");
  if (!bell || !window.htmx) return;
  const count = document.getElementById("bell-count");
  const list = document.getElementById("bell-list");
  const seen = document.getElementById("bell-seen");
  const look = () => htmx.trigger(document.body, "desk:notices");
  const showList = () => htmx.trigger(list, "bell:open");
  const isVisible = () => document.visibilityState === "visible";
  const openTicket = () => (isVisible() && document.getElementById("ticket")?.dataset.id) || "";

  // ---- how many
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== count) return;
    event.detail.parameters.has = count.firstElementChild?.dataset.state ?? "";
    event.detail.parameters.open = openTicket();
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    // Signed out meanwhile: what was answered is the way in, which is no bell.
    const isOurs = detail.target === count || detail.target === list;
    if (isOurs && !new URL(detail.xhr.responseURL).pathname.startsWith("/desk/notices/")) detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target !== count) return;
    const state = count.firstElementChild.dataset;
    // What is being looked at has been read.
    if ("aboutOpen" in state && openTicket()) {
      seen.elements.subject.value = openTicket();
      htmx.trigger(seen, "submit");
    }
    // An open list follows, unless somebody is in it with the keyboard.
    if (bell.open && !list.contains(document.activeElement)) showList();
    speak(JSON.parse(state.aloud));
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful && detail.requestConfig.path === seen.getAttribute("action")) look();
  });
  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (target.id === "ticket") {
      sayWhatIsOpen();
      look();
    }
    // The button that was pressed is gone with the old list.
    if (target === list && bell.open && document.activeElement === document.body) bell.firstElementChild.focus();
  });
  document.addEventListener("visibilitychange", () => {
    sayWhatIsOpen();
    if (isVisible()) look();
  });
  // Whichever tab has the stream says what it hears; after a gap there may be more than it heard.
  new BroadcastChannel("desk-live").onmessage = ({ data }) => {
    if (data.notice || data.state === "on") look();
  };
  if (!document.getElementById("desk")) setInterval(() => isVisible() && look(), 60000);
  bell.addEventListener("toggle", () => bell.open && showList());

  // ---- aloud
  const TURNED_ON = "desk-notices-on", SPOKEN = "desk-notices-spoken";
  const FRESH_SECONDS = 60;
  const canShow = "Notification" in window;
  const isOn = () => canShow && Notification.permission === "granted" && localStorage.getItem(TURNED_ON) === "1";
  let isSpeaker = false;
  navigator.locks.request("desk-notices", () => new Promise(() => (isSpeaker = true)));
  // Which ticket a tab has open and visible is said by a lock: every tab can ask for it, and it goes with its tab.
  const OPEN = "desk-open:";
  let saidOpen = "", noLonger = () => {};
  function sayWhatIsOpen() {
    const id = openTicket();
    if (id === saidOpen) return;
    saidOpen = id;
    noLonger();
    noLonger = () => {};
    const hold = () => saidOpen === id && new Promise((done) => (noLonger = done));
    if (id) navigator.locks.request(OPEN + id, { mode: "shared" }, hold);
  }
  sayWhatIsOpen();

  async function speak(aloud) {
    if (!isSpeaker) return;
    const spoken = JSON.parse(localStorage.getItem(SPOKEN) || "[]");
    const fresh = aloud.filter((one) => !spoken.includes(one.id));
    if (!fresh.length) return;
    localStorage.setItem(SPOKEN, JSON.stringify([...spoken, ...fresh.map((one) => one.id)].slice(-100)));
    const held = (await navigator.locks.query()).held.map((lock) => lock.name);
    const news = fresh.filter((one) => one.age < FRESH_SECONDS && !held.includes(OPEN + one.about));
    if (news.some((one) => one.sound)) tone();
    if (isOn()) for (const one of news) if (one.browser) show(one.text, one.id, one.address);
  }
  function show(text, tag, address) {
    const options = { body: text, tag, lang: document.documentElement.lang, silent: true };
    const shown = new Notification(bell.dataset.title, options);
    shown.onclick = () => {
      window.focus();
      shown.close();
      if (address) location.assign(address);
    };
  }
  function tone() {
    const audio = new AudioContext();
    [660, 880].forEach((pitch, n) => {
      const at = audio.currentTime + n * 0.13, source = audio.createOscillator(), volume = audio.createGain();
      source.frequency.value = pitch;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.3);
      source.connect(volume).connect(audio.destination);
      source.start(at);
      source.stop(at + 0.32);
    });
    setTimeout(() => audio.close(), 1000);
  }

  // ---- the page on which one chooses
  const here = document.getElementById("notices-here");
  if (!here) return;
  const buttons = Object.fromEntries([...here.querySelectorAll("[data-notices]")].map((one) => [one.dataset.notices, one]));
  let cannot = !canShow;
  function tellState() {
    const isDenied = canShow && Notification.permission === "denied";
    const state = cannot ? "Unable" : isDenied ? "Denied" : isOn() ? "On" : "Off";
    document.getElementById("notices-here-state").textContent = here.dataset[`words${state}`];
    buttons.on.hidden = state !== "Off";
    buttons.off.hidden = state !== "On";
    buttons.hear.hidden = false;
  }
  buttons.on.addEventListener("click", async () => {
    if ((await Notification.requestPermission()) === "granted") {
      try {
        show(here.dataset.sample, "sample", "");
        localStorage.setItem(TURNED_ON, "1");
      } catch {
        cannot = true; // some browsers on phones have permission to ask for, and nothing to show it with
      }
    }
    tellState();
    (buttons.off.hidden ? buttons.hear : buttons.off).focus();
  });
  buttons.off.addEventListener("click", () => {
    localStorage.removeItem(TURNED_ON);
    tellState();
    buttons.on.focus();
  });
  buttons.hear.addEventListener("click", tone);
  tellState();
})();
