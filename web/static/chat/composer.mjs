// Where a message is written.
import { useEffect, useImperativeHandle, useRef, useState } from "../vendor/hooks.mjs";
import { Growing, charactersIn, isEnter } from "./growing.mjs";
import { html } from "./html.mjs";
import { Icon } from "./icons.mjs";
import { draftOf, keepDraft } from "./memory.mjs";
import { keyOf } from "./window.mjs";

const warnBefore = 200; // so many characters before the limit the counter appears

// handle gives others focus() and write(text). onSend returns why it could not send a text, if it could not; it then stays to be mended. onTyped is told what somebody
// has typed so far, at each key.
export function Composer({ place, limit, onSend, onTyped, onEditLast, handle }) {
  const key = keyOf(place);
  const [text, setText] = useState(() => draftOf(key));
  const [problem, setProblem] = useState(null);
  const field = useRef(null);
  const left = limit - charactersIn(text);
  const isGood = text.trim() !== "" && left >= 0;

  const write = (value) => {
    setText(value);
    setProblem(null);
    keepDraft(key, value);
  };
  const type = (value) => {
    write(value);
    onTyped(value);
  };
  useImperativeHandle(handle, () => ({ focus: () => field.current?.focus(), write }), [key]);
  useEffect(() => {
    // A phone would cover half the conversation with its keyboard.
    if (matchMedia("(hover: hover)").matches) field.current.focus();
  }, []);

  const send = () => {
    if (!isGood) return;
    const refused = onSend(text);
    if (refused) setProblem(refused);
    else write("");
    field.current.focus();
  };
  const keys = (event) => {
    if (isEnter(event)) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text === "" && !event.isComposing) {
      event.preventDefault();
      onEditLast();
    }
  };
  const name = place.kind === "room" ? place.name : `${place.name}, privately`;
  return html`<form class="composer" onSubmit=${(event) => { event.preventDefault(); send(); }}>
    <div class="composer__box">
      <${Growing} value=${text} label=${`Message to ${name}`} placeholder=${`Message to ${name}`} field=${field} onText=${type}
        onKeyDown=${keys} enterkeyhint="send" autocomplete="off" id="composer" aria-describedby="composer-problem composer-count"
        aria-invalid=${problem !== null} data-composer />
      <button type="submit" class="composer__send" aria-label="Send" title="Send" disabled=${!isGood}><${Icon} name="send" /></button>
    </div>
    <div class="composer__notes">
    <p class="composer__problem" id="composer-problem" role="alert">${problem}</p>
    <p class="composer__count" id="composer-count" data-over=${left < 0} role="status">${left < 0
      ? `${-left} ${left === -1 ? "character" : "characters"} too many`
      : left <= warnBefore && `${left} left`}</p>
    </div>
  </form>`;
}

export function GuestNote({ routes }) {
  return html`<p class="composer composer--guest">You are reading as a guest. <a href=${routes.withNext("log_in/")}>Log in</a> or${" "}
    <a href=${routes.withNext("sign_up/")}>sign up</a> to write.</p>`;
}
