// One message: who, when, what, and what its writer may do with it.
import { clock, full, machine } from "../lib/time.mjs";
import { Component } from "../vendor/preact.mjs";
import { Avatar } from "./avatar.mjs";
import { Growing, charactersIn, isEnter } from "./growing.mjs";
import { html } from "./html.mjs";
import { Icon } from "./icons.mjs";
import { PlaceLink } from "./place_link.mjs";
import { Text } from "./spans.mjs";

export const Moment = ({ at, className }) =>
  html`<time class=${className} datetime=${machine(at)} title=${full(at)}>${clock(at)}</time>`;

// A message is drawn again only when something of its own changed: there are hundreds of them.
export class Message extends Component {
  shouldComponentUpdate(next) {
    return Object.keys(next).some((key) => next[key] !== this.props[key]);
  }

  render({ message, head, mine, moderates, me, item, isLast, onlyHere, editing, active, limit, onActive, actions }) {
    const sent = onlyHere ? "only_here" : "sent";
    const state = item && item.state !== "sent" ? item.state : mine && (isLast || onlyHere || item) ? sent : undefined;
    const canChange = (mine || moderates) && !message.deleted && (!item || item.state === "sent");
    return html`<li class="message" data-message=${message.id} data-head=${head} data-mine=${mine} data-state=${state}
      data-active=${active} data-deleted=${Boolean(message.deleted)} onClick=${canChange ? () => onActive(message.id) : null}>
      ${head
        ? html`<${Avatar} name=${message.user} />`
        : html`<${Moment} className="message__aside" at=${message.time} />`}
      <div class="message__main">
        ${head && html`<${MessageHead} message=${message} isLinked=${me !== null && !mine} />`}
        ${editing
          ? html`<${Editor} text=${message.message} limit=${limit} onSave=${actions.save} onCancel=${actions.cancel} />`
          : html`<${Words} message=${message} me=${me} />`}
        ${item?.state === "failed" && html`<${Failure} item=${item} actions=${actions} />`}
      </div>
      ${state && state !== "failed" && html`<${State} state=${state} />`}
      ${canChange && !editing && html`<div class="message__tools">
        ${mine && html`<${Tool} name="edit" label="Edit message" icon="edit" onClick=${() => actions.edit(message.id)} />`}
        <${Tool} name="delete" label="Delete message" icon="bin" onClick=${() => actions.askDelete(message.id)} />
      </div>`}
    </li>`;
  }
}

function MessageHead({ message, isLinked }) {
  if (message.hook) {
    return html`<p class="message__head">
      <span class="message__name"><bdi>${message.hook}</bdi></span>
      <span class="message__mark" title="A program has posted this by a webhook of the room">Webhook</span>
      <${Moment} className="message__time" at=${message.time} />
    </p>`;
  }
  const name = html`<bdi>${message.user}</bdi>`;
  const place = { kind: "private", name: message.user };
  return html`<p class="message__head">
    ${isLinked
      ? html`<${PlaceLink} class="message__name" place=${place} title="Write privately">${name}<//>`
      : html`<span class="message__name">${name}</span>`}
    <${Moment} className="message__time" at=${message.time} />
  </p>`;
}

function Tool({ name, label, icon, onClick }) {
  return html`<button type="button" class="tool" aria-label=${label} title=${label} data-action=${name} onClick=${onClick}>
    <${Icon} name=${icon} />
  </button>`;
}

function Words({ message, me }) {
  if (message.deleted) return html`<p class="message__gone">This message was deleted.</p>`;
  return html`<div class="message__text" dir="auto"><${Text} message=${message} me=${me} />${message.edited &&
  html` <span class="message__edited" title=${`Edited ${full(message.edited)}`}>(edited)</span>`}</div>`;
}

function State({ state }) {
  if (state === "sending") {
    return html`<span class="message__state" data-sending><span class="spinner"></span><span class="hidden">Sending</span></span>`;
  }
  if (state === "only_here") {
    const words = "Stored on this server only: no other one has said yet that it has it too";
    return html`<span class="message__state" data-only-here title=${words}><${Icon} name="one" /><span class="hidden">${words}</span></span>`;
  }
  return html`<span class="message__state" title="Sent"><${Icon} name="check" /><span class="hidden">Sent</span></span>`;
}

function Failure({ item, actions }) {
  return html`<p class="message__failure" role="alert">
    <span>Not sent: ${item.problem}</span>
    <button type="button" class="link" data-action="retry" onClick=${() => actions.retry(item.id)}>Try again</button>
    <button type="button" class="link" data-action="discard" onClick=${() => actions.discard(item.id)}>Discard</button>
  </p>`;
}

// Editor takes the place of a message's words while they are changed.
class Editor extends Component {
  constructor({ text }) {
    super();
    this.state = { text };
  }

  componentDidMount() {
    this.field.focus();
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
    this.field.scrollIntoView({ block: "nearest" });
  }

  get isGood() {
    const { text } = this.state;
    return text.trim() !== "" && charactersIn(text) <= this.props.limit;
  }

  render({ onSave, onCancel, limit, text: before }, { text }) {
    const save = () => {
      if (text === before) onCancel();
      else if (this.isGood) onSave(text);
    };
    const keys = (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        onCancel();
      } else if (isEnter(event)) {
        event.preventDefault();
        save();
      }
    };
    return html`<form class="editor" onSubmit=${(event) => { event.preventDefault(); save(); }}>
      <${Growing} value=${text} label="Edit message" field=${(field) => { this.field = field; }}
        onText=${(value) => this.setState({ text: value })} onKeyDown=${keys} />
      <p class="editor__keys">
        <button type="submit" class="button button--main button--small" disabled=${!this.isGood}>Save</button>
        <button type="button" class="button button--small" onClick=${onCancel}>Cancel</button>
        ${charactersIn(text) > limit
          ? html`<span class="editor__over" role="status">${charactersIn(text) - limit} characters too many</span>`
          : html`<span class="editor__hint"><kbd>Enter</kbd> saves, <kbd>Esc</kbd> cancels</span>`}
      </p>
    </form>`;
  }
}
