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
