// The picture of a person who has none: the initials on a disc in the colour of the name.
import { hueOf, initialsOf } from "../lib/names.mjs";
import { html } from "./html.mjs";

const known = new Map(); // a room shows the same few names again and again
const knownMost = 2000;

function looks(name) {
  let look = known.get(name);
  if (!look) {
    if (known.size >= knownMost) known.clear();
    look = { colour: `oklch(0.6 0.13 ${hueOf(name)})`, initials: initialsOf(name) };
    known.set(name, look);
  }
  return look;
}

export function Avatar({ name, online }) {
  const { colour, initials } = looks(name);
  const disc = html`<svg class="avatar" viewBox="0 0 40 40" color=${colour} aria-hidden="true" focusable="false">
    <circle cx="20" cy="20" r="20" /><text x="20" y="20">${initials}</text>
  </svg>`;
  if (online === undefined) return disc;
  return html`<span class="presence" data-online=${online}>${disc}</span>`;
}
