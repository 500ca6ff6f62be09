package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/snugtest"
)

// typingShown is the condition that the line above the composer says this, and is not on its way out.
func typingShown(words string) string {
	return fmt.Sprintf(`$("[data-typing]").textContent === %s && $("[data-typing]").dataset.fading === "false"`, snugtest.Quote(words))
}

// layoutStays notes where the parts of the conversation are, and keeps each other place where they come to be; stayed is the condition that there was none.
const (
	layoutStays = `(() => {
		const places = () => JSON.stringify([".messages", ".messages__content", ".composer", ".composer__box", "[data-typing]"].map(css => {
			const { x, y, width, height } = $(css).getBoundingClientRect();
			return [css, x, y, width, height, css === ".messages" ? $(css).scrollTop : 0]; }));
		const first = places();
		window.moved = [];
		window.said = [];
		window.watching?.disconnect();
		window.watching = new MutationObserver(() => {
			window.said.push($("[data-typing]").textContent);
			if (places() !== first) window.moved.push(places());
		});
		window.watching.observe($("[data-typing]"), { childList: true, subtree: true, characterData: true, attributes: true });
		window.stayed = () => window.moved.length === 0 && places() === first;
		return true })()`
	stayed = `window.stayed()`
)

// TestWhoTypesIsShown has two people in a room with more than fits on the screen.
func TestWhoTypesIsShown(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_LIMITS_MESSAGES_PER_SECOND=0"}})
	client := snugtest.SignUp(t, s.URL, "hedy", password)
	hedy, _ := enter(t, client, s, "lobby")
	for n := range 40 {
		hedy.Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": fmt.Sprintf("line %d", n)})
	}
	hedy.Ask(t, snugtest.Frame{"type": "leave", "room": "lobby"}) // or she would be cut off at some time, for she does not listen, and that moves the lines
	ada, grace := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)
	signUp(ada, "ada")
	signUp(grace, "grace")
	ada.Open("/chat/lobby/")
	ada.Wait(connected)
	grace.Open("/chat/lobby/")
	grace.Wait(connected + ` && $('[data-list=here] [data-person="ada"]') && $('[data-list=here] [data-person="grace"]') && $("[data-typing]").textContent === ""`)
	grace.Wait(`$("[data-typing]").getBoundingClientRect().height >= 16 && $("[data-typing]").ariaHidden === "true" && !$("[data-typing]").closest("[role=status], [role=log], [aria-live]")`)
	grace.Wait(layoutStays)

	// What is for somebody else, or nothing, is not told; what is for the room is.
	ada.Type(composer, "/pm grace")
	ada.Type(composer, " ")
	ada.Wait(`(() => { const field = $("[data-composer]"); field.value = "  "; field.dispatchEvent(new Event("input", { bubbles: true })); return true })()`)
	ada.Type(composer, "hello")
	grace.Wait(typingShown("ada is typing…"))
	grace.Wait(stayed)
	ada.Wait(`$("[data-typing]").textContent === ""`)

	// It goes with the message, not some time later.
	grace.Wait(`(window.withMessage = null, new MutationObserver(() => {
		if (` + shows("hello", 1) + `) window.withMessage ??= $("[data-typing]").textContent;
	}).observe($(".timeline"), { childList: true }), true)`)
	ada.Enter(composer)
	grace.Wait(shows("hello", 1))
	grace.Wait(`window.withMessage === ""`)
	grace.Wait(`JSON.stringify([...new Set(window.said)]) === '["ada is typing…",""]'`)

	// It fades when no more comes.
	grace.Wait(`$(".messages").scrollHeight - $(".messages").scrollTop - $(".messages").clientHeight < 1`)
	grace.Wait(layoutStays)
	typesUntil(t, grace, ada, "ada")
	grace.Wait(typingShown("ada is typing…"))
	grace.Wait(`$("[data-typing]").dataset.fading === "true" && $("[data-typing]").textContent === "ada is typing…"`)
	grace.Wait(`$("[data-typing]").textContent === "" && ` + stayed)

	// Several people.
	hedy = snugtest.Dial(t, client, s.URL+"/ws/")
	eventually(t, "grace sees two typing", clusterWait, func() bool {
		ada.Type(composer, ".")
		hedy.Ask(t, snugtest.Frame{"type": "typing", "room": "lobby"})
		return grace.Count(`[data-typing="ada hedy"], [data-typing="hedy ada"]`) == 1
	})

	// In a private conversation.
	grace.Open("/pm/ada/")
	grace.Wait(connected + ` && $("[data-typing]").textContent === ""`)
	grace.Wait(layoutStays)
	ada.Open("/pm/grace/")
	ada.Wait(connected)
	typesUntil(t, grace, ada, "ada")
	grace.Wait(stayed)
}

// typesUntil has somebody type, who is told of every few seconds only, until somebody else sees it.
func typesUntil(t *testing.T, sees, types *snugtest.Browser, name string) {
	t.Helper()
	eventually(t, "it is seen that "+name+" types", clusterWait, func() bool {
		types.Type(composer, ".")
		return sees.Count(fmt.Sprintf("[data-typing=%q][data-fading=false]", name)) == 1
	})
}

