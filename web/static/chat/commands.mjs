// What is typed and begins with a slash: a command, or a text that looks like one.

const command = /^\/([\p{L}\p{N}_-]+)(?:\s|$)/u;
const privately = /^\/pm[ \t]+(\S+)[ \t\n]+([^]*\S[^]*)$/;
// One slash of two goes. Not before pm: the server takes /pm for a private message, wherever it comes from.
const doubled = /^\/(\/(?!pm\s)[\p{L}\p{N}_-]+(?:\s[^]*)?)$/u;

// read tells what to do with a typed text: send a text, to one person alone if it says to whom; or say what the problem is.
export function read(typed) {
  const [, to, secret] = privately.exec(typed) ?? [];
  if (to !== undefined) return { to, text: secret };
  const [, name] = command.exec(typed) ?? [];
  if (name === "pm") return { problem: "To write to one person alone: /pm NAME TEXT" };
  if (name !== undefined) return { problem: `Unknown command; to send it as text write //${name}` };
  return { text: doubled.exec(typed)?.[1] ?? typed };
}
