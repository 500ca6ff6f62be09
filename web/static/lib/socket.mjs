// The life of one WebSocket: it connects, breaks, waits and connects again, until it is told to stop.
//
//   connecting --greeted--> open --closed--> waiting --time, or a sign that the network is back--> connecting
//   any --the server said stop, or stop()--> stopped
//
// What is sent with request() gets exactly one answer: a frame with the same ref, or a SocketError.

const firstWait = 500;
const longestWait = 10_000;
const greetingWait = 10_000; // a connection that is not greeted by then is given up
const answerWait = 10_000;
const probeWait = 5_000;
const suspectAfter = 30_000; // a page hidden for so long may have slept, and its connection may be dead

// Why the server closes for good, by close code.
const finalCodes = new Map([
  [1008, "broke_rules"],
  [1009, "too_large"],
  [4401, "logged_out"],
  [4410, "gone"],
]);
const restartCode = 1012;

// SocketError is a request that did not get what it asked for. Its code is one of the protocol's, or "closed" (the
// connection broke first) or "timeout".
export class SocketError extends Error {
  constructor(code, message, retryAfter = 0) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }

  // lost says that the answer was lost, so that nobody knows whether the request was carried out.
  get lost() {
    return this.code === "closed" || this.code === "timeout";
  }
}

// socketURL is the address of a socket below the root of the site.
export function socketURL(path, root) {
  const url = new URL(path, root);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export class Socket {
  #url;
  #greeted; // whether the server speaks first, with "hello"
  #on;
  #socket = null;
  #state = "idle";
  #attempt = 0;
  #timer = 0;
  #hiddenSince = 0;
  #lastRef = 0;
  #requests = new Map();
  #listening = new AbortController();

  // on: state(name, detail), frame(object), and optionally refused(attempt) after a try that never opened, and
  // probe(), which returns a frame that is asked when the connection may be dead without saying so.
  constructor(url, { greeted, on }) {
    this.#url = url;
    this.#greeted = greeted;
    this.#on = on;
  }

  get state() {
    return this.#state;
  }

  start() {
    const { signal } = this.#listening;
    addEventListener("online", () => this.#networkChanged(), { signal });
    addEventListener("pageshow", () => this.#networkChanged(), { signal });
    document.addEventListener("visibilitychange", () => this.#visibilityChanged(), { signal });
    this.#connect();
  }

  stop(reason) {
    this.#listening.abort();
    this.#drop();
    this.#enter("stopped", { reason });
  }

  // tryNow does not wait for the time of the next try.
  tryNow() {
    if (this.#state === "waiting") this.#connect();
  }

  send(frame) {
    if (this.#state === "open") this.#socket.send(JSON.stringify(frame));
  }

  // request sends a frame and promises its answer.
  request(frame, wait = answerWait) {
    if (this.#state !== "open") {
      return Promise.reject(new SocketError("closed", "There is no connection to the server."));
    }
    const ref = ++this.#lastRef;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(ref);
        reject(new SocketError("timeout", "The server did not answer in time."));
        this.#broke(0);
      }, wait);
      this.#requests.set(ref, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ ...frame, ref }));
    });
  }

  #enter(state, detail = {}) {
    this.#state = state;
    this.#on.state(state, detail);
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#attempt++;
    this.#enter("connecting", { attempt: this.#attempt });
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    let opened = false;
    // A socket that was given up may still speak: only the current one is listened to.
    const current = (listener) => (event) => {
      if (this.#socket === socket) listener(event);
    };
    this.#timer = setTimeout(() => this.#broke(0), greetingWait);
    socket.addEventListener("open", current(() => {
      opened = true;
      if (!this.#greeted) this.#opened();
    }));
    socket.addEventListener("message", current((event) => this.#received(event.data)));
    socket.addEventListener("close", current((event) => {
      const attempt = this.#attempt;
      this.#broke(event.code);
      if (!opened && this.#state === "waiting") this.#on.refused?.(attempt);
    }));
  }

  #opened() {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#enter("open");
  }

  #received(data) {
    const frame = JSON.parse(data);
    if (frame.type === "hello") this.#opened();
    if (frame.ref !== undefined && this.#requests.has(frame.ref)) {
      const { resolve, reject, timer } = this.#requests.get(frame.ref);
      this.#requests.delete(frame.ref);
      clearTimeout(timer);
      if (frame.type === "error") reject(new SocketError(frame.code, frame.message, frame.retry_after));
      else resolve(frame);
      return;
    }
    this.#on.frame(frame);
  }

  // broke is the end of a connection, however it came about.
  #broke(code) {
    this.#drop();
    const reason = finalCodes.get(code);
    if (reason) {
      this.stop(reason);
      return;
    }
    const wait = this.#wait(code);
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#enter("waiting", { wait, attempt: this.#attempt, restarts: code === restartCode });
  }

  // Waits differ by chance, so that not everybody comes back at the same moment.
  #wait(code) {
    if (code === restartCode) return 200 + Math.random() * 1000;
    const longest = Math.min(longestWait, firstWait * 2 ** Math.min(this.#attempt, 10));
    return Math.max(firstWait, longest * (0.5 + Math.random() / 2));
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const { reject, timer } of requests) {
      clearTimeout(timer);
      reject(new SocketError("closed", "The connection was lost."));
    }
  }

  #networkChanged() {
    this.tryNow();
    if (this.#state === "open") this.#probe();
  }

  #visibilityChanged() {
    if (document.visibilityState === "hidden") {
      this.#hiddenSince = Date.now();
      return;
    }
    this.tryNow();
    if (this.#state === "open" && Date.now() - this.#hiddenSince > suspectAfter) this.#probe();
  }

  #probe() {
    const frame = this.#on.probe?.();
    if (frame) this.request(frame, probeWait).then((answer) => this.#on.frame(answer), () => {});
  }
}
