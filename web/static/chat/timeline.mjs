// The rows of a conversation: days, messages, and lines about who came and went.

import { dayLabel, dayNumber } from "../lib/time.mjs";

const sameBreath = 5 * 60_000; // messages of one person within it stand together under one name

// timeline makes the rows of a window, with what waits to be sent at its end.
export function timeline(win, waiting, me, now) {
  const rows = [];
  let day = null;
  let first = null; // the message with the name, under which the one right above stands
  let crowd = null; // the line about people right above

  const addMessage = (message) => {
    const number = dayNumber(message.time);
    if (number !== day) {
      rows.push({ kind: "day", key: `day ${number}`, time: message.time, label: dayLabel(message.time, now) });
      day = number;
      first = null;
    }
    const goesOn = first?.user === message.user && message.time - first.time < sameBreath;
    rows.push({ kind: "message", key: message.id, message, head: !goesOn });
    if (!goesOn) first = message;
    crowd = null;
  };
  const addNotice = (notice, index) => {
    if (!crowd) {
      crowd = { kind: "crowd", key: `crowd ${notice.time} ${index}`, joined: [], left: [] };
      rows.push(crowd);
    }
    count(crowd, notice);
    first = null;
  };

  let next = 0;
  for (const message of win.messages) {
    for (; next < win.notices.length && win.notices[next].time < message.time; next++) {
      addNotice(win.notices[next], next);
    }
    addMessage(message);
  }
  for (; next < win.notices.length; next++) addNotice(win.notices[next], next);
  for (const item of waiting) addMessage({ id: item.id, user: me, message: item.text, time: item.time, item });

  return rows.filter((row) => row.kind !== "crowd" || row.joined.length + row.left.length > 0);
}

// count keeps a line about people short: who came and went again is not in it.
function count(crowd, { what, user }) {
  const [here, there] = what === "join" ? ["joined", "left"] : ["left", "joined"];
  if (crowd[there].includes(user)) crowd[there] = crowd[there].filter((other) => other !== user);
  else if (!crowd[here].includes(user)) crowd[here] = [...crowd[here], user];
}

// crowdText says a line about people in words.
export function crowdText({ joined, left }) {
  const parts = [];
  if (joined.length > 0) parts.push(`${some(joined)} joined`);
  if (left.length > 0) parts.push(`${some(left)} left`);
  return parts.join(", ");
}

function some(names) {
  // Each name is kept apart, so that one written from right to left does not turn its neighbours around.
  const [first, second, third] = names.map((name) => `\u2068${name}\u2069`);
  if (names.length === 1) return first;
  if (names.length === 2) return `${first} and ${second}`;
  if (names.length === 3) return `${first}, ${second} and ${third}`;
  return `${first}, ${second} and ${names.length - 2} others`;
}
