// The button beside a text that puts it on the clipboard. Without this script the button stays hidden.
for (const box of document.querySelectorAll("[data-copy]")) {
  const input = box.querySelector("input");
  const button = box.querySelector("button");
  // A link is made whole by the address that the browser knows this place by.
  if (input.dataset.href) input.value = new URL(input.dataset.href, location.href).href;
  button.hidden = false;
  button.addEventListener("click", async () => {
    input.select();
    button.textContent = (await copy(input.value)) ? "Copied" : "Press Ctrl+C";
  });
  input.addEventListener("focus", () => input.select());
}

// Over plain HTTP browsers have no clipboard, but still the command that copies what is selected.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
