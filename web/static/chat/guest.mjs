// A guest's connection: reading one room, on the socket of the tutorial's protocol. It offers what Session does, as far
// as a guest may do it.

import { Socket, socketURL } from "../lib/socket.mjs";
import { byName } from "../lib/names.mjs";
import { change } from "./store.mjs";

const history = 50;

export class GuestSession {
  #store;
  #socket;

  constructor(store, routes) {
    const { place } = store.state;
    const path = `ws/chat/${encodeURIComponent(place.name)}/?history=${history}`;
    this.#store = store;
    this.#socket = new Socket(socketURL(path, routes.root), {
      greeted: false,
      on: {
        state: (state, detail = {}) => {
          store.apply(change.connection, { state, ...detail });
          if (detail.reason === "gone") store.apply(change.gone, { room: place.name });
        },
        frame: (frame) => this.#received(frame),
        refused: () => {},
      },
    });
  }

  start() {
    this.#socket.start();
  }

  tryNow() {
    this.#socket.tryNow();
  }

  atBottom() {
    this.#store.apply(change.trimmed);
  }

  dismiss(id) {
    this.#store.apply(change.dismissed, id);
  }

  #received(frame) {
    const { place } = this.#store.state;
    switch (frame.type) {
      case "user_list":
        // The last messages follow, so what is shown makes room for them.
        this.#store.apply(change.emptied, place);
        this.#store.apply(change.hereNow, { place, users: [...frame.users].sort(byName) });
        break;
      case "user_join":
        this.#store.apply(change.userJoined, frame);
        break;
      case "user_leave":
        this.#store.apply(change.userLeft, frame);
        break;
      case "chat_message":
      case "message_edited":
      case "message_deleted":
        this.#store.apply(change.message, { frame, seen: document.visibilityState === "visible" });
        break;
    }
  }
}
