// A window is what one conversation shows: messages in order, who is here, and how far it is known to be complete.
// Every function here returns a new window and changes nothing.

import { byName } from "../lib/names.mjs";

// At the bottom of a conversation so many messages are kept; who scrolls up loads older ones again.
const kept = 400;
const noticesKept = 200;

export const keyOf = ({ kind, name }) => `${kind}:${name}`;

export function newWindow({ kind, name }) {
  return {
    kind,
    name,
    messages: [], // of the wire, oldest first
    notices: [], // who came and went while we looked
    users: [], // who is in the room
    expected: [], // who was in it before the connection broke, and may be coming back as we did
    more: false, // there are older messages
    loaded: false,
    synced: false, // nothing is missing between the newest message and now
    seq: 0, // the place up to which nothing is missing
    ahead: 0, // the newest place seen while not synced
    early: [], // the ids of what came while not synced
    log: "",
    canModerate: false,
    fetching: false, // older messages are on their way
    problem: null, // why the conversation cannot be shown
    gone: false, // because the room was deleted
  };
}

// joined takes the answer to a join: what was missed, or a whole new window.
export function joined(win, answer) {
  const expected = win.users.filter((user) => !answer.users.includes(user));
  return {
    ...(answer.recovered ? merged(win, answer.messages) : renewed(win, answer)),
    name: answer.room,
    users: [...answer.users].sort(byName),
    expected,
    canModerate: Boolean(answer.can_moderate),
    loaded: true,
    synced: true,
    seq: Math.max(answer.seq, win.ahead),
    ahead: 0,
    early: [],
    log: answer.log,
    problem: null,
    gone: false,
  };
}

// opened takes the first page of a private conversation.
export function opened(win, answer) {
  return {
    ...renewed(win, answer),
    name: answer.user,
    early: [],
    loaded: true,
    synced: true,
    problem: null,
  };
}

// renewed puts the end of a conversation in place of what the window holds. What came while the answer was on its way
// stays, for the answer may not have it: it is newer than everything else that the window held. What came before under another name of
// the log may be of a database that is no more, and says nothing about this one.
function renewed(win, answer) {
  const isOther = win.log !== "" && answer.log !== undefined && win.log !== answer.log;
  const held = isOther ? win.messages.filter((message) => win.early.includes(message.id)) : win.messages;
  return merged({ ...win, messages: answer.messages, notices: [], more: answer.more }, held);
}

// received takes one message, in whatever state it is.
export function received(win, message) {
  const next = merged(win, [message]);
  return win.synced
    ? { ...next, seq: Math.max(win.seq, message.seq) }
    : { ...next, ahead: Math.max(win.ahead, message.seq), early: [...win.early, message.id] };
}

// older takes a page of history that ends where the window begins.
export function older(win, answer) {
  const known = new Set(win.messages.map((message) => message.id));
  const page = answer.messages.filter((message) => !known.has(message.id));
  return { ...win, messages: [...page, ...win.messages], more: answer.more, fetching: false };
}

// broken is the window of a connection that was lost: it can be shown, but may be missing something.
export function broken(win) {
  return { ...win, synced: false, ahead: 0, early: [], fetching: false };
}

// trimmed forgets the oldest messages of a long window. Only for who looks at its end.
export function trimmed(win) {
  if (win.messages.length <= kept + kept / 2) return win;
  const messages = win.messages.slice(-kept);
  const notices = win.notices.filter((notice) => notice.time >= messages[0].time);
  return { ...win, messages, notices, more: true };
}

export function userJoined(win, user, me) {
  if (win.users.includes(user)) return win;
  const next = { ...win, users: [...win.users, user].sort(byName) };
  if (!win.expected.includes(user)) return noticed(next, "join", user, me);
  return { ...next, expected: win.expected.filter((other) => other !== user) };
}

// personRenamed shows the names of people as they are now.
export function personRenamed(win, named) {
  return {
    ...win,
    users: win.users.map(named).sort(byName),
    expected: win.expected.map(named),
    messages: win.messages.map((message) => ({ ...message, user: named(message.user), ...(message.target && { target: named(message.target) }) })),
    notices: win.notices.map((notice) => ({ ...notice, user: named(notice.user) })),
  };
}

export function userLeft(win, user, me) {
  if (!win.users.includes(user)) return win;
  return noticed({ ...win, users: win.users.filter((other) => other !== user) }, "leave", user, me);
}

// noticed puts a line after the newest message. Its time is that message's, not the clock's of this machine, which may
// differ from the server's.
function noticed(win, what, user, me) {
  if (user === me) return win;
  const last = win.messages.at(-1);
  const notice = { what, user, time: last ? last.time : 0 };
  return { ...win, notices: [...win.notices, notice].slice(-noticesKept) };
}

// merged puts states of messages into the window, keeping for each id the one with the greatest seq.
function merged(win, incoming) {
  if (incoming.length === 0) return win;
  const messages = [...win.messages];
  for (const message of incoming) {
    const at = messages.findLastIndex((other) => other.id === message.id);
    if (at >= 0) {
      if (message.seq > messages[at].seq) messages[at] = message;
    } else if (!beforeWindow(win, messages, message)) {
      messages.splice(placeIn(messages, message), 0, message);
    }
  }
  return { ...win, messages };
}

// beforeWindow says that a message belongs to the part of the history that is not loaded.
function beforeWindow(win, messages, message) {
  return win.more && messages.length > 0 && message.time < messages[0].time;
}

function placeIn(messages, message) {
  let at = messages.length;
  while (at > 0 && messages[at - 1].time > message.time) at--;
  return at;
}
