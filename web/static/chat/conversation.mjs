// The messages of one conversation, and where they are scrolled to.
import { dayNumber } from "../lib/time.mjs";
import { Component } from "../vendor/preact.mjs";
import { ConfirmDelete } from "./confirm_delete.mjs";
import { html } from "./html.mjs";
import { Icon } from "./icons.mjs";
import { Message } from "./message.mjs";
import { Scroll } from "./scroll.mjs";
import { crowdText, timeline } from "./timeline.mjs";
import { keyOf } from "./window.mjs";

const midnightCheck = 60_000;

// handle gives others editLast(). (A ref would not: to Preact 11 it is a property like any other.)
export class Conversation extends Component {
  constructor(props) {
    super(props);
    this.state = { editing: null, deleting: null, active: null, below: 0 };
    this.scroll = new Scroll((atBottom) => this.#scrolled(atBottom));
    this.setActive = (id) => this.setState(({ active }) => ({ active: active === id ? null : id }));
    this.actions = {
      edit: (id) => this.setState({ editing: id, active: null }),
      cancel: () => this.#edited(),
      save: (text) => this.#save(text),
      askDelete: (id) => this.setState({ deleting: id, active: null }),
      retry: (id) => props.session.retry(id),
      discard: (id) => props.session.discard(id),
    };
  }

  componentDidMount() {
    this.props.handle.current = this;
    this.scroll.attach(this.scroller, this.content);
    // Older messages are fetched before the top is reached.
    this.top = new IntersectionObserver(
      (entries) => entries.at(-1).isIntersecting && this.#wantOlder(),
      { root: this.scroller, rootMargin: "800px 0px 0px" },
    );
    this.top.observe(this.topMark);
    this.day = dayNumber(Date.now());
    this.midnight = setInterval(() => {
      if (dayNumber(Date.now()) === this.day) return;
      this.day = dayNumber(Date.now());
      this.forceUpdate();
    }, midnightCheck);
  }

  componentWillUnmount() {
    if (this.props.handle.current === this) this.props.handle.current = null;
    this.scroll.detach();
    this.top.disconnect();
    clearInterval(this.midnight);
  }

  shouldComponentUpdate(next, nextState) {
    return nextState !== this.state || ["win", "waiting", "onlyHere", "connected"].some((key) => next[key] !== this.props[key]);
  }

  getSnapshotBeforeUpdate() {
    return this.scroll.remember();
  }

  componentDidUpdate(before, _, mark) {
    const { win, waiting, me, connected } = this.props;
    const posted = waiting.length > 0 && waiting.at(-1).id !== before.waiting.at(-1)?.id;
    if (posted) this.scroll.toBottom();
    else this.scroll.restore(mark);
    if (!this.scroll.atBottom && win.messages !== before.win.messages) {
      const fresh = newAtEnd(before.win.messages, win.messages).filter((message) => message.user !== me).length;
      if (fresh > 0) this.setState(({ below }) => ({ below: below + fresh }));
    }
    // The mark at the top may still be in view, and then nobody tells.
    const grew = before.win.fetching !== win.fetching || before.connected !== connected;
    if (grew && this.scroller.scrollTop < 800) this.#wantOlder();
  }

  // editLast begins to change the newest message of one's own, and says whether there is one.
  editLast() {
    const last = this.props.win.messages.findLast((message) => message.user === this.props.me && !message.deleted);
    if (last) this.setState({ editing: last.id });
    return Boolean(last);
  }

  #wantOlder() {
    if (this.props.win.more && !this.props.win.fetching) this.props.session.older?.();
  }

