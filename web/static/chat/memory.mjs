// What the browser keeps for us: drafts and unsent messages as long as the tab lives, and what was read, for good.
// Everything works without it, for a browser may refuse.

function read(storage, key) {
  try {
    return JSON.parse(storage().getItem(key));
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // Full, or forbidden: nothing depends on it.
  }
}

const tab = () => sessionStorage;
const browser = () => localStorage;

export const draftOf = (place) => read(tab, `snug draft ${place}`) ?? "";
export const keepDraft = (place, text) => write(tab, `snug draft ${place}`, text || null);

export function outboxOf(me) {
  const items = read(tab, `snug outbox ${me}`);
  return Array.isArray(items) ? items : [];
}

export function keepOutbox(me, outbox) {
  const unsent = outbox.filter((item) => item.state !== "sent");
  write(tab, `snug outbox ${me}`, unsent.length > 0 ? unsent : null);
}

const draftsBegin = "snug draft ";

// keptFor is what goes along when the page moves to another node, where the browser keeps nothing of this one.
export function keptFor(me, outbox) {
  const drafts = {};
  try {
    for (const key of Object.keys(tab())) {
      if (key.startsWith(draftsBegin)) drafts[key.slice(draftsBegin.length)] = read(tab, key) ?? "";
    }
  } catch {
    // There are none.
  }
  return { outbox: outbox.filter((item) => item.state !== "sent"), drafts, marks: read(browser, `snug read ${me}`) };
}

// takeKept is the other side of it. What the tab has from an earlier stay is older or the same.
export function takeKept(me, { from, outbox, drafts, marks }) {
  const coming = outbox ?? [];
  const known = new Set(coming.map((item) => item.id));
  keepOutbox(me, [...outboxOf(me).filter((item) => !known.has(item.id)), ...coming]);
  for (const [place, text] of Object.entries(drafts ?? {})) keepDraft(place, text);
  if (marks) write(browser, `snug read ${me}`, laterMarks(read(browser, `snug read ${me}`), marks));
  write(tab, "snug moved", from || null);
}

// movedFrom is the node that the page came from, told once.
export function movedFrom() {
  const from = read(tab, "snug moved");
  write(tab, "snug moved", null);
  return from;
}

function laterMarks(here, coming) {
  const users = { ...here?.users };
  for (const [user, time] of Object.entries(coming.users ?? {})) users[user] = Math.max(time, users[user] ?? 0);
  return { since: Math.min(here?.since ?? coming.since, coming.since), users };
}

// ReadMarks remember when each private conversation was last looked at. One that was never looked at counts from the
// first visit on, so that a new browser does not call everything unread.
export class ReadMarks {
  #key;
  #marks;

  constructor(me, newest) {
    this.#key = `snug read ${me}`;
    this.#marks = read(browser, this.#key) ?? { since: newest, users: {} };
    write(browser, this.#key, this.#marks);
  }

  isUnread(user, time) {
    return time > (this.#marks.users[user] ?? this.#marks.since);
  }

  read(user, time) {
    if (!this.isUnread(user, time)) return;
    this.#marks.users[user] = time;
    write(browser, this.#key, this.#marks);
  }
}
