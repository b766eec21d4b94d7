// Keeps the page current without reloading it, and moves by keyboard. Everything works without this file, too.
"use strict";

const POLL_MS = 4000;
const live = document.getElementById("live");
let etag = null;
let failures = 0;

function ages() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    time.textContent = seconds >= 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
  }
}

function span(seconds) {
  let rest = Math.round(seconds);
  const parts = [];
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    if (rest >= size) { parts.push(`${Math.floor(rest / size)} ${unit}`); rest %= size; }
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

async function poll() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: etag ? { "If-None-Match": etag } : {}, redirect: "error" });
    if (answer.status === 200) {
      etag = answer.headers.get("ETag");
      update(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } else if (answer.status !== 304) throw new Error(answer.status);
    failures = 0;
    live.textContent = "";
  } catch {
    if (++failures === 2) live.textContent = "Not live: the console does not answer.";
  }
}

// What somebody is working in stays as it is: nothing may move under a finger or a cursor.
const busy = (part) => part.contains(document.activeElement) || part.querySelector("input[type=checkbox]:checked");

function update(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now && now.outerHTML !== part.outerHTML && !busy(part)) part.replaceWith(now);
  }
  const decide = document.querySelector(".decide");
  if (decide && !fresh.querySelector(".decide")) {
    for (const button of decide.querySelectorAll("button")) button.disabled = true;
    live.textContent = "This task has just been decided.";
  } else if (!decide && fresh.querySelector(".decide, .repair") && !document.querySelector(".decide, .repair")) {
    location.reload();
  }
  const groups = document.querySelector("[data-live-groups]");
  if (groups) updateGroups(groups, fresh);
  document.title = fresh.title;
  ages();
}

// Rows that were decided stay, struck out, and new ones come last, so that no click meets another task.
function updateGroups(groups, fresh) {
  const waiting = fresh.querySelector("[data-live-groups]");
  for (const row of groups.querySelectorAll("tbody tr")) {
    const gone = !fresh.getElementById(row.id);
    row.classList.toggle("gone", gone);
    const box = row.querySelector("input");
    box.disabled = gone;
    if (gone) box.checked = false;
  }
  for (const section of waiting.querySelectorAll(".group")) {
    const known = document.getElementById(section.id);
    if (!known) { groups.append(section); enhance(section); continue; }
    for (const row of section.querySelectorAll("tbody tr")) {
      if (!document.getElementById(row.id)) known.querySelector("tbody").append(row);
    }
  }
  const empty = groups.querySelector(".empty");
  if (empty && groups.querySelector(".group")) empty.remove();
}

function enhance(root) {
  for (const button of root.querySelectorAll(".select-all")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      for (const box of button.form.querySelectorAll("input[name=pick]:not(:disabled)")) box.checked = true;
    });
  }
}

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
    x: () => { const box = document.querySelector("tr.at input[name=pick]"); if (box && !box.disabled) box.checked = !box.checked; },
    a: () => focus("approve"),
    r: () => focus("reject"),
    c: () => focus("comment"),
    e: () => { const edit = document.getElementById("edit"); if (edit) { edit.open = true; edit.querySelector("input:not([type=hidden]), select, textarea")?.focus(); } },
    n: () => next(),
    "/": () => focus("find"),
  };
  if (actions[key]) { event.preventDefault(); actions[key](); }
});

async function next() {
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  const here = location.pathname;
  const links = [...page.querySelectorAll("a.open")].map((link) => link.getAttribute("href"));
  location.href = links.find((href) => href !== here) ?? "/";
}

enhance(document);
document.getElementById("error")?.focus();
ages();
setInterval(ages, 1000);
setInterval(poll, POLL_MS);
document.addEventListener("visibilitychange", poll);
