package main

import "testing"

// TestAnAnswerKeepsWhatCameMeanwhile calls the module of the chat screen that puts frames together, with frames in an order that they
// rarely come in: a message that is stored after an answer was read can arrive before it.
func TestAnAnswerKeepsWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	b := inLobby(t)
	importChat(b, "window")
	const said = `const { newWindow, broken, received, joined, opened } = window.module;
		const said = (message, seq) => ({ id: message, message, seq, time: 1000 + seq });
		const shown = win => win.messages.map(m => m.message).join(" ");
		const answer = { room: "lobby", users: ["ada"], more: true, seq: 11, log: "one", recovered: false, messages: [said("a", 10), said("b", 11)] };`
	for rule, holds := range map[string]string{
		"in a room that is opened": `
			const win = joined(received(newWindow({ kind: "room", name: "lobby" }), said("late", 12)), answer);
			return shown(win) === "a b late" && win.seq === 12`,
		"in a room that missed too much": `
			const before = joined(newWindow({ kind: "room", name: "lobby" }), { ...answer, seq: 2, messages: [said("old", 2)] });
			return shown(joined(received(broken(before), said("late", 12)), answer)) === "a b late"`,
		"but not what another database held": `
			const before = joined(newWindow({ kind: "room", name: "lobby" }), { ...answer, seq: 90, log: "other", messages: [said("lost", 90)] });
			return shown(joined(broken(before), answer)) === "a b"`,
		"but what came from this one since": `
			const before = joined(newWindow({ kind: "room", name: "lobby" }), { ...answer, seq: 90, log: "other", messages: [{ ...said("lost", 90), time: 5 }] });
			return shown(joined(received(broken(before), said("late", 12)), answer)) === "a b late"`,
		"in a conversation that is opened": `
			const win = received(newWindow({ kind: "private", name: "grace" }), said("late", 12));
			return shown(opened(win, { user: "grace", more: false, messages: [said("a", 10)] })) === "a late"`,
		"but not what lies before its last page": `
			const win = received(newWindow({ kind: "private", name: "grace" }), said("old", 2));
			return shown(opened(win, { user: "grace", more: true, messages: [said("a", 10)] })) === "a"`,
	} {
		t.Log(rule)
		b.Wait(`(() => {` + said + holds + `})()`)
	}
}
