// The chat screen: a sidebar, a conversation, and who is here.
import { useCallback, useEffect, useMemo, useRef, useState } from "../vendor/hooks.mjs";
import { Composer, GuestNote } from "./composer.mjs";
import { Conversation } from "./conversation.mjs";
import { Drawer, useMedia } from "./drawer.mjs";
import { Head, Problem } from "./head.mjs";
import { Here } from "./here.mjs";
import { html } from "./html.mjs";
import { Announcer, Banner, Toasts } from "./notices.mjs";
import { Around } from "./place_link.mjs";
import { Sidebar } from "./sidebar.mjs";
import { currentWindow, unreadTotal, waitingFor } from "./store.mjs";
import { TypingLine } from "./typing.mjs";
import { keyOf } from "./window.mjs";

// The same widths as in chat.css.
const roomForSidebar = "(width >= 48rem)";
const roomForPeople = "(width >= 70rem)";

export function App({ store, session, routes, icon }) {
  const [state, setState] = useState(store.state);
  const [drawer, setDrawer] = useState(null);
  const composer = useRef(null);
  const conversation = useRef(null);
  const sidebarIsColumn = useMedia(roomForSidebar);
  const peopleIsColumn = useMedia(roomForPeople);
  useEffect(() => store.listen(setState), []);

  const { me, place, limit } = state;
  const win = currentWindow(state);
  const unread = unreadTotal(state);
  const waiting = useMemo(() => waitingFor(state, place), [state.outbox, keyOf(place)]);
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${place.name} · Snug`;
  }, [unread, place.name]);

  const close = useCallback(() => setDrawer(null), []);
  const open = useCallback((to) => {
    setDrawer(null);
    session.open(to);
  }, []);
  const around = useMemo(() => ({ session, routes, me, open: me === null ? null : open }), [me]);
  const act = (action) => {
    if (action.place) open(action.place);
    if (action.draft) composer.current?.write(action.draft);
    composer.current?.focus();
  };

  const covered = (drawer === "sidebar" && !sidebarIsColumn) || (drawer === "here" && !peopleIsColumn);
  const isRoom = place.kind === "room" && !win.problem;
  const skip = (event) => {
    event.preventDefault();
    composer.current?.focus();
  };
  return html`<${Around.Provider} value=${around}>
    ${me !== null && html`<a class="skip" href="#composer" onClick=${skip}>Write a message</a>`}
    <${Drawer} name="sidebar" label="Rooms and conversations" isColumn=${sidebarIsColumn} isOpen=${drawer === "sidebar"} onClose=${close}>
      <${Sidebar} state=${state} icon=${icon} />
    <//>
    <main class="conversation" inert=${covered} data-place=${keyOf(place)}>
      <${Head} win=${win} isOnline=${state.online.has(place.name)} unread=${unread} drawer=${drawer} showsMenu=${!sidebarIsColumn}
        showsPeople=${isRoom && !peopleIsColumn} onDrawer=${setDrawer} />
      <div class="notices">
        <div class="notices__stack">
          <${Banner} connection=${state.connection} everOpen=${state.everOpen} node=${state.node}
            leavingFor=${state.leavingFor} cameFrom=${state.cameFrom} onTry=${() => session.tryNow()} />
          <${Toasts} toasts=${state.toasts} onDismiss=${(id) => session.dismiss(id)} onAction=${act} />
        </div>
      </div>
      ${win.problem
        ? html`<${Problem} text=${win.problem} gone=${win.gone} />`
        : html`<${Conversation} key=${keyOf(place)} handle=${conversation} win=${win} waiting=${waiting} onlyHere=${state.onlyHere} me=${me} limit=${limit} session=${session}
            connected=${state.connection.state === "open"} onDone=${() => composer.current?.focus()} />`}
      <div class="conversation__foot">
        ${me === null
          ? html`<${GuestNote} routes=${routes} />`
          : !win.problem && html`<${TypingLine} typing=${state.typing} />
            <${Composer} key=${keyOf(place)} handle=${composer} place=${place} limit=${limit} onSend=${(text) => session.post(place, text)}
              onTyped=${(text) => session.typed(place, text)} onEditLast=${() => conversation.current?.editLast()} />`}
      </div>
      <${Announcer} key=${keyOf(place)} win=${win} me=${me} />
    </main>
    ${isRoom && html`<${Drawer} name="here" label="People in this room" isColumn=${peopleIsColumn} isOpen=${drawer === "here"} onClose=${close}>
      <${Here} win=${win} />
    <//>`}
  <//>`;
}
