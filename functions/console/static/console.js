// Keeps the page current without reloading it, and moves by keyboard. Everything works without this file, too.
"use strict";

const POLL_MS = 4000;
const live = document.getElementById("live");
let etag = null;
let failures = 0;

// Times as this browser's clock and language say them; without this file they are UTC.
const exact = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});

function ages() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    time.title = exact.format(new Date(time.dateTime));
    if (time.classList.contains("exact")) time.textContent = time.title;
    else {
      const { classList } = time;
      const length = span(Math.abs(seconds), classList.contains("brief") || classList.contains("left") ? 1 : 2);
      if (seconds < 0) time.textContent = `${length} ago`;
      else time.textContent = classList.contains("left") ? `${length} left` : `in ${length}`;
    }
  }
}

function span(seconds, units = 2) {
  let rest = Math.round(seconds);
  const parts = [];
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    if (rest >= size) { parts.push(`${Math.floor(rest / size)} ${unit}`); rest %= size; }
  }
  return parts.slice(0, units).join(" ") || "0 s";
}

async function poll() {
  if (document.hidden && !(wants() && Date.now() - asked >= HIDDEN_MS)) return;
  asked = Date.now();
  try {
    const answer = await fetch(location.href, { headers: etag ? { "If-None-Match": etag } : {}, redirect: "error" });
    if (failures) live.textContent = "";
    if (answer.status === 200) {
      etag = answer.headers.get("ETag");
      update(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } else if (answer.status !== 304) throw new Error(answer.status);
    failures = 0;
  } catch {
    if (++failures === 2) live.textContent = "Not live: the console does not answer.";
  }
}

// What somebody is working in stays as it is: nothing may move under a finger or a cursor.
const busy = (part) => part.contains(document.activeElement) || part.querySelector("input[type=checkbox]:checked");

function update(fresh) {
  tell(fresh);  // first: what is new moves out of it
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now && now.outerHTML !== part.outerHTML && !busy(part)) part.replaceWith(now);
  }
  updateActions(document.getElementById("actions"), fresh.getElementById("actions"));
  const rows = document.querySelector("[data-live-rows]");
  if (rows) updateRows(rows, fresh);
  document.title = fresh.title;
  ages();
}

const typed = (part) => [...part.querySelectorAll("input, textarea, option")].some((field) =>
  field.tagName === "OPTION" ? field.selected !== field.defaultSelected && field.parentNode.selectedIndex > 0
    : field.value !== field.defaultValue || field.checked !== field.defaultChecked);

// What cannot be done any more is not offered; but nothing that somebody has typed is thrown away unasked.
function updateActions(here, now) {
  if (!here || !now || here.dataset.doors === now.dataset.doors) return;
  if (!busy(here) && !typed(here)) { here.replaceWith(now); return; }
  if (here.dataset.changed !== undefined) return;
  here.dataset.changed = "";
  for (const button of here.querySelectorAll("button")) button.disabled = true;
  const note = document.createElement("p");
  note.className = "alert";
  note.setAttribute("role", "status");
  note.textContent = "This task has changed meanwhile: what you typed here cannot be sent any more. ";
  const show = document.createElement("button");
  show.type = "button";
  show.textContent = "Show what can be done now";
  show.addEventListener("click", () => location.reload());
  note.append(show);
  here.prepend(note);
}

// Rows that were decided stay, struck out, and new ones come last, so that no click meets another task.
function updateRows(rows, fresh) {
  for (const row of rows.querySelectorAll("tr")) {
    const now = fresh.getElementById(row.id);
    row.classList.toggle("gone", !now);
    const box = row.querySelector("input");
    if (box) {
      box.disabled = !now;
      if (!now) box.checked = false;
    }
    if (now && said(now) !== said(row) && !busy(row)) row.replaceWith(now);
  }
  for (const row of fresh.querySelectorAll("[data-live-rows] tr")) {
    if (!document.getElementById(row.id)) rows.append(row);
  }
  if (rows.children.length) document.querySelector(".empty")?.remove();
  count();
}

// What a row says but for its times, which go on by themselves.
function said(row) {
  const copy = row.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.textContent = time.dateTime;
  return copy.textContent;
}

function count() {
  const picked = document.getElementById("picked");
  if (!picked) return;
  const number = document.querySelectorAll("input[name=pick]:checked").length;
  picked.textContent = number ? `${number} selected` : "";
  picked.parentElement.classList.toggle("none", !number);
}

function enhance(root) {
  for (const button of root.querySelectorAll(".select-all")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      for (const box of button.form.querySelectorAll("input[name=pick]:not(:disabled)")) box.checked = true;
      count();
    });
  }
  const every = root.getElementById("every");
  if (every) {
    every.hidden = false;
    every.addEventListener("change", () => {
      for (const box of every.form.querySelectorAll("input[name=pick]:not(:disabled)")) box.checked = every.checked;
    });
  }
  for (const choice of root.querySelectorAll("#filter select")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
  root.getElementById("filter")?.addEventListener("submit", (event) => {
    const empty = [...event.target.elements].filter((field) => field.name && !field.value);
    for (const field of empty) field.disabled = true;  // so that the address holds what is asked for alone
    setTimeout(() => { for (const field of empty) field.disabled = false; });
    for (const field of event.target.querySelectorAll("input[type=datetime-local]")) toUtc(field);
  });
  for (const field of root.querySelectorAll("input[type=datetime-local]")) fromUtc(field);
}

