// Who is in the room.
import { useContext } from "../vendor/hooks.mjs";
import { Avatar } from "./avatar.mjs";
import { html } from "./html.mjs";
import { Around, PlaceLink } from "./place_link.mjs";

const shown = 300; // more than that nobody reads, and all can be searched on the page of people

export function Here({ win }) {
  const { me, routes } = useContext(Around);
  const { users } = win;
  const isAlone = me !== null && users.length === 1 && users[0] === me;
  return html`
    <h2 class="here__title" id="here-heading">In this room <span class="here__count" data-here-count>${users.length}</span></h2>
    <ul class="here__list" aria-labelledby="here-heading" data-list="here">
      ${users.slice(0, shown).map((name) => html`<${Person} key=${name} name=${name} me=${me} />`)}
    </ul>
    ${users.length > shown && html`<p class="here__note">and ${users.length - shown} more</p>`}
    ${isAlone && html`<p class="here__note">Only you so far. Send somebody the address of this page, or see who is${" "}
      <a href=${routes.page("")}>online</a>.</p>`}`;
}

// A guest cannot write to anybody, and nobody needs to write to themselves.
function Person({ name, me }) {
  const look = html`<${Avatar} name=${name} /><span class="entry__name"><bdi>${name}</bdi></span>`;
  if (me === null || name === me) {
    return html`<li data-person=${name}>
      <span class="entry entry--still">${look}${name === me && html`<span class="entry__count">you</span>`}</span>
    </li>`;
  }
  return html`<li data-person=${name}>
    <${PlaceLink} class="entry" place=${{ kind: "private", name }} title="Write privately">${look}<//>
  </li>`;
}
