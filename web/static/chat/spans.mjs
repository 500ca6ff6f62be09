// The text of a message as nodes. A body is a tree of spans, see docs/protocol.md; a message without one is plain words.
import { html } from "./html.mjs";

const renderers = {
  em: (spans, around) => html`<em>${nodes(spans, around)}</em>`,
  strong: (spans, around) => html`<strong>${nodes(spans, around)}</strong>`,
  code: (text) => html`<code>${text}</code>`,
  pre: (text) => html`<pre dir="ltr"><code>${text}</code></pre>`,
  link: (address) => link(address),
  mention: (name, { me }) => html`<span class="mention" data-me=${name === me}>@<bdi>${name}</bdi></span>`,
};

export function Text({ message, me }) {
  return nodes(message.body ?? [message.message], { me });
}

function nodes(spans, around) {
  return spans.map((span) => {
    if (typeof span === "string") return span;
    const [[kind, value]] = Object.entries(span);
    // A newer server may know more kinds than this page.
    return renderers[kind] ? renderers[kind](value, around) : String(value);
  });
}

// link makes only what the protocol promises, whoever sent it.
function link(address) {
  if (!/^https?:\/\//i.test(address)) return address;
  return html`<a href=${address} target="_blank" rel="noopener noreferrer" dir="ltr">${address}</a>`;
}