// A time is typed as this browser's clock says it, and asked for in UTC.
function fromUtc(field) {
  const zone = field.labels[0]?.querySelector(".zone");
  if (!zone) return;
  zone.textContent = "your time";
  if (field.value) field.value = local(new Date(`${field.value}Z`));
}

function toUtc(field) {
  if (!field.value || !field.labels[0]?.querySelector(".zone")) return;
  field.value = new Date(field.value).toISOString().slice(0, 16);
}

const local = (at) => new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);

let at = -1;
function move(step) {
  const rows = [...document.querySelectorAll("tbody tr")].filter((row) => row.querySelector("a.open"));
  if (!rows.length) return;
  rows[at]?.classList.remove("at");
  at = Math.min(rows.length - 1, Math.max(0, at + step));
  rows[at].classList.add("at");
  rows[at].querySelector("a.open").focus();
}

const go = (key) => document.querySelector(`nav a[data-key="${key}"]`)?.click();
const focus = (id) => { const found = document.getElementById(id); found?.scrollIntoView({ block: "center" }); found?.focus(); };
let pending = "";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return document.activeElement?.blur();
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
  const key = event.key;
  if (pending === "g") { pending = ""; event.preventDefault(); return go(key); }
  const pressed = document.querySelector(`button[data-press="${CSS.escape(key)}"]`);
  if (pressed) { event.preventDefault(); if (!event.repeat) pressed.click(); return; }
  const actions = {
    g: () => { pending = "g"; },
    j: () => move(1),
    k: () => move(-1),
    x: () => { const box = document.querySelector("tr.at input[name=pick]"); if (box && !box.disabled) { box.checked = !box.checked; count(); } },
    a: () => focus("approve"),
    r: () => focus("reject"),
    c: () => focus("comment"),
    e: () => { const edit = document.getElementById("edit"); if (edit) { edit.open = true; edit.querySelector("input:not([type=hidden]), select, textarea")?.focus(); } },
    n: () => next(),
    "?": () => help(),
    "/": () => focus("find"),
  };
  if (actions[key]) { event.preventDefault(); actions[key](); }
});

function help() {
  const keys = document.getElementById("keys");
  keys.open = !keys.open;
  if (keys.open) keys.scrollIntoView({ block: "end" });
}

// The next task of the list that this one was opened from; on the list itself its first.
function next() {
  const link = document.querySelector("a[data-next]") ?? document.querySelector("tr:not(.gone) a.open");
  if (link) link.click();
}

// What was just done is said once: neither a reload nor the next look at the page says it again.
const here = new URL(location.href);
if (here.searchParams.has("told")) {
  here.searchParams.delete("told");
  history.replaceState(null, "", here);
}

// Others are told who has this task open, while its page is in sight; a click is never held up by it.
const LOOK_MS = 30000;
function look() {
  const form = document.getElementById("look");
  if (!form || document.hidden) return;
  fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" }).catch(() => {});
}

// Whoever wants it is told by the browser when more waits than before, also while the page is out of sight; then it asks
// once a minute. This browser remembers that they want it, and nothing else.
const HIDDEN_MS = 60000;
const NOTIFY = "switchyard-notify";
let asked = 0;
let waited = waiting(document);

function waiting(page) {
  const text = page.querySelector('nav a[data-key="w"] .count')?.textContent ?? "0";
  return Number(text.replace(/[^0-9]/g, ""));
}

const wants = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(NOTIFY) === "on";

function tell(fresh) {
  const now = waiting(fresh);
  if (wants() && document.hidden && now > waited) {
    const words = now - waited === 1 ? "1 more task waits" : `${now - waited} more tasks wait`;
    try {
      const note = new Notification("Switchyard", { body: `${words}; ${now} in all`, tag: NOTIFY });
      note.addEventListener("click", () => { window.focus(); location.href = "/"; });
    } catch { /* some phones show none of a page; the title says the number, too */ }
  }
  waited = now;
}

function offer() {
  const button = document.getElementById("notify");
  if (!("Notification" in window) || Notification.permission === "denied") { button.hidden = true; return; }
  button.hidden = false;
  button.textContent = wants() ? "Tell me no more when something waits" : "Tell me when something waits";
}

document.getElementById("notify")?.addEventListener("click", async () => {
  if (wants()) localStorage.removeItem(NOTIFY);
  else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(NOTIFY, "on");
  offer();
});

document.addEventListener("change", count);
offer();
enhance(document);
count();
document.getElementById("error")?.focus();
ages();
setInterval(ages, 1000);
setInterval(poll, POLL_MS);
document.addEventListener("visibilitychange", poll);
look();
setInterval(look, LOOK_MS);
document.addEventListener("visibilitychange", look);
