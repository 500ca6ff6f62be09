// Passkeys: what a page asks of the server and of the browser to have one made or used. Where they cannot work, the page
// keeps its buttons hidden and says why.

const root = new URL("../../../", import.meta.url); // static/<hash>/lib/ is three below it

// Refused is what went wrong, in words for people. quiet: it needs no words.
export class Refused extends Error {
  constructor(message, { code = "", quiet = false } = {}) {
    super(message);
    this.code = code;
    this.quiet = quiet;
  }
}

// known reports whether the browser has passkeys, and can read what the server writes of them.
export function known() {
  return window.isSecureContext && typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";
}

// inLists reports whether the browser offers passkeys in the list of names below a field.
export async function inLists() {
  return known() && (await PublicKeyCredential.isConditionalMediationAvailable?.()) === true;
}

// reveal shows what needs passkeys, if there are any here, or why there are none. It tells which.
export async function reveal() {
  const why = (name) => document.querySelector(`[data-why="${name}"]`);
  const related = why("related");
  if (why("place")) return false;
  if (!known()) {
    const reason = why("browser");
    if (reason) reason.hidden = false;
    return false;
  }
  if (related && (await PublicKeyCredential.getClientCapabilities?.())?.relatedOrigins !== true) {
    related.hidden = false;
    return false;
  }
  for (const part of document.querySelectorAll("[data-needs-passkeys]")) part.hidden = false;
  return true;
}

async function send(path, fields) {
  let response;
  try {
    response = await fetch(new URL(path, root), { method: "POST", body: new URLSearchParams(fields), redirect: "error" });
  } catch {
    throw new Refused("The server cannot be reached. Try again in a moment.");
  }
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // not from us: a proxy, say
  }
  if (!response.ok || answer === null) {
    throw new Refused(answer?.message ?? "The server did not answer as it should. Try again in a moment.", { code: answer?.code });
  }
  return answer;
}

// explain puts the browser's error into words. That somebody changed their mind needs none.
function explain(error, making) {
  switch (error.name) {
    case "AbortError":
      return new Refused("", { quiet: true });
    case "NotAllowedError":
      return new Refused("That was cancelled, or took too long. Try again when you are ready.", { code: "cancelled" });
    case "InvalidStateError":
      return new Refused(
        making ? "There is a passkey for you on this device already." : "This device has no passkey for you here.",
        { code: "duplicate" },
      );
    case "SecurityError":
      return new Refused("The browser does not let this address use passkeys.");
    case "NotSupportedError":
    case "ConstraintError":
      return new Refused("This device cannot make the kind of passkey that is needed here: one that asks for a finger, a face or a PIN.");
  }
  return new Refused("The browser could not do it. Try again.");
}

// make has a passkey made. aim is "add" or "sign_up".
export async function make(aim, first, last) {
  const { ceremony, options } = await send(`passkeys/${aim}/begin/`, first);
  let made;
  try {
    made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  } catch (error) {
    throw explain(error, true);
  }
  try {
    return await send(`passkeys/${aim}/`, { ...last, ceremony, response: JSON.stringify(made) });
  } catch (error) {
    // The device has it and the server does not: the device must not offer it.
    await PublicKeyCredential.signalUnknownCredential?.({ rpId: options.rp.id, credentialId: made.id }).catch(() => {});
    throw error;
  }
}

// use has a passkey used. aim is "log_in" or "confirm"; how is what navigator.credentials.get takes besides.
export async function use(aim, last, how = {}) {
  const { ceremony, options } = await send(`passkeys/${aim}/begin/`, {});
  let used;
  try {
    used = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options), ...how });
  } catch (error) {
    throw explain(error, false);
  }
  return send(`passkeys/${aim}/`, { ...last(), ceremony, response: JSON.stringify(used) });
}

// goOn leads to where the server says.
export function goOn({ next }) {
  location.assign(new URL(next, root));
}

// report shows an error beside what caused it. Who must prove first who they are is led to where they do.
export function report(place, error) {
  if (!(error instanceof Refused)) throw error;
  if (error.code === "confirm") {
    const here = location.pathname.slice(root.pathname.length - 1);
    location.assign(new URL(`confirm/?next=${encodeURIComponent(here)}`, root));
    return;
  }
  place.textContent = error.message;
}

// tell has the browser forget passkeys that are not there any more, and know the others by the present name.
export async function tell({ party, name, users }) {
  for (const [userId, allAcceptedCredentialIds] of Object.entries(users)) {
    try {
      await PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId: party, userId, allAcceptedCredentialIds });
      await PublicKeyCredential.signalCurrentUserDetails?.({ rpId: party, userId, name, displayName: name });
    } catch {
      // not under this name, or nothing keeps passkeys: it was a courtesy
    }
  }
}

// whileBusy keeps a button from being pressed twice.
export async function whileBusy(button, work) {
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
  }
}
