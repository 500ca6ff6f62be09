// The chat screen's start: from the first data in the page to a screen that lives.
import { App } from "./chat/app.mjs";
import { GuestSession } from "./chat/guest.mjs";
import { html } from "./chat/html.mjs";
import { Routes } from "./chat/routes.mjs";
import { Session } from "./chat/session.mjs";
import { Store, initialState } from "./chat/store.mjs";
import { render } from "./vendor/preact.mjs";

const boot = JSON.parse(document.querySelector("#boot").textContent);
const routes = new Routes(boot.base);
const store = new Store(initialState(boot));
const session = boot.me ? new Session(store, routes, boot.nodes) : new GuestSession(store, routes);
const icon = new URL("icon.svg", import.meta.url).href;

const root = document.querySelector("[data-app]");
root.replaceChildren();
render(html`<${App} store=${store} session=${session} routes=${routes} icon=${icon} />`, root);
session.start();
