// A panel at the side: a column where there is room for it, else a drawer that slides over the conversation.
import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/hooks.mjs";
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
  // Before the next drawing, in which what is inert would lose the focus that is to be remembered.
  useLayoutEffect(() => {
    if (!isOpen || isColumn) return undefined;
    const before = document.activeElement;
    panel.current.focus();
    // An inert panel lets go of the focus, which then is nowhere.
    return () => {
      const isLost = document.activeElement === document.body || panel.current?.contains(document.activeElement);
      if (isLost && before?.isConnected) before.focus();
    };
  }, [isOpen, isColumn]);
  const keys = (event) => {
    if (event.key === "Escape" && isOpen && !isColumn) onClose();
  };
  return html`
    ${isOpen && !isColumn && html`<div class="shade" onClick=${onClose}></div>`}
    <aside class=${`drawer ${name}`} aria-label=${label} tabindex="-1" inert=${!isShown} data-drawer=${name} data-open=${isOpen}
      ref=${panel} onKeyDown=${keys}>
      ${!isColumn && html`<button type="button" class="tool drawer__close" aria-label="Close" onClick=${onClose}>
        <${Icon} name="close" />
      </button>`}
      ${children}
    </aside>`;
}
