// What every page does with script: search, panel, tables by keyboard, times that stay true, live parts.
// Each page works without it for reading.

const body = document.body;
const panel = document.getElementById("panel");
const search = document.getElementById("search");
const found = document.getElementById("found");

// The panel beside the page.

const events = new EventTarget();
export { events };

let opener = null;

function selectedId(address) {
  const url = new URL(address, location.href);
  return url.pathname + url.search;
}

export async function openPanel(address, { remember = true, focus = true } = {}) {
  opener = document.activeElement;
  panel.setAttribute("aria-busy", "true");
  await window.htmx.ajax("GET", address, { target: "#panel", swap: "innerHTML" });
  panel.removeAttribute("aria-busy");
  if (remember) {
    const here = new URL(location.href);
    here.searchParams.set("selected", selectedId(address));
    history.replaceState(history.state, "", here);
  }
  markSelected();
  if (focus) panel.focus({ preventScroll: true });
}

export function closePanel() {
  panel.replaceChildren();
  const here = new URL(location.href);
  here.searchParams.delete("selected");
  history.replaceState(history.state, "", here);
  markSelected();
  if (opener && opener.isConnected) opener.focus({ preventScroll: true });
}

function markSelected() {
  const detail = panel.querySelector("[data-entity]");
  const id = detail ? detail.dataset.entity : "";
  for (const row of document.querySelectorAll("tr[data-id]")) {
    if (id && row.dataset.id === id) {
      row.setAttribute("aria-selected", "true");
      row.scrollIntoView({ block: "nearest" });
    } else row.removeAttribute("aria-selected");
  }
  events.dispatchEvent(new CustomEvent("selected", { detail: id }));
  decorate(panel);
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a");
  if (event.target.closest("[data-close-panel]")) {
    event.preventDefault();
    closePanel();
  } else if (link && link.hasAttribute("data-panel")) {
    event.preventDefault();
    openPanel(link.getAttribute("href"));
  } else if (link && link.dataset.swap) {
    event.preventDefault();
    swap(link.getAttribute("href"), link.dataset.swap);
  } else if (!link && !event.target.closest("button, input, select, label")) {
    const row = event.target.closest("tr[data-id]");
    const first = row && row.querySelector("a[data-panel]");
    if (first && !String(getSelection())) openPanel(first.getAttribute("href"), { focus: false });
  }
});

// One part of the page anew, at another address.

async function swap(address, id) {
  const part = document.getElementById(id);
  const key = document.activeElement && part.contains(document.activeElement) ? document.activeElement.textContent.trim() : "";
  await window.htmx.ajax("GET", address, { target: "#" + CSS.escape(id), select: "#" + CSS.escape(id), swap: "outerHTML" });
  history.pushState(null, "", address);
  const fresh = document.getElementById(id);
  decorate(fresh);
  const again = key && [...fresh.querySelectorAll("a")].find((link) => link.textContent.trim() === key);
  if (again) again.focus({ preventScroll: true });
}
addEventListener("popstate", () => location.reload());

for (const form of document.querySelectorAll("form[data-swap]")) {
  const go = () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    swap(form.getAttribute("action") + "?" + query, form.dataset.swap);
  };
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(go, 220);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    go();
  });
}

// A file from this computer: sent first, and looked at where the hub has put it.

for (const form of document.querySelectorAll("form[data-upload]")) {
  const picker = form.querySelector("input[type=file]");
  const where = form.elements.where;
  const hint = form.querySelector("#" + picker.getAttribute("aria-describedby"));
  picker.closest(".field").hidden = false;
  picker.addEventListener("change", () => {
    where.required = !picker.files.length;
    if (picker.files.length) where.value = "";
  });
  where.addEventListener("input", () => {
    picker.value = "";
    where.required = true;
  });
  form.addEventListener("submit", (event) => {
    if (!picker.files.length) return;
    event.preventDefault();
    send(form, picker, where, hint);
  });
}

