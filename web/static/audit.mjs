// Shows the times of the audit log as the reader's clock has them; the exact one shows on hovering.
import { full, moment } from "./lib/time.mjs";

for (const time of document.querySelectorAll("[data-audit] time")) {
  const at = Date.parse(time.dateTime);
  time.textContent = moment(at);
  time.title = full(at);
}
