// Keeps the page of rooms current: how many people are in each, and rooms that are made meanwhile.
import { leaveFor } from "./lib/leave.mjs";
import { Socket, socketURL } from "./lib/socket.mjs";

const page = document.querySelector("[data-rooms]");
const root = new URL(page.dataset.base, location.href);
const list = page.querySelector("[data-list]");

function rowOf(room) {
  return [...list.children].find((row) => row.dataset.room === room);
}

function show({ room, users }) {
  const row = rowOf(room) ?? newRow(room);
  const count = row.querySelector("[data-users]");
  count.dataset.users = String(users);
  count.textContent = users === 0 ? "empty" : users === 1 ? "1 person" : `${users} people`;
  page.querySelector("[data-empty]").hidden = true;
}

function hide({ room }) {
  rowOf(room)?.remove();
  page.querySelector("[data-empty]").hidden = list.children.length > 0;
}

// newRow stands first, and nothing else moves: somebody may be about to press a room.
function newRow(room) {
  const row = document.createElement("li");
  row.className = "room";
  row.dataset.room = room;
  const link = document.createElement("a");
  link.className = "list__row room__link";
  link.href = new URL(`chat/${encodeURIComponent(room)}/`, root).href;
  const name = document.createElement("span");
  name.className = "list__name";
  const words = document.createElement("bdi");
  words.textContent = room;
  name.append(words);
  const count = document.createElement("span");
  count.className = "list__note room__users";
  count.dataset.users = "";
  link.append(name, count);
  row.append(link);
  list.prepend(row);
  return row;
}

const socket = new Socket(socketURL("ws/", root), {
  greeted: true,
  on: {
    state(state, { reason } = {}) {
      if (reason === "logged_out") leaveFor(new URL("log_in/", root));
    },
    frame(frame) {
      if (frame.type === "room") show(frame);
      else if (frame.type === "room_deleted") hide(frame);
      else if (frame.type === "hello") watch();
    },
  },
});

async function watch() {
  try {
    const { rooms } = await socket.request({ type: "rooms" });
    // New rows are put first, so the last one goes in first.
    for (const room of rooms.reverse()) show(room);
  } catch {
    // The connection broke: it is asked again after the next greeting.
  }
}
socket.start();
