// When the server is away for too long, another node of its cluster goes on with this page: the mover knows the others, decides when to leave, and
// looks first whether the one that it leaves for is there. If nothing answers, it is this machine that is cut off, and the page stays.

const patience = 5_000; // longer than most breaks
const restartPatience = 20_000; // a server that said that it restarts is soon back
const enoughTries = 2; // a machine that wakes up has not tried yet, however long it was away
const lookWait = 3_000;
const lookAgain = 2_000;
const typingPause = 1_000; // what is typed while the page goes is lost, so it waits for a pause as long as this
const longestTyping = 10_000; // and so long for that
const arrival = 15_000; // the page is gone by then, or something went wrong
const longestForm = 128 * 1024; // bytes of what goes along; a node takes no more

const utf8 = new TextEncoder();

export class Mover {
  #met; // all nodes that this page may go to
  #allowed; // their origins, which are in the policy of this page
  #others; // those that are there
  #pass = null; // {value, expires}
  #down = null; // while the server is away: {since, patience, tries}
  #timer = 0;
  #typed = -Infinity; // when somebody last typed
  #on;

  // boot is the list that came with the page. on: leaving(node), next(), the path to go on at, and keep(),
  // which returns what goes along, or null if the page must stay.
  constructor(boot, on) {
    this.#met = boot.nodes;
    this.#allowed = new Set(boot.nodes.map(({ url }) => new URL(url).origin));
    this.#others = boot.nodes;
    this.#on = on;
    document.addEventListener("input", () => { this.#typed = performance.now(); });
  }

  // told takes the list, and the pass where there is a new one.
  told({ nodes, move, expires_in: expiresIn }) {
    this.#others = nodes;
    if (move) this.#pass = { value: move, expires: performance.now() + expiresIn * 1000 };
  }

  // hasPass says whether there is one that must be kept fresh.
  get hasPass() {
    return this.#pass !== null;
  }

  // isStale says that there are nodes now which the policy of this page does not know: it would have to be loaded again to go there.
  get isStale() {
    return this.#others.some(({ url }) => !this.#allowed.has(new URL(url).origin));
  }

  // opened says that the server is there, or that nobody wants it any more.
  opened() {
    clearTimeout(this.#timer);
    this.#down = null;
  }

  // tries is one more attempt to reach the server.
  tries() {
    if (this.#down) this.#down.tries++;
  }

  // broke is a connection that ended, or an attempt that failed.
  broke({ restarts }) {
    if (this.#down) return;
    this.#down = { since: performance.now(), patience: restarts ? restartPatience : patience, tries: 0 };
    this.#wait(this.#down.patience);
  }

  #wait(time) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#consider(), time);
  }

  async #consider() {
    const down = this.#down;
    if (this.#isTyping()) {
      this.#wait(typingPause);
      return;
    }
    if (down.tries >= enoughTries && this.#mayLeave()) {
      const node = await this.#findNode();
      if (this.#down !== down) return; // it is back
      const along = node && this.#mayLeave() && !this.#isTyping() ? this.#on.keep() : null;
      const text = along && JSON.stringify(along);
      if (text && utf8.encode(text).length <= longestForm) {
        this.#on.leaving(node);
        submit(node, { pass: this.#pass.value, next: this.#on.next(), kept: text });
        this.#wait(arrival);
        return;
      }
    }
    this.#wait(lookAgain);
  }

  #isTyping() {
    const now = performance.now();
    return now - this.#typed < typingPause && now - this.#down.since < this.#down.patience + longestTyping;
  }

  #mayLeave() {
    return this.#pass !== null && performance.now() < this.#pass.expires;
  }

  // findNode promises a node that answers, first among those that were there when something was last heard.
  async #findNode() {
    const there = new Set(this.#others.map(({ url }) => url));
    const isThere = ({ url }) => there.has(url);
    for (const node of [...shuffled(this.#met.filter(isThere)), ...shuffled(this.#met.filter((other) => !isThere(other)))]) {
      if (isGoodFrom(location.protocol, node) && (await answers(node))) return node;
    }
    return null;
  }
}

// shuffled is so that not everybody goes to the same node.
function shuffled(list) {
  return list.map((item) => ({ item, order: Math.random() })).sort((a, b) => a.order - b.order).map(({ item }) => item);
}

// What came over TLS is not sent on without.
function isGoodFrom(protocol, { url }) {
  return protocol === "http:" || new URL(url).protocol === protocol;
}

async function answers({ url }) {
  try {
    const answer = await fetch(new URL("healthz", url), {
      credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(lookWait),
    });
    return answer.ok;
  } catch {
    return false;
  }
}

// submit goes to the other node by a form: what it holds is in the body alone, never in an address.
function submit({ url }, { pass, next, kept }) {
  // The node looks at the Origin, which the policy of our pages would hide from it. This shows the origin and no more.
  const referrer = document.createElement("meta");
  referrer.name = "referrer";
  referrer.content = "strict-origin";
  document.head.append(referrer);
  const form = document.createElement("form");
  form.method = "post";
  form.action = new URL("move/", url).href;
  form.hidden = true;
  const fields = { pass, next, kept };
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}
