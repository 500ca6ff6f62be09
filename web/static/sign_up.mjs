// Signing up with a passkey in place of a password.
import { goOn, make, report, reveal, whileBusy } from "./lib/passkeys.mjs";

const form = document.querySelector("[data-form=sign_up]");
const button = document.querySelector("[data-passkey-sign-up]");
const place = document.querySelector("[data-passkey-error]");
const nameError = document.getElementById("username-error");

async function press() {
  place.textContent = "";
  nameError.textContent = "";
  const name = form.elements.username;
  name.removeAttribute("aria-invalid");
  if (!name.reportValidity()) return;
  const field = (key) => form.elements[key]?.value ?? "";
  try {
    goOn(
      await make(
        "sign_up",
        { username: name.value, setup: field("setup"), invitation: field("invitation") },
        { next: field("next") },
      ),
    );
  } catch (error) {
    if (error.code === "bad_field") {
      name.setAttribute("aria-invalid", "true");
      nameError.textContent = error.message;
      name.focus();
      return;
    }
    report(place, error);
  }
}

if (form && (await reveal())) {
  button.addEventListener("click", () => whileBusy(button, press));
}
