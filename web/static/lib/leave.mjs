// leaveFor goes to another page because the session has ended. Where the person pressed "Log out" in this window, the
// answer to that is on its way and comes first: to go at once would break it off.
const answerComes = 500;

export function leaveFor(address) {
  setTimeout(() => location.assign(address), answerComes);
}