function send(form, picker, where, hint) {
  const button = form.querySelector("button");
  const file = picker.files[0];
  const request = new XMLHttpRequest();
  const fail = (why) => {
    button.disabled = false;
    hint.className = "hint wrong";
    hint.textContent = why;
  };
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    const share = event.lengthComputable ? ", " + (event.loaded / event.total).toLocaleString(language, { style: "percent" }) : "";
    hint.textContent = form.dataset.sending + share;
  });
  request.addEventListener("error", () => fail(form.dataset.unsent));
  request.addEventListener("load", () => {
    const answer = request.response || {};
    if (!answer.where) return fail(answer.wrong || form.dataset.unsent);
    picker.value = "";
    where.value = answer.where;
    where.required = true;
    button.disabled = false;
    form.submit();
  });
  button.disabled = true;
  hint.className = "hint";
  hint.textContent = form.dataset.sending;
  request.open("POST", form.dataset.upload + "?" + new URLSearchParams({ name: file.name, agency: form.elements.agency.value }));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
}

// An act that cannot be undone names what it does, and asks.

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// Keys.

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if ((event.key === "/" && !typing) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey))) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape") {
    if (found.childElementCount && event.target.closest(".search")) {
      found.replaceChildren();
      search.focus();
    } else if (panel.childElementCount) closePanel();
  } else if (["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) {
    step(event);
  }
});

function step(event) {
  const table = event.target.closest("table[data-keys]");
  const box = event.target.closest(".search");
  const region = event.target.matches(".table-wrap") ? event.target : null;
  let links = [];
  if (box && event.key.startsWith("Arrow")) links = [search, ...found.querySelectorAll("a")];
  else if (table && event.target.closest("tbody")) links = [...table.querySelectorAll("tbody tr[data-id] th a")];
  else if (region) links = [...region.querySelectorAll("tbody tr[data-id] th a")];
  if (!links.length) return;
  const row = event.target.closest("tr");
  const at = links.indexOf(row ? row.querySelector("th a") : event.target);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (next < 0 || next >= links.length) return;
  event.preventDefault();
  links[next].focus();
}

document.addEventListener("click", (event) => {
  if (!event.target.closest(".search")) found.replaceChildren();
});
search.addEventListener("input", () => {
  if (!search.value.trim()) found.replaceChildren();
});

// Times that stay true while the page stays open.

const language = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(language, { numeric: "always" });
const spans = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function renewTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    if (Math.abs(seconds) < 45) continue;
    const [unit, size] = spans.find(([, length]) => Math.abs(seconds) >= length * 0.95) || spans[6];
    time.textContent = relative.format(Math.round(seconds / size), unit);
  }
}
setInterval(renewTimes, 20000);

// Live: one stream; what it names is fetched again, and only what differs is put in.

const line = document.querySelector(".line-state");
let stream = null;
let silence = 0;
let renewal = 0;
let renewed = 0;

function showLine(state) {
  if (line.dataset.line === state && !line.hidden) return;
  line.hidden = false;
  line.dataset.line = state;
  line.firstElementChild.textContent = body.dataset["line" + state[0].toUpperCase() + state.slice(1)];
  line.title = line.firstElementChild.textContent;
}

function listen() {
  stream = new EventSource(body.dataset.live);
  const alive = () => {
    showLine("on");
    clearTimeout(silence);
    // The stream says something every 15 s; twice that without a word is a lost line.
    silence = setTimeout(lost, 35000);
  };
  stream.addEventListener("hello", () => {
    // What waits to be delivered may have been delivered since the page was made.
    if (line.dataset.line === "off" || document.querySelector('[data-live-part="subscriptions"], [data-live-part="hubs"], [data-live-part="watchers"]')) renewSoon();
    alive();
  });
  stream.addEventListener("still", alive);
  stream.addEventListener("changed", (event) => {
    alive();
    const change = JSON.parse(event.data);
    if ([...document.querySelectorAll("[data-live-part]")].some((part) => concerns(part, change))) renewSoon();
    events.dispatchEvent(new CustomEvent("changed", { detail: change }));
  });
  stream.addEventListener("error", lost);
}

function lost() {
  showLine("off");
  clearTimeout(silence);
  stream.close();
  setTimeout(listen, 3000 + Math.random() * 2000);
}

