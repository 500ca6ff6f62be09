// Shows the times of a page as the reader's clock and habits have them; the exact one shows on hovering.
import { date, full, moment } from "./lib/time.mjs";

for (const time of document.querySelectorAll("time[data-time]")) {
  const at = Date.parse(time.dateTime);
  time.textContent = time.dataset.time === "day" ? date(at) : moment(at);
  time.title = full(at);
}
