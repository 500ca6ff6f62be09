// Copying and printing recovery codes.
const copy = document.querySelector("[data-copy]");
const print = document.querySelector("[data-print]");
const status = document.querySelector("[data-copied]");

print.hidden = false;
print.addEventListener("click", () => window.print());

if (navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const codes = [...document.querySelectorAll("[data-codes] code")].map((code) => code.textContent);
    try {
      await navigator.clipboard.writeText(codes.join("\n") + "\n");
      copy.textContent = "Copied";
      status.textContent = "The codes are in the clipboard.";
    } catch {
      status.textContent = "The browser did not let them be copied.";
    }
  });
}
