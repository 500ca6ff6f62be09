// The question before a message is deleted for good.
import { useEffect, useRef } from "../vendor/hooks.mjs";
import { html } from "./html.mjs";

export function ConfirmDelete({ onDelete, onCancel }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog class="dialog" ref=${dialog} aria-labelledby="delete-heading" onCancel=${onCancel} data-dialog="delete">
    <h2 id="delete-heading">Delete this message?</h2>
    <p>Its text will be gone for everybody, and cannot be brought back.</p>
    <div class="dialog__keys">
      <button type="button" class="button" onClick=${onCancel}>Keep</button>
      <button type="button" class="button button--bad" data-action="confirm-delete" onClick=${onDelete}>Delete</button>
    </div>
  </dialog>`;
}
