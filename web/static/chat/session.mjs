// A person's connection to the server and what is asked of it: it keeps the store true to what the server says, and
// carries out what the person does.

import { leaveFor } from "../lib/leave.mjs";
import { Socket, socketURL } from "../lib/socket.mjs";
import { keepOutbox, keptFor, movedFrom, ReadMarks } from "./memory.mjs";
import { Mover } from "./mover.mjs";
import { Outbox } from "./outbox.mjs";
import { sentence } from "./sentence.mjs";
import { change, currentWindow, unreadTotal } from "./store.mjs";
import { Typing } from "./typing.mjs";
import { keyOf } from "./window.mjs";

// Changes by the type of the frame that asks for them.
const byType = new Map([
  ["user_join", change.userJoined],
  ["user_leave", change.userLeft],
  ["room", change.room],
  ["room_deleted", change.gone],
  ["presence", change.presence],
]);
const messageTypes = new Set([
  "chat_message",
  "private_message",
  "private_message_delivered",
  "message_edited",
  "message_deleted",
]);

const passRenewal = 30_000; // the pass to other nodes is then always fresh, and a connection that died in silence is noticed
const tellMoved = 10_000;

const isSeen = () => document.visibilityState === "visible";
const isEditing = () => document.querySelector(".editor") !== null;

export class Session {
  #store;
  #routes;
  #socket;
  #marks;
  #mover;
  #outbox;
  #typing;

