// The state of the chat screen, and every way in which it changes. Nothing here knows the page or the network: a change
// is a function from a state and some facts to the next state.

import * as windows from "./window.mjs";

const { keyOf } = windows;
const windowsKept = 12;
const longestWay = 10_000; // no message that was just posted arrives so much later than others, in milliseconds

export function initialState(boot) {
  const place = { kind: boot.kind, name: boot.name };
  let state = {
    me: boot.me ? boot.me.name : null, // null: a guest
    limit: boot.limits.message_characters,
    place,
    windows: { [keyOf(place)]: windows.newWindow(place) },
    connection: { state: "connecting", attempt: 1 },
    everOpen: false,
    node: boot.nodes?.node ?? null, // the name of the server, where it is one of several
    leavingFor: null, // the node that the page is moving to
    cameFrom: null, // the node that it came from, for a while
    rooms: [], // {room, users}
    conversations: [], // {user, online, time, from, message}, the latest first
    online: new Set(),
    onlineTotal: 0,
    inbox: { seq: 0, ahead: 0, synced: false, log: "" }, // up to where private messages are known, as in a window
    unread: {}, // by place: how many came unseen
    typing: [], // {user, fading}, in the conversation that is open
    outbox: [], // {id, place, text, time, state, problem, command}
    onlyHere: new Set(), // ids of what was posted and is on one node alone, as far as is known
    toasts: [],
    toastCount: 0,
  };
  if (boot.rooms) state = change.rooms(state, boot.rooms);
  if (boot.inbox) state = change.inbox(state, boot.inbox);
  if (boot.joined) state = change.joined(state, boot.joined);
  if (boot.history) state = change.opened(state, boot.history);
  // What came with the page is complete up to its seq, but not current: a join asks for the rest.
  return change.broke(state);
}

export const currentWindow = (state) => state.windows[keyOf(state.place)];

// waitingFor is what was posted to a conversation and has not arrived.
export function waitingFor(state, place) {
  const arrived = new Set(state.windows[keyOf(place)].messages.map((message) => message.id));
  return state.outbox.filter((item) => keyOf(item.place) === keyOf(place) && !arrived.has(item.id));
}

export const unreadTotal = (state) => Object.values(state.unread).reduce((sum, count) => sum + count, 0);

// placeOf is the conversation that a message belongs to.
export function placeOf(frame, me) {
  if (frame.room) return { kind: "room", name: frame.room };
  return { kind: "private", name: frame.user === me ? frame.target : frame.user };
}

function withWindow(state, place, edit) {
  const key = keyOf(place);
  const win = state.windows[key];
  return win ? { ...state, windows: { ...state.windows, [key]: edit(win) } } : state;
}

function without(object, key) {
  const { [key]: _, ...rest } = object;
  return rest;
}