// TestWhoTypesGoesWithWhatEndsIt applies what the server tells to the state of the chat screen.
func TestWhoTypesGoesWithWhatEndsIt(t *testing.T) {
	t.Parallel()
	b := inLobby(t)
	importChat(b, "store")
	const start = `window.state = window.module.initialState({ kind: "room", name: "lobby", me: { name: "grace" }, limits: { message_characters: 100 } });
		const lobby = { kind: "room", name: "lobby" }, { change } = window.module;
		const message = { type: "chat_message", room: "lobby", user: "ada", message: "hello", id: "1", time: 1, seq: 1 };
		let state = ["ada", "hedy", "hedy"].reduce(change.typing, window.state); `
	for what, want := range map[string]string{
		`state`: "ada hedy",
		`change.message(state, { frame: message, seen: true })`:                           "hedy",
		`change.message(state, { frame: { ...message, room: "kitchen" }, seen: true })`:   "ada hedy",
		`change.message(state, { frame: { ...message, edited: 2, seq: 2 }, seen: true })`: "ada hedy",
		`change.userLeft(state, { room: "lobby", user: "ada" })`:                          "hedy",
		`change.userLeft(state, { room: "kitchen", user: "ada" })`:                        "ada hedy",
		`change.presence(state, { username: "hedy", is_logged_in: false })`:               "ada",
		`change.presence(state, { username: "hedy", is_logged_in: true })`:                "ada hedy",
		`change.personRenamed(state, { from: "ada", to: "countess" })`:                    "countess hedy",
		`change.gone(state, { room: "lobby" })`:                                           "",
		`change.gone(state, { room: "kitchen" })`:                                         "ada hedy",
		`change.went(state, { kind: "room", name: "kitchen" })`:                           "",
		`change.broke(state)`:                                              "",
		`change.typingFades(state, "ada")`:                                 "(ada) hedy",
		`change.typing(change.typingFades(state, "ada"), "ada")`:           "hedy ada",
		`change.typingOver(change.typingFades(state, "ada"), "ada")`:       "hedy",
		`change.typingOver(change.typingFades(state, "nobody"), "nobody")`: "ada hedy",
	} {
		b.Wait(fmt.Sprintf(`(() => { %s const after = %s;
			return after.typing.map(({ user, fading }) => fading ? "(" + user + ")" : user).join(" ") === %s })()`, start, what, snugtest.Quote(want)))
	}
}

// TestWhoTypesFitsItsLine draws the line at both sizes and in both colour schemes, with the longest names too. With SNUG_PICTURES=DIR it leaves a picture of each.
func TestWhoTypesFitsItsLine(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	talk(t, s.URL)
	long := strings.Repeat("wolfeschlegelsteinhausen", 6)
	clients := map[string]*http.Client{}
	for _, name := range []string{"grace", "margaret", "hedy"} {
		clients[name] = snugtest.LogIn(t, s.URL, name, password)
	}
	for _, name := range []string{long, long + "2"} {
		clients[name] = snugtest.SignUp(t, s.URL, name, password)
	}
	b := snugtest.OpenBrowser(t, s.URL)
	signUp(b, "ada")
	for _, size := range []struct{ w, h int64 }{{1440, 900}, {390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			if b.Size(size.w, size.h); size.w < 1000 {
				b.Phone(size.w, size.h)
			}
			b.Prefer(scheme)
			for _, tt := range []struct {
				name, shown string
				people      []string
			}{
				{"one", `[data-typing]:has(.typing__name:nth-last-child(2):first-child)`, []string{"grace"}},
				{"two", `[data-typing]:has(.typing__name:nth-child(3))`, []string{"grace", "margaret"}},
				{"several", `[data-typing]:not(:empty):not(:has(*))`, []string{"grace", "margaret", "hedy"}},
				{"long", `[data-typing]:has(.typing__name:nth-child(3))`, []string{long, long + "2"}},
			} {
				b.Open("/chat/lobby/")
				b.Wait(connected)
				b.Wait(layoutStays)
				var sockets []*snugtest.Socket
				for _, name := range tt.people {
					sockets = append(sockets, snugtest.Dial(t, clients[name], s.URL+"/ws/"))
				}
				eventually(t, tt.name+" typing is shown", clusterWait, func() bool {
					for _, socket := range sockets {
						socket.Ask(t, snugtest.Frame{"type": "typing", "room": "lobby"})
					}
					return b.Count(tt.shown) == 1
				})
				for _, socket := range sockets {
					socket.Cut()
				}
				b.Wait(stayed)
				b.Wait(`document.documentElement.scrollWidth <= innerWidth && $("[data-typing]").scrollWidth <= $("[data-typing]").clientWidth`)
				if dir := os.Getenv("SNUG_PICTURES"); dir != "" {
					b.Picture(filepath.Join(dir, fmt.Sprintf("typing_%s-%dx%d-%s.png", tt.name, size.w, size.h, scheme)))
				}
			}
		}
	}
}
