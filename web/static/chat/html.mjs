// html makes nodes of templates: the one place where htm meets Preact.
import htm from "../vendor/htm.mjs";
import { h } from "../vendor/preact.mjs";

export const html = htm.bind(h);