export const change = {
  connection(state, connection) {
    const isOpen = connection.state === "open";
    return { ...state, connection, everOpen: state.everOpen || isOpen, leavingFor: isOpen ? null : state.leavingFor };
  },

  leaving(state, node) {
    return { ...state, leavingFor: node };
  },

  cameFrom(state, node) {
    return { ...state, cameFrom: node };
  },

  broke(state) {
    const entries = Object.entries(state.windows).map(([key, win]) => [key, windows.broken(win)]);
    const inbox = { ...state.inbox, synced: false, ahead: 0 };
    return { ...state, inbox, windows: Object.fromEntries(entries), typing: [] };
  },

  // went is a change to another conversation.
  went(state, place) {
    const key = keyOf(place);
    const leaving = withWindow(state, state.place, (win) => (win.kind === "room" ? windows.broken(win) : win));
    const { [key]: win = windows.newWindow(place), ...others } = leaving.windows;
    // The one that was looked at last stands last, so the first ones are those to forget.
    const entries = [...Object.entries(others).slice(1 - windowsKept), [key, { ...win, problem: null }]];
    return { ...leaving, place, windows: Object.fromEntries(entries), unread: without(state.unread, key), toasts: [], typing: [] };
  },

  // renamed is a conversation whose real name the server told: it was asked for in other capitals, say.
  renamed(state, { from, to }) {
    if (keyOf(from) === keyOf(to)) return state;
    const win = state.windows[keyOf(from)];
    if (!win) return state;
    const place = keyOf(state.place) === keyOf(from) ? to : state.place;
    const moved = { ...without(state.windows, keyOf(from)), [keyOf(to)]: { ...win, name: to.name } };
    return { ...state, place, windows: moved };
  },

  // personRenamed shows somebody's new name wherever the old one stands.
  personRenamed(state, { from, to }) {
    const named = (user) => (user === from ? to : user);
    const entries = Object.entries(state.windows).map(([key, win]) => [key, windows.personRenamed(win, named)]);
    const { [keyOf({ kind: "private", name: from })]: count, ...unread } = state.unread;
    return {
      ...state,
      windows: Object.fromEntries(entries),
      conversations: state.conversations.map((other) => ({ ...other, user: named(other.user) })),
      online: new Set([...state.online].map(named)),
      typing: state.typing.map((other) => ({ ...other, user: named(other.user) })),
      unread: count ? { ...unread, [keyOf({ kind: "private", name: to })]: count } : unread,
      outbox: state.outbox.map((item) => (item.place.kind === "private" ? { ...item, place: { ...item.place, name: named(item.place.name) } } : item)),
    };
  },

  joined(state, answer) {
    const place = { kind: "room", name: answer.room };
    const here = keyOf(place) === keyOf(state.place);
    const next = withWindow(state, place, (win) => {
      const joined = windows.joined(win, answer);
      return here ? joined : windows.broken(joined);
    });
    return settled(next, answer.messages);
  },

  opened(state, answer) {
    const place = { kind: "private", name: answer.user };
    return settled(withWindow(state, place, (win) => windows.opened(win, answer)), answer.messages);
  },

  // gone is a room that was deleted, with all that was said in it.
  gone(state, { room }) {
    const place = { kind: "room", name: room };
    const problem = "It was deleted, with all that was said in it.";
    const next = withWindow(state, place, (win) => ({ ...windows.newWindow(win), problem, gone: true }));
    const typing = keyOf(place) === keyOf(state.place) ? [] : state.typing;
    return { ...next, typing, rooms: state.rooms.filter((other) => other.room !== room), unread: without(state.unread, keyOf(place)) };
  },

  refused(state, { place, problem }) {
    return withWindow(state, place, (win) => ({ ...win, problem }));
  },

  fetching(state, { place, fetching }) {
    return withWindow(state, place, (win) => ({ ...win, fetching }));
  },

  older(state, { place, answer }) {
    return withWindow(state, place, (win) => windows.older(win, answer));
  },

  trimmed(state) {
    return withWindow(state, state.place, windows.trimmed);
  },

  // message is any state of any message. seen says whether somebody looks at the page.
  message(state, { frame, seen }) {
    const place = placeOf(frame, state.me);
    let next = withWindow(state, place, (win) => windows.received(win, frame));
    next = settled(next, [frame]);
    if (place.kind === "private") next = heard(next, place, frame);
    const isNew = !frame.edited && !frame.deleted && !knows(state, place, frame);
    const here = keyOf(place) === keyOf(state.place);
    if (isNew && here) next = change.typingOver(next, frame.user);
    const looking = seen && here;
    return isNew && frame.user !== state.me && !looking ? counted(next, place) : next;
  },

  userJoined(state, { room, user }) {
    return withWindow(state, { kind: "room", name: room }, (win) => windows.userJoined(win, user, state.me));
  },

  userLeft(state, { room, user }) {
    const place = { kind: "room", name: room };
    const next = withWindow(state, place, (win) => windows.userLeft(win, user, state.me));
    return keyOf(place) === keyOf(state.place) ? change.typingOver(next, user) : next;
  },

  // typing is somebody who writes in the conversation that is open.
  typing(state, user) {
    const known = state.typing.find((other) => other.user === user);
    if (known && !known.fading) return state;
    return { ...state, typing: [...state.typing.filter((other) => other !== known), { user, fading: false }] };
  },

  typingFades(state, user) {
    if (!state.typing.some((other) => other.user === user)) return state;
    return { ...state, typing: state.typing.map((other) => (other.user === user ? { user, fading: true } : other)) };
  },

  typingOver(state, user) {
    const typing = state.typing.filter((other) => other.user !== user);
    return typing.length === state.typing.length ? state : { ...state, typing };
  },

  rooms(state, { rooms }) {
    return { ...state, rooms };
  },

  room(state, { room, users }) {
    const known = state.rooms.some((other) => other.room === room);
    const rooms = known
      ? state.rooms.map((other) => (other.room === room ? { room, users } : other))
      : [{ room, users }, ...state.rooms];
    return { ...state, rooms };
  },

  users(state, { users, total }) {
    return { ...state, online: new Set(users), onlineTotal: total };
  },

  presence(before, { username, is_logged_in: isOnline }) {
    const state = isOnline ? before : change.typingOver(before, username);
    if (state.online.has(username) === isOnline) return state;
    const online = new Set(state.online);
    if (isOnline) online.add(username);
    else online.delete(username);
    const onlineTotal = Math.max(online.size, state.onlineTotal + (isOnline ? 1 : -1));
    return { ...state, online, onlineTotal };
  },

  // inbox takes the list of conversations, and the private messages that were missed.
  inbox(state, answer, { seen = true, isUnread = () => false } = {}) {
    const conversations = answer.conversations.map(({ user, time, from, message }) => ({ user, time, from, message }));
    const online = new Set(state.online);
    for (const { user, online: isOnline } of answer.conversations) {
      if (isOnline) online.add(user);
      else online.delete(user);
    }
    let next = { ...state, conversations, online };
    if (answer.recovered) {
      for (const frame of answer.messages) next = change.message(next, { frame, seen });
      next = privateWindows(next, (win) => ({ ...win, synced: win.loaded }));
    } else {
      // It cannot say what was missed: private conversations are loaded anew. What another database held is gone.
      const isOther = answer.log !== state.inbox.log;
      next = privateWindows(next, (win) => ({ ...win, messages: isOther ? [] : win.messages, loaded: false, synced: false }));
      for (const { user, time, from } of conversations) {
        const place = { kind: "private", name: user };
        if (from !== state.me && isUnread(user, time) && !next.unread[keyOf(place)]) next = counted(next, place);
      }
    }
    const seq = Math.max(answer.seq, next.inbox.ahead);
    return { ...next, inbox: { seq, ahead: 0, synced: true, log: answer.log } };
  },

  read(state, place) {
    return state.unread[keyOf(place)] ? { ...state, unread: without(state.unread, keyOf(place)) } : state;
  },

  unread(state, place) {
    return counted(state, place);
  },

  queued(state, item) {
    return { ...state, outbox: [...state.outbox, item] };
  },

  // sent is an acknowledged post: it is shown from here until it arrives as everybody gets it. It will not arrive where
  // the conversation is not followed, or where this was the second time; then the history has it.
  sent(before, { id, time, onlyHere = false }) {
    const state = { ...before, onlyHere: confirmed(before.onlyHere, id, onlyHere) };
    const item = state.outbox.find((other) => other.id === id);
    if (!item) return state;
    const win = state.windows[keyOf(item.place)];
    const isOld = win?.messages.some((message) => message.id === id || message.time > time + longestWay);
    return win?.synced && !isOld ? changedItem(state, id, { state: "sent", time }) : change.dropped(state, id);
  },

  failed(state, { id, problem }) {
    return changedItem(state, id, { state: "failed", problem });
  },

  retried(state, { id, newID, time }) {
    const item = state.outbox.find((other) => other.id === id);
    const outbox = state.outbox.filter((other) => other.id !== id);
    return { ...state, outbox: [...outbox, { ...item, id: newID, time, state: "sending", problem: null }] };
  },

  dropped(state, id) {
    return { ...state, outbox: state.outbox.filter((item) => item.id !== id) };
  },

  toast(state, { text, action }) {
    const id = state.toastCount + 1;
    const others = state.toasts.filter((toast) => toast.text !== text).slice(-2);
    return { ...state, toastCount: id, toasts: [...others, { id, text, action }] };
  },

  dismissed(state, id) {
    return { ...state, toasts: state.toasts.filter((toast) => toast.id !== id) };
  },

  // emptied makes room for a window that is told anew, message by message.
  emptied(state, place) {
    return withWindow(state, place, (win) => ({ ...win, messages: [], notices: [] }));
  },

  hereNow(state, { place, users }) {
    return withWindow(state, place, (win) => ({ ...win, users, loaded: true, synced: true }));
  },
};

