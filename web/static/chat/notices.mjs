// What is said about the connection and about what went wrong, and what a screen reader is told.
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { html } from "./html.mjs";

const toastTime = 8000;
const slowStart = 2000; // a first connection that takes longer is worth a word
const breath = 400; // messages that come within it are announced together

const stopped = new Map([
  ["broke_rules", "The server has closed the connection, because this page sent more than it may."],
  ["too_large", "The server has closed the connection, because this page sent something too large."],
  ["logged_out", "You are logged out."],
  ["gone", "The room was deleted."],
]);

export function Banner({ connection, everOpen, node, leavingFor, cameFrom, onTry }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), slowStart);
    return () => clearTimeout(timer);
  }, []);
  const { state, reason, attempt } = connection;
  const isAway = state !== "open" && (everOpen || isSlow || attempt > 1);
  return html`<div class="banner" role="status" data-banner data-connection=${state} data-node=${node}>
    ${state === "stopped"
      ? html`<${BannerWords} text=${stopped.get(reason)} label="Load the page again" onPress=${() => location.reload()} />`
      : isAway
        ? html`<${BannerWords} isBusy ...${awayWords(everOpen, leavingFor)} onPress=${onTry} />`
        : cameFrom && html`<${BannerWords} text=${`${cameFrom} does not answer. You are on ${node} now.`} />`}
  </div>`;
}

function awayWords(everOpen, leavingFor) {
  if (leavingFor) return { text: `Connection lost. Moving to ${leavingFor}…` };
  return { text: everOpen ? "Connection lost. Reconnecting…" : "No connection yet. Trying…", label: "Try now" };
}

function BannerWords({ isBusy, text, label, onPress }) {
  return html`<p class="banner__words">
    ${isBusy && html`<span class="spinner"></span>`}
    <span>${text}</span>
    ${label && html`<button type="button" class="link" onClick=${onPress}>${label}</button>`}
  </p>`;
}

export function Toasts({ toasts, onDismiss, onAction }) {
  return html`<div class="toasts" role="alert" data-toasts>
    ${toasts.map((toast) => html`<${Toast} key=${toast.id} toast=${toast} onDismiss=${onDismiss} onAction=${onAction} />`)}
  </div>`;
}

function Toast({ toast, onDismiss, onAction }) {
  const [isHeld, hold] = useState(false);
  useEffect(() => {
    if (isHeld) return undefined;
    const timer = setTimeout(() => onDismiss(toast.id), toastTime);
    return () => clearTimeout(timer);
  }, [isHeld]);
  const act = () => {
    onAction(toast.action);
    onDismiss(toast.id);
  };
  const held = () => hold(true);
  const free = () => hold(false);
  return html`<div class="toast" onMouseEnter=${held} onMouseLeave=${free} onFocusIn=${held} onFocusOut=${free}>
    <span class="toast__text">${toast.text}</span>
    ${toast.action && html`<button type="button" class="link" onClick=${act}>${toast.action.label}</button>`}
    <button type="button" class="link" onClick=${() => onDismiss(toast.id)}>Dismiss</button>
  </div>`;
}

// Announcer reads new messages of others to who cannot see them.
export function Announcer({ win, me }) {
  const [words, setWords] = useState("");
  const last = useRef(null);
  const waiting = useRef([]);
  const timer = useRef(0);
  useEffect(() => {
    const newest = win.messages.at(-1);
    const at = last.current ? win.messages.findLastIndex((message) => message.id === last.current) : -1;
    const fresh = at < 0 ? [] : win.messages.slice(at + 1).filter((message) => message.user !== me && !message.deleted);
    last.current = newest?.id ?? (win.loaded ? "none" : null);
    if (fresh.length === 0) return;
    waiting.current.push(...fresh);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const messages = waiting.current.splice(0);
      setWords(messages.length > 3
        ? `${messages.length} new messages`
        : messages.map((message) => `${message.user}: ${message.message}`).join("\n"));
    }, breath);
  }, [win.messages]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return html`<div class="hidden" aria-live="polite" data-announcer>${words}</div>`;
}
