// Who is typing: telling the server that one is, and showing those of whom it tells.
import { html } from "./html.mjs";
import { change, placeOf } from "./store.mjs";
import { keyOf } from "./window.mjs";

const tellEvery = 3_000;
const shownFor = 5_000; // without being told again
const fadesFor = 300; // at least as long as --slow

// isTelling says that a text is being written for the conversation: not a command, which is for somebody else or for nobody.
const isTelling = (text) => text.trim() !== "" && !text.trimStart().startsWith("/");

export class Typing {
  #store;
  #socket;
  #isKnown = false; // the server knows the frame
  #told = { key: "", at: 0 };
  #timers = new Map(); // by who is shown

  constructor(store, socket) {
    this.#store = store;
    this.#socket = socket;
  }

  // greeted looks whether the server would understand: one of an older version has no such limit.
  greeted({ limits }) {
    this.#isKnown = limits.typing_seconds > 0;
  }

  // typed is told of everything that is typed in the composer.
  typed(place, text) {
    const key = keyOf(place);
    const isFresh = this.#told.key === key && performance.now() - this.#told.at < tellEvery;
    if (!this.#isKnown || isFresh || !isTelling(text) || (place.kind === "private" && place.name === this.#store.state.me)) return;
    this.#told = { key, at: performance.now() };
    this.#socket.send({ type: "typing", ...(place.kind === "room" ? { room: place.name } : { user: place.name }) });
  }

  // heard is told that somebody else types.
  heard(frame) {
    const { me, place } = this.#store.state;
    const { user } = frame;
    if (user === me || keyOf(placeOf(frame, me)) !== keyOf(place)) return;
    this.#store.apply(change.typing, user);
    clearTimeout(this.#timers.get(user));
    this.#timers.set(user, setTimeout(() => this.#fade(user), shownFor));
  }

  #fade(user) {
    this.#store.apply(change.typingFades, user);
    this.#timers.set(user, setTimeout(() => {
      this.#timers.delete(user);
      this.#store.apply(change.typingOver, user);
    }, fadesFor));
  }
}

// TypingLine has its place always, so that nothing moves. It is for the eyes alone: read aloud, it would drown what is said.
export function TypingLine({ typing }) {
  const fresh = typing.filter((other) => !other.fading);
  const shown = fresh.length > 0 ? fresh : typing;
  return html`<p class="typing" aria-hidden="true" data-typing=${shown.map(({ user }) => user).join(" ")} data-fading=${shown.length > 0 && fresh.length === 0}>${words(shown)}</p>`;
}

function words(people) {
  const [first, second] = people.map(({ user }) => html`<bdi class="typing__name">${user}</bdi>`);
  if (people.length === 0) return null;
  if (people.length === 1) return html`${first}<span> is typing…</span>`;
  if (people.length === 2) return html`${first}<span> and </span>${second}<span> are typing…</span>`;
  return "several people are typing…";
}
