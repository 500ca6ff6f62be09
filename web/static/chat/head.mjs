// The line above a conversation: what it is, and the buttons of the drawers.
import { useContext } from "../vendor/hooks.mjs";
import { Avatar } from "./avatar.mjs";
import { html } from "./html.mjs";
import { Icon } from "./icons.mjs";
import { Around } from "./place_link.mjs";

export function Head({ win, isOnline, unread, drawer, showsMenu, showsPeople, onDrawer }) {
  const { routes } = useContext(Around);
  const { name, kind, users, canModerate } = win;
  const menuLabel = `Rooms and conversations${unread > 0 ? `, ${unread} unread` : ""}`;
  return html`<header class="conversation__head">
    ${showsMenu && html`<button type="button" class="tool" aria-label=${menuLabel} aria-expanded=${drawer === "sidebar"}
      data-action="menu" data-unread=${unread > 0} onClick=${() => onDrawer("sidebar")}>
      <${Icon} name="menu" />
    </button>`}
    ${kind === "private" && html`<${Avatar} name=${name} online=${isOnline} />`}
    <div class="conversation__names">
      <h1 class="conversation__title" title=${name}>
        ${kind === "room" && html`<span class="conversation__mark" aria-hidden="true">#</span>`}<bdi>${name}</bdi>
      </h1>
      ${kind === "private" && html`<p class="conversation__state">${isOnline ? "Online" : "Offline"}</p>`}
    </div>
    ${canModerate && html`<a class="tool" href=${routes.settings(name)} aria-label="Settings of the room" title="Settings">
      <${Icon} name="settings" />
    </a>`}
    ${showsPeople && html`<button type="button" class="tool tool--wide" aria-label=${`People in this room: ${users.length}`}
      aria-expanded=${drawer === "here"} data-action="people" onClick=${() => onDrawer("here")}>
      <${Icon} name="people" /><span>${users.length}</span>
    </button>`}
  </header>`;
}

// Problem stands in place of a conversation that does not open.
export function Problem({ text, gone }) {
  const { routes } = useContext(Around);
  return html`<div class="conversation__problem" role="alert">
    <h2>${gone ? "This room is gone" : "This does not open"}</h2>
    <p>${text}</p>
    <p><a class="button" href=${routes.page("chat/")}>See the rooms</a></p>
  </div>`;
}
