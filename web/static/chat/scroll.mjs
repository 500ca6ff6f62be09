// Where a list of messages is scrolled to. It stays at its end when it was there; else what was being read stays where
// it was, whatever comes above or below. (The browser's own scroll anchoring does some of this, but not in Safari.)

const nearBottom = 40; // pixels that count as the end
const farFromBottom = 300; // from here on there is a button that leads back

export class Scroll {
  atBottom = true;
  #tell;
  #scroller = null;
  #button = null;
  #sizes = new ResizeObserver(() => this.#resized());
  #listener = () => this.#moved();

  // tell(atBottom) is called when somebody has scrolled.
  constructor(tell) {
    this.#tell = tell;
  }

  attach(scroller, content) {
    this.#scroller = scroller;
    scroller.addEventListener("scroll", this.#listener, { passive: true });
    this.#sizes.observe(scroller);
    this.#sizes.observe(content);
    this.toBottom();
  }

  detach() {
    this.#sizes.disconnect();
    this.#scroller.removeEventListener("scroll", this.#listener);
  }

  // showsWhenUp names the button that is there only while the end is out of sight.
  showsWhenUp(button) {
    this.#button = button;
    this.#showButton();
  }

  toBottom() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#moved();
  }

  // remember notes, before a change, the first message in sight and where it ends. Its end, because a message loses its
  // name at the top when an older one of the same person comes to stand above it.
  remember() {
    if (this.atBottom) return null;
    const row = this.#firstInSight();
    return row && { row, bottom: row.getBoundingClientRect().bottom };
  }

  // restore puts, after the change, that row back to where it stood.
  restore(mark) {
    if (this.atBottom) this.toBottom();
    else if (mark?.row.isConnected) this.#scroller.scrollTop += mark.row.getBoundingClientRect().bottom - mark.bottom;
  }

  get #below() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #firstInSight() {
    const rows = this.#scroller.querySelector("ol").children;
    const top = this.#scroller.getBoundingClientRect().top;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    // A day or a line of who came moves away when older messages come before it.
    while (low < rows.length && !("message" in rows[low].dataset)) low++;
    return rows[low];
  }

  #moved() {
    this.atBottom = this.#below <= nearBottom;
    this.#showButton();
    this.#tell(this.atBottom);
  }

  // A change of size is not scrolling: who was at the end stays there.
  #resized() {
    if (this.atBottom) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#showButton();
  }

  #showButton() {
    if (!this.#button || !this.#scroller) return;
    const hasNew = this.#button.dataset.new === "true";
    this.#button.hidden = this.atBottom || (!hasNew && this.#below < farFromBottom);
  }
}
