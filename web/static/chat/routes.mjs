// Which address shows which conversation.

export class Routes {
  #root;

  // base is the relative way from the page's address to the root of the site.
  constructor(base) {
    this.#root = new URL(base, location.href);
  }

  get root() {
    return this.#root.href;
  }

  page(path) {
    return new URL(path, this.#root).href;
  }

  place({ kind, name }) {
    return this.page(`${kind === "room" ? "chat" : "pm"}/${encodeURIComponent(name)}/`);
  }

  settings(room) {
    return this.page(`chat/${encodeURIComponent(room)}/settings/`);
  }

  // here is the path of the open page below the root.
  get here() {
    return location.href.slice(this.#root.href.length - 1);
  }

  // withNext is a page that leads back here.
  withNext(path) {
    return `${this.page(path)}?next=${encodeURIComponent(this.here)}`;
  }
}
