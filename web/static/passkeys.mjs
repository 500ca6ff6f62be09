// Adding a passkey, in the settings or where one is offered.
import { goOn, make, report, reveal, tell, whileBusy } from "./lib/passkeys.mjs";

const form = document.querySelector("[data-add]");
const boot = document.getElementById("boot");

if ((await reveal()) && form) {
  const button = form.querySelector("button");
  const place = document.querySelector("[data-error]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(button, async () => {
      place.textContent = "";
      try {
        goOn(await make("add", {}, { name: form.elements.name?.value ?? "", next: form.dataset.next ?? "" }));
      } catch (error) {
        report(place, error);
      }
    });
  });
  if (boot) await tell(JSON.parse(boot.textContent));
}