// A part names the type that it shows, or `*` where it shows many, or the connections that it tells of.
function concerns(part, change) {
  const wanted = part.dataset.livePart;
  if (["subscriptions", "hubs", "watchers"].includes(wanted)) return change.connections.includes(wanted);
  return (wanted === "*" && Object.keys(change.types).length > 0) || Object.hasOwn(change.types, wanted) || change.sources.length > 0;
}

// The first change shows at once, those that follow it together: a long run changes something every second.
function renewSoon() {
  if (renewal) return;
  const wait = Math.max(200, renewed + 4000 - Date.now()) + Math.random() * 300;
  renewal = setTimeout(() => {
    renewal = 0;
    renewed = Date.now();
    renew().catch((error) => console.warn(error));
  }, wait);
}

// How what has the focus is found again in the part that takes its place.
function nameOf(element) {
  if (element.id) return "#" + CSS.escape(element.id);
  const href = element.getAttribute("href");
  if (href) return `a[href="${CSS.escape(href)}"]`;
  return element.matches(".table-wrap") ? ".table-wrap" : "";
}

// What somebody types is not taken from under the fingers; that part is renewed once it is sent or taken back.
function isBeingFilled(part) {
  return [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field === document.activeElement || field.value !== field.defaultValue);
}

async function renew() {
  if (document.hidden) return document.addEventListener("visibilitychange", renewSoon, { once: true });
  const parts = [...document.querySelectorAll("[data-live-part]")];
  if (!parts.length) return undefined;
  const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
  if (!answer.ok) return undefined;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const next = fresh.getElementById(part.id);
    if (!next) continue;
    if (next.innerHTML === part.innerHTML || isBeingFilled(part)) continue;
    const before = new Map([...part.querySelectorAll("[data-number]")].map((node, index) => [index, node.textContent]));
    const held = document.activeElement && part.contains(document.activeElement) ? nameOf(document.activeElement) : "";
    const opened = new Set([...part.querySelectorAll("details[id][open]")].map((details) => details.id));
    const scrolled = [...part.querySelectorAll(".table-wrap")].map((wrap) => [wrap.scrollLeft, wrap.scrollTop]);
    part.replaceChildren(...next.childNodes);
    [...part.querySelectorAll("[data-number]")].forEach((node, index) => {
      if (before.get(index) !== node.textContent) node.classList.add("flash");
    });
    for (const details of part.querySelectorAll("details[id]")) details.open = opened.has(details.id);
    [...part.querySelectorAll(".table-wrap")].forEach((wrap, index) => {
      [wrap.scrollLeft, wrap.scrollTop] = scrolled[index] ?? [0, 0];
    });
    if (held) part.querySelector(held)?.focus({ preventScroll: true });
    decorate(part);
  }
  return undefined;
}

// Maps and charts are fetched only by pages that have one, and after the page itself.

function style(address) {
  if (document.querySelector(`link[href="${address}"]`)) return Promise.resolve();
  return new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    link.onload = link.onerror = done;
    document.head.append(link);
  });
}

export function decorate(root) {
  for (const element of root.querySelectorAll("[data-map]:not([data-made])")) {
    element.dataset.made = "";
    Promise.all([import(body.dataset.mapScript), style(body.dataset.mapStyle)])
      .then(([module]) => module.draw(element, { events, openPanel }))
      .catch((error) => {
        element.querySelector(".map-wait")?.replaceChildren(element.dataset.failed);
        console.warn(error);
      });
  }
  for (const element of root.querySelectorAll("[data-chart]:not([data-made])")) {
    element.dataset.made = "";
    Promise.all([import(body.dataset.chartScript), style(body.dataset.chartStyle)])
      .then(([module]) => module.draw(element, body.dataset.chartLibrary))
      .catch((error) => console.warn(error));
  }
  for (const button of root.querySelectorAll("[data-copy]:not([data-made])")) {
    button.dataset.made = "";
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done;
    });
  }
}

decorate(document);
markSelected();
if (window.EventSource) addEventListener("load", () => setTimeout(listen, 50));
