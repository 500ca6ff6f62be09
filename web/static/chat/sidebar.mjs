// The way to everywhere: rooms, private conversations, people.
import { byName } from "../lib/names.mjs";
import { useContext, useState } from "../vendor/hooks.mjs";
import { Avatar } from "./avatar.mjs";
import { html } from "./html.mjs";
import { Icon } from "./icons.mjs";
import { Around, PlaceLink } from "./place_link.mjs";
import { keyOf } from "./window.mjs";

const roomsShown = 12; // more would hide the private conversations below; the page of rooms has all

export function Sidebar({ state, icon }) {
  const { me } = useContext(Around);
  return html`
    <div class="sidebar__head"><${Brand} icon=${icon} node=${state.node} /></div>
    ${me === null ? html`<${GuestLists} place=${state.place} />` : html`<${Lists} state=${state} /><${Foot} state=${state} />`}`;
}

function Brand({ icon, node }) {
  const { routes } = useContext(Around);
  return html`<a class="brand" href=${routes.page("")} title=${node && `Connected to ${node}`}><img src=${icon} width="28" height="28" alt="" />Snug</a>`;
}

function Lists({ state }) {
  const { routes } = useContext(Around);
  const conversations = conversationsToShow(state);
  return html`<nav class="sidebar__lists" aria-label="Conversations">
    <section aria-labelledby="rooms-heading">
      <h2 class="sidebar__title"><a id="rooms-heading" href=${routes.page("chat/")}>Rooms</a></h2>
      <ul>
        ${roomsToShow(state).map(({ room, users }) =>
          html`<${Entry} key=${room} place=${{ kind: "room", name: room }} state=${state} count=${users} />`)}
        ${state.rooms.length > roomsShown && html`<li><a class="entry" href=${routes.page("chat/")}>
          <span class="entry__mark"></span><span class="entry__name">All rooms</span>
          <span class="entry__count">${state.rooms.length}</span>
        </a></li>`}
      </ul>
      <${OpenRoom} />
    </section>
    <section aria-labelledby="private-heading">
      <h2 class="sidebar__title" id="private-heading">Private</h2>
      <ul>
        ${conversations.map(({ user, message }) =>
          html`<${Entry} key=${user} place=${{ kind: "private", name: user }} state=${state} preview=${message} />`)}
      </ul>
      ${conversations.length === 0 && html`<p class="sidebar__empty">
        Choose somebody from <a href=${routes.page("")}>People</a> to talk in private.
      </p>`}
    </section>
  </nav>`;
}

function Foot({ state }) {
  const { routes, me } = useContext(Around);
  return html`<div class="sidebar__foot">
    <a class="entry" href=${routes.page("")}>
      <span class="entry__mark"><${Icon} name="people" /></span>
      <span class="entry__name">People</span>
      ${state.onlineTotal > 0 && html`<span class="entry__count">${state.onlineTotal} online</span>`}
    </a>
    <div class="sidebar__me">
      <a class="sidebar__mine" href=${routes.page("settings/")} title="Your settings">
        <${Avatar} name=${me} />
        <span class="sidebar__name"><bdi>${me}</bdi></span>
      </a>
      <form method="post" action=${routes.page("log_out/")}>
        <button class="tool" type="submit" aria-label="Log out" title="Log out"><${Icon} name="leave" /></button>
      </form>
    </div>
  </div>`;
}

function GuestLists({ place }) {
  const { routes } = useContext(Around);
  return html`
    <div class="sidebar__lists">
      <p class="sidebar__empty">You are reading <strong><bdi>${place.name}</bdi></strong> as a guest. With an account you can write,
        open other rooms and talk in private.</p>
    </div>
    <div class="sidebar__foot sidebar__foot--guest">
      <a class="button button--main" href=${routes.withNext("sign_up/")}>Sign up</a>
      <a class="button" href=${routes.withNext("log_in/")}>Log in</a>
    </div>`;
}

function Entry({ place, state, count, preview }) {
  const isHere = keyOf(place) === keyOf(state.place);
  const unread = state.unread[keyOf(place)] ?? 0;
  const isRoom = place.kind === "room";
  return html`<li><${PlaceLink} class="entry" place=${place} aria-current=${isHere ? "page" : null}
    data-unread=${unread > 0} data-place=${keyOf(place)}>
    ${isRoom
      ? html`<span class="entry__mark" aria-hidden="true">#</span>`
      : html`<${Avatar} name=${place.name} online=${state.online.has(place.name)} />`}
    <span class="entry__name">
      <bdi>${place.name}</bdi>
      ${preview !== undefined && html`<span class="entry__preview" dir="auto">${preview || "Message deleted"}</span>`}
    </span>
    ${unread > 0
      ? html`<span class="entry__unread">${unread > 99 ? "99+" : unread}<span class="hidden"> unread</span></span>`
      : count > 0 && html`<span class="entry__count">${count}<span class="hidden"> here</span></span>`}
  <//></li>`;
}

function OpenRoom() {
  const { open } = useContext(Around);
  const [name, setName] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (name.trim() === "") return;
    open({ kind: "room", name: name.trim() });
    setName("");
  };
  return html`<form class="open" onSubmit=${submit} data-form="open_room">
    <input class="open__field" value=${name} onInput=${(event) => setName(event.currentTarget.value)} maxlength="64"
      placeholder="Open a room" aria-label="Open a room" autocomplete="off" autocapitalize="none" spellcheck=${false}
      enterkeyhint="go" dir="auto" />
    <button class="tool" type="submit" aria-label="Open the room" title="Open"><${Icon} name="plus" /></button>
  </form>`;
}

// roomsToShow are the rooms with people before the empty ones, as many as there is room for, and always the open one.
function roomsToShow({ rooms, place, windows }) {
  const isHere = ({ room }) => place.kind === "room" && room === place.name;
  const opens = !windows[keyOf(place)].problem;
  const open = rooms.find(isHere) ?? { room: place.name, users: 0 };
  const others = rooms.filter((room) => !isHere(room)).sort((a, b) => Math.sign(b.users) - Math.sign(a.users));
  const shown = place.kind === "room" && opens ? [open, ...others] : others;
  return shown.slice(0, roomsShown).sort((a, b) => byName(a.room, b.room));
}

function conversationsToShow({ conversations, place, windows }) {
  const opens = !windows[keyOf(place)].problem;
  if (place.kind !== "private" || !opens || conversations.some(({ user }) => user === place.name)) return conversations;
  return [{ user: place.name }, ...conversations];
}