  // nodes are the other nodes that the page may go to, if there are any.
  constructor(store, routes, nodes) {
    this.#store = store;
    this.#routes = routes;
    this.#mover = nodes && new Mover(nodes, {
      keep: () => this.#kept(nodes.node),
      next: () => routes.here,
      leaving: (node) => store.apply(change.leaving, node.name),
    });
    this.#socket = new Socket(socketURL("ws/", routes.root), {
      greeted: true,
      on: {
        state: (state, detail) => this.#connectionChanged(state, detail),
        frame: (frame) => this.#received(frame),
        refused: (attempt) => this.#checkLogIn(attempt),
        probe: () => this.#inboxFrame(),
      },
    });
    this.#outbox = new Outbox(store, this.#socket);
    this.#typing = new Typing(store, this.#socket);
  }

  start() {
    const { state } = this.#store;
    this.#marks = new ReadMarks(state.me, state.conversations[0]?.time ?? 0);
    for (const { user, time, from } of state.conversations) {
      const place = { kind: "private", name: user };
      if (from !== state.me && this.#marks.isUnread(user, time)) this.#store.apply(change.unread, place);
    }
    this.#outbox.restore();
    this.#looked();
    document.addEventListener("visibilitychange", () => {
      this.#looked();
      this.#freshen();
    });
    if (this.#mover) this.#startMoving();
    history.replaceState(state.place, "", this.#routes.place(state.place));
    addEventListener("popstate", (event) => event.state && this.#go(event.state));
    this.#socket.start();
  }

  post(place, typed) {
    return this.#outbox.post(place, typed);
  }

  typed(place, text) {
    this.#typing.typed(place, text);
  }

  retry(id) {
    this.#outbox.retry(id);
  }

  discard(id) {
    this.#outbox.discard(id);
  }

  tryNow() {
    this.#socket.tryNow();
  }

  // open shows another conversation.
  open(place) {
    if (keyOf(place) === keyOf(this.#store.state.place)) return;
    history.pushState(place, "", this.#routes.place(place));
    this.#go(place);
  }

  // edit and remove promise whether it was done.
  edit(id, text) {
    return this.#ask({ type: "edit", id, message: text });
  }

  remove(id) {
    return this.#ask({ type: "delete", id });
  }

  // older loads the messages before those shown.
  async older() {
    const win = currentWindow(this.#store.state);
    const place = { kind: win.kind, name: win.name };
    if (!win.more || win.fetching || this.#socket.state !== "open") return;
    this.#store.apply(change.fetching, { place, fetching: true });
    try {
      const answer = await this.#socket.request({
        type: "history",
        ...(place.kind === "room" ? { room: place.name } : { user: place.name }),
        before: win.messages[0]?.id,
      });
      this.#store.apply(change.older, { place, answer });
    } catch (error) {
      this.#store.apply(change.fetching, { place, fetching: false });
      this.#tell(error);
    }
  }

  atBottom() {
    this.#store.apply(change.trimmed);
  }

  dismiss(id) {
    this.#store.apply(change.dismissed, id);
  }

  #connectionChanged(state, detail) {
    if (state === "open" || state === "stopped") this.#mover?.opened();
    if (state === "waiting") this.#mover?.broke(detail);
    if (state === "connecting") this.#mover?.tries();
    if (state === "waiting" || state === "stopped") this.#store.apply(change.broke);
    this.#store.apply(change.connection, { state, ...detail });
    if (detail.reason === "logged_out") leaveFor(this.#routes.withNext("log_in/"));
  }

  #received(frame) {
    if (messageTypes.has(frame.type)) {
      this.#store.apply(change.message, { frame, seen: isSeen() });
      if (!frame.room) this.#looked();
    } else if (frame.type === "presence" && frame.renamed_to !== undefined) {
      this.#renamed(frame.username, frame.renamed_to);
    } else if (frame.type === "typing") {
      this.#typing.heard(frame);
    } else if (byType.has(frame.type)) {
      this.#store.apply(byType.get(frame.type), frame);
    } else if (frame.type === "nodes") {
      this.#mover?.told(frame);
    } else if (frame.type === "hello") {
      this.#greeted(frame);
    } else if (frame.type === "inbox") {
      this.#store.apply(change.inbox, frame, this.#unreadRules());
    } else if (frame.type === "error") {
      this.#store.apply(change.toast, { text: sentence(frame.message) });
    }
  }

  // renamed is somebody who has another name from now on.
  #renamed(from, to) {
    if (from === this.#store.state.me) {
      keepOutbox(to, this.#store.state.outbox);
      location.reload();
      return;
    }
    this.#correctName({ kind: "private", name: from }, to);
    this.#store.apply(change.personRenamed, { from, to });
  }

  // greeted brings everything up to date after a connection was made, for the first time or again.
  async #greeted(hello) {
    if (hello.user !== this.#store.state.me) {
      // Somebody else has logged in with this browser since.
      location.reload();
      return;
    }
    this.#typing.greeted(hello);
    if (this.#mover) this.#follow({ type: "nodes" }, (answer) => this.#mover.told(answer));
    this.#follow({ type: "rooms" }, (answer) => this.#store.apply(change.rooms, answer));
    this.#follow({ type: "users" }, (answer) => this.#store.apply(change.users, answer));
    this.#follow(this.#inboxFrame(), (answer) => {
      this.#store.apply(change.inbox, answer, this.#unreadRules());
      this.#looked();
      if (this.#store.state.place.kind === "private") this.#load();
    });
    if (this.#store.state.place.kind === "room") this.#load();
    this.#outbox.send();
  }

  #startMoving() {
    const from = movedFrom();
    if (from) {
      this.#store.apply(change.cameFrom, from);
      setTimeout(() => this.#store.apply(change.cameFrom, null), tellMoved);
    }
    setInterval(() => {
      if (!this.#mover.hasPass || this.#socket.state !== "open") return;
      this.#socket.request({ type: "nodes" }).then((answer) => this.#mover.told(answer), () => {});
    }, passRenewal);
  }

  // kept is what goes along to another node; null while something is being edited, which would be lost.
  #kept(from) {
    const { me, outbox } = this.#store.state;
    return isEditing() ? null : { from, ...keptFor(me, outbox) };
  }

  // freshen loads the page again when nobody looks and nothing can be lost, where there are nodes that it could not go to.
  #freshen() {
    const { outbox } = this.#store.state;
    if (isSeen() || !this.#mover?.isStale || this.#socket.state !== "open") return;
    if (outbox.length === 0 && unreadTotal(this.#store.state) === 0 && !isEditing()) location.reload();
  }

  #inboxFrame() {
    const { seq, log } = this.#store.state.inbox;
    return { type: "inbox", after: seq, log };
  }

  #unreadRules() {
    return { seen: isSeen(), isUnread: (user, time) => this.#marks.isUnread(user, time) };
  }

  // follow asks for a list that stays current. A lost answer is asked for again after the next greeting.
  #follow(frame, use) {
    this.#socket.request(frame).then(use, (error) => this.#tell(error));
  }

  #go(place) {
    const { place: from } = this.#store.state;
    if (from.kind === "room") this.#socket.send({ type: "leave", room: from.name });
    this.#store.apply(change.went, place);
    this.#looked();
    this.#load();
  }

  // load makes the window of the open conversation complete.
  async #load() {
    const { place } = this.#store.state;
    const win = currentWindow(this.#store.state);
    if (this.#socket.state !== "open" || win.synced) return;
    try {
      if (place.kind === "room") await this.#join(place, win);
      else await this.#openPrivate(place);
    } catch (error) {
      if (error.code === "gone") this.#store.apply(change.gone, { room: place.name });
      else if (!error.lost) this.#store.apply(change.refused, { place, problem: sentence(error.message) });
    }
  }

  async #join(place, win) {
    const known = win.loaded ? { after: win.seq, log: win.log } : {};
    const answer = await this.#socket.request({ type: "join", room: place.name, ...known });
    this.#correctName(place, answer.room);
    this.#store.apply(change.joined, answer);
  }

  async #openPrivate(place) {
    const answer = await this.#socket.request({ type: "history", user: place.name });
    this.#correctName(place, answer.user);
    this.#store.apply(change.opened, answer);
    this.#looked();
  }

  #correctName(place, name) {
    if (name === place.name) return;
    const to = { ...place, name };
    const wasOpen = keyOf(this.#store.state.place) === keyOf(place);
    this.#store.apply(change.renamed, { from: place, to });
    if (wasOpen) history.replaceState(to, "", this.#routes.place(to));
  }

  // looked notes that what is open is read, if somebody sees it.
  #looked() {
    if (!isSeen()) return;
    const { place, conversations } = this.#store.state;
    this.#store.apply(change.read, place);
    if (place.kind !== "private") return;
    const conversation = conversations.find((other) => other.user === place.name);
    if (conversation) this.#marks.read(place.name, conversation.time);
  }

  async #ask(frame) {
    try {
      await this.#socket.request(frame);
      return true;
    } catch (error) {
      this.#tell(error);
      return false;
    }
  }

  #tell(error) {
    if (error.code === "closed") return; // the banner says so
    this.#store.apply(change.toast, { text: sentence(error.message) });
  }

  // A socket that is refused does not say why. If the reason is that nobody is logged in, every page says so.
  async #checkLogIn(attempt) {
    if (attempt % 5 !== 1) return;
    try {
      const answer = await fetch(this.#routes.page("chat/"), { method: "HEAD", redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") location.assign(this.#routes.withNext("log_in/"));
    } catch {
      // The server is away: the socket goes on trying.
    }
  }
}
