// A field for text that is as high as its text. A copy of the text behind it gives the height, so that nothing is
// measured and nothing jumps.
import { html } from "./html.mjs";

export function Growing({ value, field, label, onText, ...rest }) {
  return html`<div class="growing" data-text=${value}>
    <textarea class="growing__field" ref=${field} rows="1" dir="auto" aria-label=${label} value=${value}
      onInput=${(event) => onText(event.currentTarget.value)} ...${rest}></textarea>
  </div>`;
}

// isEnter says that a key ends the text. While a word is being put together with an input method, Enter belongs to that;
// some browsers tell it only by the key code.
export function isEnter(event) {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
}

export const charactersIn = (text) => [...text].length;
