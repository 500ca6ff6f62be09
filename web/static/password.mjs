// The button beside a password that shows what was typed. Without this script the button stays hidden.
for (const box of document.querySelectorAll("[data-password]")) {
  const input = box.querySelector("input");
  const button = box.querySelector("button");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", shown ? "Hide the password" : "Show the password");
  };
  button.hidden = false;
  show(false);
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // A password that is shown must not end up among the browser's remembered texts.
  input.form.addEventListener("submit", () => show(false));
}
