// What a person has written and the server has not acknowledged: kept until it has, sent in order, sent again after a break.

import { uuid7 } from "../lib/ids.mjs";
import { read } from "./commands.mjs";
import { keepOutbox, outboxOf } from "./memory.mjs";
import { sentence } from "./sentence.mjs";
import { change } from "./store.mjs";
import { keyOf } from "./window.mjs";

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export class Outbox {
  #store;
  #socket;
  #posting = false;

  constructor(store, socket) {
    this.#store = store;
    this.#socket = socket;
  }

  // restore takes up what was left when the page was closed.
  restore() {
    for (const item of outboxOf(this.#store.state.me)) this.#store.apply(change.queued, item);
  }

  // post sends what was typed to a conversation; what begins with /pm goes to one person, wherever it was typed. What it
  // cannot send it returns the problem of.
  post(place, typed) {
    const { problem, to, text } = read(typed);
    if (problem) return problem;
    const item = { id: uuid7(), place, text, time: Date.now(), state: "sending", problem: null };
    if (to !== undefined) {
      item.command = typed;
      item.place = { kind: "private", name: to };
    }
    this.#store.apply(change.queued, item);
    this.#keep();
    this.send();
    return null;
  }

  // retry sends once more what failed. Under a new id: the old one may be what was refused.
  retry(id) {
    this.#store.apply(change.retried, { id, newID: uuid7(), time: Date.now() });
    this.#keep();
    this.send();
  }

  discard(id) {
    this.#store.apply(change.dropped, id);
    this.#keep();
  }

  // send posts what waits, one after another so that the order stays. What got no answer is posted again after
  // the next greeting, under the same id.
  async send() {
    if (this.#posting) return;
    this.#posting = true;
    try {
      for (let item = this.#nextToPost(); item; item = this.#nextToPost()) {
        if (!(await this.#postOne(item))) break;
      }
    } finally {
      this.#posting = false;
    }
  }

  #nextToPost() {
    if (this.#socket.state !== "open") return undefined;
    return this.#store.state.outbox.find((item) => item.state === "sending");
  }

  // postOne promises whether to go on with the next.
  async #postOne({ id, place, text, command }) {
    const to = place.kind === "room" ? { type: "post", room: place.name } : { type: "private", user: place.name };
    try {
      const ack = await this.#socket.request({ ...to, id, message: text });
      this.#store.apply(change.sent, { id, time: ack.time, onlyHere: ack.only_here });
      if (command) this.#toldPrivately(place);
    } catch (error) {
      if (error.lost) return false;
      if (error.code === "rate_limited") {
        await pause(Math.max(1, error.retryAfter));
        return true;
      }
      this.#refusedPost(id, command, error);
    }
    this.#keep();
    return true;
  }

  #toldPrivately(place) {
    if (keyOf(this.#store.state.place) === keyOf(place)) return;
    this.#store.apply(change.toast, { text: `Sent to ${place.name} alone.`, action: { label: "Open", place } });
  }

  // A /pm to nobody has no conversation to stand in, so its text goes back to where it was typed.
  #refusedPost(id, command, error) {
    if (error.code === "gone") {
      this.#store.apply(change.dropped, id);
      this.#store.apply(change.toast, { text: sentence(error.message) });
      return;
    }
    if (!command) {
      this.#store.apply(change.failed, { id, problem: sentence(error.message) });
      return;
    }
    this.#store.apply(change.dropped, id);
    this.#store.apply(change.toast, { text: sentence(error.message), action: { label: "Write again", draft: command } });
  }

  #keep() {
    keepOutbox(this.#store.state.me, this.#store.state.outbox);
  }
}
