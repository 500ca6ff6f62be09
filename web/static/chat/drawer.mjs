// A panel at the side: a column where there is room for it, else a drawer that slides over the conversation.
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { html } from "./html.mjs";
import { Icon } from "./icons.mjs";

export function useMedia(query) {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setMatches(list.matches);
    changed();
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return matches;
}

export function Drawer({ name, label, isColumn, isOpen, onClose, children }) {
  const panel = useRef(null);
  const isShown = isColumn || isOpen;
  useEffect(() => {
    if (!isOpen || isColumn) return undefined;
    const before = document.activeElement;
    panel.current.focus();
    return () => before?.isConnected && panel.current?.contains(document.activeElement) && before.focus();
  }, [isOpen, isColumn]);
  const keys = (event) => {
    if (event.key === "Escape" && isOpen && !isColumn) onClose();
  };
  return html`
    ${isOpen && !isColumn && html`<div class="shade" onClick=${onClose}></div>`}
    <aside class=${`drawer ${name}`} aria-label=${label} tabindex="-1" ref=${panel} inert=${!isShown} data-drawer=${name} data-open=${isOpen} onKeyDown=${keys}>
      ${!isColumn && html`<button type="button" class="tool drawer__close" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>`}
      ${children}
    </aside>`;
}
