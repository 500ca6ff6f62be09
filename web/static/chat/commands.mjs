// What is typed and begins with a slash: a command, or a text that looks like one.

const command = /^\/([\p{L}\p{N}_-]+)(?:\s|$)/u;
const privately = /^\/pm[ \t]+(\S+)[ \t\n]+([^]*\S[^]*)$/;
// White space before it, as in a pasted line, makes a text of it for the server, and a secret would be told to the whole room.
const afterSpace = /^\s+\/pm(?:\s|$)/;
// One slash of two goes. Not before pm: the server takes /pm for a private message, wherever it comes from.
const doubled = /^\/(\/(?!pm(?:\s|$))[\p{L}\p{N}_-]+(?:\s[^]*)?)$/u;

// read tells what to do with a typed text: send a text, to one person alone if it says to whom; or say what the problem is.
export function read(typed) {
  const [, to, secret] = privately.exec(typed) ?? [];
  if (to !== undefined) return { to, text: secret };
  if (afterSpace.test(typed)) return { problem: "To write to one person alone, begin with /pm: there is white space before it" };
  const [, name] = command.exec(typed) ?? [];
  if (name === "pm") return { problem: "To write to one person alone: /pm NAME TEXT" };
  if (name !== undefined) return { problem: `Unknown command; to send it as text write //${name}` };
  return { text: doubled.exec(typed)?.[1] ?? typed };
}