  #scrolled(atBottom) {
    if (!atBottom) return;
    if (this.state.below > 0) this.setState({ below: 0 });
    this.props.session.atBottom();
  }

  async #save(text) {
    if (await this.props.session.edit(this.state.editing, text)) this.#edited();
  }

  #edited() {
    this.setState({ editing: null });
    this.props.onDone();
  }

  async #delete() {
    const id = this.state.deleting;
    this.#closeDialog();
    await this.props.session.remove(id);
  }

  // While the dialog is there, nothing else takes the focus.
  #closeDialog() {
    this.setState({ deleting: null }, () => this.props.onDone());
  }

  render({ win, waiting, onlyHere, me, limit }, { editing, deleting, active, below }) {
    const rows = timeline(win, waiting, me, Date.now());
    const lastMine = rows.findLast((row) => row.kind === "message" && row.message.user === me)?.key;
    return html`<div class="conversation__middle">
      <div class="messages" tabindex="0" role="region" aria-label="Messages" data-messages=${keyOf(win)}
        ref=${(node) => { this.scroller = node; }}>
        <div class="messages__content" ref=${(node) => { this.content = node; }}>
          <div ref=${(node) => { this.topMark = node; }}></div>
          <${Beginning} win=${win} me=${me} isEmpty=${rows.length === 0} />
          <ol class="timeline">
            ${rows.map((row) => row.kind === "message"
              ? html`<${Message} key=${row.key} message=${row.message} item=${row.message.item} head=${row.head}
                  mine=${me !== null && row.message.user === me} moderates=${win.canModerate && Boolean(row.message.hook)} me=${me} isLast=${row.key === lastMine} onlyHere=${onlyHere.has(row.key)}
                  editing=${editing === row.key} active=${active === row.key} limit=${limit}
                  onActive=${this.setActive} actions=${this.actions} />`
              : html`<${Separator} key=${row.key} row=${row} />`)}
          </ol>
        </div>
      </div>
      <${ToBottom} scroll=${this.scroll} below=${below} />
      ${deleting && html`<${ConfirmDelete} onDelete=${() => this.#delete()} onCancel=${() => this.#closeDialog()} />`}
    </div>`;
  }
}

// newAtEnd is what stands after the message that was the newest.
function newAtEnd(before, after) {
  const last = before.at(-1);
  if (!last) return [];
  const at = after.findLastIndex((message) => message.id === last.id);
  return at < 0 ? [] : after.slice(at + 1);
}

function Separator({ row }) {
  if (row.kind === "day") return html`<li class="day"><span class="day__label">${row.label}</span></li>`;
  return html`<li class="crowd">${crowdText(row)}</li>`;
}

// Beginning stands above the first message: it says that there are more, or that this is where it all began.
function Beginning({ win, me, isEmpty }) {
  if (!win.loaded) return html`<p class="beginning beginning--loading">Loading…</p>`;
  if (win.more) {
    const words = me === null ? "Log in to read what was said before." : "Loading earlier messages…";
    return html`<p class="beginning beginning--loading">${words}</p>`;
  }
  return html`<div class="beginning">
    <h2><bdi>${win.name}</bdi></h2>
    <p>${win.kind === "private" ? privateBeginning(win, me, isEmpty) : roomBeginning(win, me)}</p>
  </div>`;
}

function privateBeginning(win, me, isEmpty) {
  const empty = isEmpty && "Nothing has been said here yet. ";
  if (win.name === me) return html`${empty}These are notes to yourself: nobody else here can read them.`;
  return html`${empty}What you write here, only you and <bdi>${win.name}</bdi> can read.`;
}

function roomBeginning(win, me) {
  if (win.messages.length > 0) return "This is where the room begins.";
  const nobody = "Nobody has said anything here yet.";
  return me === null ? nobody : `${nobody} Say hello, or send a friend the address of this page.`;
}

function ToBottom({ scroll, below }) {
  return html`<div class="to-bottom">
    <button type="button" class="to-bottom__button" hidden data-new=${below > 0} data-action="to-bottom"
      ref=${(node) => scroll.showsWhenUp(node)} onClick=${() => scroll.toBottom()}>
      ${below > 0
        ? `${below} new ${below === 1 ? "message" : "messages"}`
        : html`<span class="hidden">To the newest messages</span>`}
      <${Icon} name="down" />
    </button>
  </div>`;
}
