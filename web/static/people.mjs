// Keeps the page of people current: who comes online or goes offline moves to the other list.
import { leaveFor } from "./lib/leave.mjs";
import { hueOf, initialsOf, byName } from "./lib/names.mjs";
import { Socket, socketURL } from "./lib/socket.mjs";
import { ago, full, machine } from "./lib/time.mjs";

const page = document.querySelector("[data-people]");
const boot = JSON.parse(document.querySelector("#boot").textContent);
const root = new URL(boot.base, location.href);
const query = page.dataset.query.toLowerCase();
const isFirstPage = page.dataset.after === "";
const hasMore = page.dataset.next !== "";
const lists = new Map([...page.querySelectorAll("[data-list]")].map((list) => [list.dataset.list, list]));
const online = new Set(boot.online);
let onlineTotal = boot.online_total;
let total = boot.total;
let wasLost = false;

const refreshEvery = 30_000;

function rowOf(name) {
  return [...page.querySelectorAll("[data-person]")].find((row) => row.dataset.person === name);
}

function show(name, isOnline, lastSeen) {
  let row = rowOf(name);
  if (!row) {
    row = newRow(name);
    // Where everybody is listed, who is not has just signed up.
    if (isFirstPage && !hasMore && query === "") total++;
  }
  row.dataset.online = String(isOnline);
  const state = row.querySelector("[data-state]");
  if (isOnline) state.replaceChildren("Online");
  else state.replaceChildren("Last seen ", moment(lastSeen));
  const list = lists.get(isOnline ? "online" : "offline");
  if (!list || !belongs(name, list, isOnline)) {
    row.remove();
    return;
  }
  if (row.parentElement !== list) {
    const hadFocus = row.contains(document.activeElement);
    const next = [...list.children].find((other) => byName(other.dataset.person, name) > 0);
    list.insertBefore(row, next ?? null);
    if (name !== boot.me.name) row.classList.add("person--moved");
    if (hadFocus) row.querySelector("a").focus();
  }
}

// belongs says whether a person stands in this part of the list: what is searched for, and the page, decide.
function belongs(name, list, isOnline) {
  if (!name.toLowerCase().includes(query)) return false;
  if (isOnline) return isFirstPage;
  const first = list.firstElementChild?.dataset.person;
  const last = list.lastElementChild?.dataset.person;
  const afterStart = isFirstPage || (first !== undefined && byName(first, name) <= 0);
  const beforeEnd = !hasMore || (last !== undefined && byName(name, last) <= 0);
  return afterStart && beforeEnd;
}

function newRow(name) {
  const row = element("li", "person");
  row.dataset.person = name;
  const link = element("a", "list__row person__link");
  link.href = new URL(`pm/${encodeURIComponent(name)}/`, root).href;
  const label = element("span", "list__name");
  const words = element("bdi");
  words.textContent = name;
  label.append(words);
  if (name === boot.me.name) {
    const you = element("span", "person__you");
    you.textContent = "you";
    label.append(" ", you);
  }
  const state = element("span", "list__note person__state");
  state.dataset.state = "";
  link.append(avatar(name), label, state);
  row.append(link);
  return row;
}

function element(tag, className = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  return made;
}

function avatar(name) {
  const make = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const colour = `oklch(0.6 0.13 ${hueOf(name)})`;
  const picture = make("svg", { class: "avatar", viewBox: "0 0 40 40", color: colour, "aria-hidden": "true" });
  const letters = make("text", { x: 20, y: 20 });
  letters.textContent = initialsOf(name);
  picture.append(make("circle", { cx: 20, cy: 20, r: 20 }), letters);
  return picture;
}

function moment(at) {
  const time = element("time");
  time.dateTime = machine(at);
  tell(time);
  return time;
}

// tell writes a time as people say it; the exact one shows on hovering.
function tell(time) {
  const at = Date.parse(time.dateTime);
  time.textContent = ago(at, Date.now());
  time.title = full(at);
}

function showCounts() {
  page.querySelector("[data-online-count]").textContent = String(onlineTotal);
  page.querySelector("[data-total]").textContent = String(total);
  for (const [name, list] of lists) {
    page.querySelector(`[data-empty="${name}"]`).hidden = list.childElementCount > 0;
  }
}

function received({ type, username, is_logged_in: isOnline, last_seen: lastSeen, renamed_to: newName }) {
  if (type !== "presence") return;
  if (newName !== undefined) renamed(username, newName, lastSeen);
  else moved(username, isOnline, lastSeen);
  showCounts();
}

// renamed takes the old name off the list; whether the new one is online is told next.
function renamed(from, to, lastSeen) {
  if (from === boot.me.name) {
    location.reload();
    return;
  }
  if (online.delete(from)) onlineTotal--;
  const row = rowOf(from);
  if (!row) return;
  row.remove();
  if (isFirstPage && !hasMore && query === "") total--;
  show(to, false, lastSeen ?? Date.now());
}

function moved(username, isOnline, lastSeen) {
  if (online.has(username) !== isOnline) {
    if (isOnline) online.add(username);
    else online.delete(username);
    onlineTotal = Math.max(online.size, onlineTotal + (isOnline ? 1 : -1));
  }
  show(username, isOnline, lastSeen ?? Date.now());
}

// What changed during a break nobody told: the page is asked for again.
function connectionChanged(state, { reason } = {}) {
  if (reason === "logged_out") leaveFor(new URL("log_in/", root));
  else if (state === "waiting") wasLost = true;
  else if (state === "open" && wasLost) location.reload();
}

function refreshTimes() {
  for (const time of page.querySelectorAll("time")) tell(time);
}

refreshTimes();
setInterval(refreshTimes, refreshEvery);
new Socket(socketURL("users/", root), {
  greeted: false,
  on: { state: connectionChanged, frame: received },
}).start();
