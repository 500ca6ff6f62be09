// Logging in with a passkey: from the list of names that the browser shows below the field, or with the button. Nobody
// types a name.
import { goOn, inLists, known, report, reveal, use, whileBusy } from "./lib/passkeys.mjs";

// The server waits five minutes for an answer; the list below the field may stay open for longer.
const renewal = 4 * 60 * 1000;

const form = document.querySelector("[data-form=log_in]");
const place = document.querySelector("[data-passkey-error]");
const button = document.querySelector("[data-passkey-log-in]");
let list = null; // ends the question that is behind the list of names

// What the form says beside name and password goes along.
function fields() {
  const all = new FormData(form);
  return Object.fromEntries(["next", "stay"].filter((name) => all.has(name)).map((name) => [name, all.get(name)]));
}

async function offerInList() {
  list?.abort();
  const mine = new AbortController();
  list = mine;
  const renew = setTimeout(offerInList, renewal);
  try {
    goOn(await use("log_in", fields, { mediation: "conditional", signal: mine.signal }));
  } catch (error) {
    if (list !== mine) return; // another question took its place
    list = null;
    // Without the list there still is the button, so what keeps it from being there needs no words. A passkey that somebody
    // has chosen from it and that the server does not take does.
    if (["forbidden", "conflict"].includes(error.code)) report(place, error);
  } finally {
    clearTimeout(renew);
  }
}

async function press() {
  list?.abort();
  list = null;
  place.textContent = "";
  try {
    goOn(await use("log_in", fields));
  } catch (error) {
    report(place, error);
    if (await inLists()) offerInList();
  }
}

if (await reveal()) {
  button.addEventListener("click", () => whileBusy(button, press));
  if (await inLists()) {
    offerInList();
    form.elements.username.addEventListener("focus", () => {
      if (!list) offerInList();
    });
  }
}
if (known() && (await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable?.()) === true) {
  // The server offers a passkey after the next log-in with a password, once, where the device itself can keep it.
  form.elements.passkeys.value = "known";
}
