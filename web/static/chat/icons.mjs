// The few icons of the chat screen: strokes on a grid of 20, in the colour of the text around.
import { html } from "./html.mjs";

const paths = {
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  people: "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.5c0-3 2.4-5 5.5-5s5.5 2 5.5 5M13 9.5a2.7 2.7 0 1 0-.6-5.3M14.8 11.8c2 .6 3.2 2.3 3.2 4.7",
  close: "M5 5l10 10M15 5L5 15",
  send: "M3.5 10h13M11 4.5l5.5 5.5-5.5 5.5",
  edit: "M12.5 4.5l3 3L7 16H4v-3zM10.8 6.2l3 3",
  bin: "M4 6h12M8 6V4h4v2M5.5 6l.7 10.5h7.6L14.5 6M8.5 9v4.5M11.5 9v4.5",
  down: "M10 4v12M4.5 10.5L10 16l5.5-5.5",
  check: "M4.5 10.5l3.5 3.5 7.5-8",
  one: "M4 7h12v6H4zM7 10h.5M10 10h.5",
  settings: "M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4",
  plus: "M10 4v12M4 10h12",
  back: "M12.5 4l-6 6 6 6",
  leave: "M8 4H4v12h4M12 6.5l3.5 3.5-3.5 3.5M15.5 10H8",
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d=${paths[name]} /></svg>`;
}
