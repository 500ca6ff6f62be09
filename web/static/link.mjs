// A link that is shown once: made whole by the address that the browser knows this place by, and copied with a button.
const input = document.getElementById("link");
input.value = new URL(input.dataset.href, location.href).href;
input.addEventListener("focus", () => input.select());

const button = document.querySelector("[data-copy]");
const copied = document.querySelector("[data-copied]");
button.hidden = false;
button.addEventListener("click", async () => {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value); // browsers have it over TLS and on localhost only
    copied.textContent = "Copied.";
  } catch {
    copied.textContent = "This browser does not let pages copy here: press Ctrl C, or hold the link.";
  }
});
