// Proving with a passkey who somebody is.
import { goOn, report, reveal, use, whileBusy } from "./lib/passkeys.mjs";

const button = document.querySelector("[data-passkey-confirm]");
const place = document.querySelector("[data-passkey-error]");

if (button && (await reveal())) {
  button.addEventListener("click", () =>
    whileBusy(button, async () => {
      place.textContent = "";
      try {
        goOn(await use("confirm", () => ({ next: button.dataset.next })));
      } catch (error) {
        report(place, error);
      }
    }),
  );
}