function changedItem(state, id, changes) {
  return { ...state, outbox: state.outbox.map((item) => (item.id === id ? { ...item, ...changes } : item)) };
}

// confirmed notes whether another node has a message. If one has, then also all that was posted before it.
function confirmed(ids, id, onlyHere) {
  if (onlyHere) return new Set([...ids, id]);
  return ids.size === 0 ? ids : new Set();
}

// settled drops from the outbox what has arrived.
function settled(state, messages) {
  if (state.outbox.length === 0) return state;
  const arrived = new Set(messages.map((message) => message.id));
  const outbox = state.outbox.filter((item) => !arrived.has(item.id));
  return outbox.length === state.outbox.length ? state : { ...state, outbox };
}

// heard keeps the list of conversations and the inbox's place current.
function heard(state, place, frame) {
  const mark = state.inbox.synced ? "seq" : "ahead";
  const inbox = { ...state.inbox, [mark]: Math.max(state.inbox[mark], frame.seq) };
  const known = state.conversations.find((other) => other.user === place.name);
  if (known && known.time > frame.time) return { ...state, inbox };
  const others = state.conversations.filter((other) => other !== known);
  const conversation = { user: place.name, time: frame.time, from: frame.user, message: frame.message };
  return { ...state, inbox, conversations: [conversation, ...others] };
}

function knows(state, place, frame) {
  return Boolean(state.windows[keyOf(place)]?.messages.some((message) => message.id === frame.id));
}

function counted(state, place) {
  const key = keyOf(place);
  return { ...state, unread: { ...state.unread, [key]: (state.unread[key] ?? 0) + 1 } };
}

function privateWindows(state, edit) {
  const entries = Object.entries(state.windows).map(([key, win]) => [key, win.kind === "private" ? edit(win) : win]);
  return { ...state, windows: Object.fromEntries(entries) };
}

// Store holds the state and tells one listener when it changed: once a frame, however many changes there were.
export class Store {
  #listener = () => {};
  #scheduled = false;

  constructor(state) {
    this.state = state;
  }

  listen(listener) {
    this.#listener = listener;
  }

  apply(changeOf, ...facts) {
    const next = changeOf(this.state, ...facts);
    if (next === this.state) return;
    this.state = next;
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A page that nobody sees draws no frames, but its title still counts: so the first of the two tells.
    const tell = () => {
      cancelAnimationFrame(drawing);
      clearTimeout(timer);
      this.#scheduled = false;
      this.#listener(this.state);
    };
    const drawing = requestAnimationFrame(tell);
    const timer = setTimeout(tell, 100);
  }
}
