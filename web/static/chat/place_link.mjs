// A link to a conversation. It changes the screen without a new page, unless another tab or window is asked for.
import { useContext } from "../vendor/hooks.mjs";
import { createContext } from "../vendor/preact.mjs";
import { html } from "./html.mjs";

// Around is what nearly every part of the screen needs: {session, routes, me, open}.
export const Around = createContext(null);

export function PlaceLink({ place, children, ...rest }) {
  const { routes, open } = useContext(Around);
  const click = (event) => {
    if (!open || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(place);
  };
  return html`<a href=${routes.place(place)} onClick=${click} ...${rest}>${children}</a>`;
}
