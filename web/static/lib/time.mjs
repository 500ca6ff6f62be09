// Times for people, in their own zone and habits. All moments are milliseconds since 1970, as in the protocol.

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const momentFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayYearFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const relativeFormat = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const clock = (at) => clockFormat.format(at);
export const full = (at) => fullFormat.format(at);
export const date = (at) => dateFormat.format(at);
export const moment = (at) => momentFormat.format(at);
export const machine = (at) => new Date(at).toISOString();

// dayNumber counts local days, so that two moments of one day have the same number and the next day has one more.
export function dayNumber(at) {
  const date = new Date(at);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / day);
}

// dayLabel names a day for a separator.
export function dayLabel(at, now) {
  const ago = dayNumber(now) - dayNumber(at);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago > 0 && ago < 300) return dayFormat.format(at);
  return dayYearFormat.format(at);
}

// ago says how long ago something was, as roughly as people do.
export function ago(at, now) {
  const past = Math.max(0, now - at);
  if (past < minute) return "just now";
  if (past < hour) return relativeFormat.format(-Math.floor(past / minute), "minute");
  if (past < day) return relativeFormat.format(-Math.floor(past / hour), "hour");
  if (past < 30 * day) return relativeFormat.format(-Math.floor(past / day), "day");
  return `on ${dayYearFormat.format(at)}`;
}
