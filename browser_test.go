package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"snug/snugtest"
)

// The composer of the chat screen, and parts of JavaScript conditions that the tests below share.
const (
	composer  = "[data-composer]"
	connected = `$("[data-banner]")?.dataset.connection === "open"`
)

// shows is the condition that exactly n messages have that text.
func shows(text string, n int) string {
	return fmt.Sprintf(`$$("[data-message] .message__text").filter(m => m.innerText.trim() === %s).length === %d`, snugtest.Quote(text), n)
}

// say types a message and waits until the server has stored it.
func say(b *snugtest.Browser, text string) {
	b.Type(composer, text)
	b.Enter(composer)
	b.Wait(shows(text, 1))
	b.Wait(`$$("[data-state=sending]").length === 0`)
}

// logIn goes through the form, and past the offer of a passkey.
func logIn(b *snugtest.Browser, name string) {
	b.Open("/log_in/")
	b.Type("#username", name)
	b.Type("#password", password)
	b.Enter("#password")
	b.Wait(`location.pathname !== "/log_in/"`)
	b.Open("/")
	b.Wait(`$("[data-people]")`)
}

// inLobby is the browser of somebody in a room of a new server.
func inLobby(t *testing.T) *snugtest.Browser {
	t.Helper()
	s := snugtest.Start(t, snugtest.Options{})
	b := snugtest.OpenBrowser(t, s.URL)
	signUp(b, "ada")
	b.Open("/chat/lobby/")
	b.Wait(connected)
	return b
}

// importChat makes window.module a module of the chat screen, to be called by a test.
func importChat(b *snugtest.Browser, name string) {
	b.Wait(`(import(new URL("chat/` + name + `.mjs", $("script[type=module]").src)).then(module => { window.module = module; }), true)`)
	b.Wait(`window.module`)
}

// signUp makes an account through the form, which leads to the list of people.
func signUp(b *snugtest.Browser, name string) {
	b.Open("/sign_up/")
	b.Type("#username", name)
	b.Type("#password", password)
	b.Enter("#password")
	b.Wait(fmt.Sprintf(`$('[data-list=online] [data-person=%s][data-online=true]')`, snugtest.Quote(name)))
}

func TestTwoPeopleInTwoBrowsers(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_PRESENCE_LINGER=1s"}})
	ada, grace := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)

	// Somebody who is not logged in is sent to the log-in page, and from there to signing up.
	ada.Open("/")
	ada.Wait(`location.pathname === "/log_in/"`)
	signUp(ada, "ada")

	// The list of people changes live.
	signUp(grace, "grace")
	ada.Wait(`$('[data-list=online] [data-person="grace"]')`)
	grace.Click(".top__out button")
	grace.Wait(`location.pathname === "/log_in/"`)
	ada.Wait(`$('[data-list=offline] [data-person="grace"]')`)
	ada.Wait(`text('[data-person="grace"] [data-state]').startsWith("Last seen")`)
	logIn(grace, "grace")
	ada.Wait(`$('[data-list=online] [data-person="grace"]')`)

	// A room is opened by its name, and both see each other come.
	grace.Open("/chat/")
	ada.Open("/chat/")
	ada.Type("#name", "lobby")
	ada.Enter("#name")
	ada.Wait(`location.pathname === "/chat/lobby/" && ` + connected)
	grace.Wait(`text('[data-room="lobby"] [data-users]') === "1 person"`)
	grace.Click(`[data-room="lobby"] a`)
	ada.Wait(`$('[data-list=here] [data-person="grace"]')`)
	grace.Wait(`$('[data-list=here] [data-person="ada"]') && ` + connected)

	// They talk.
	say(ada, "hello, everybody")
	grace.Wait(shows("hello, everybody", 1))
	grace.Type(composer, "see **this** and `that` at https://example.org/a_(b)")
	grace.Enter(composer)
	ada.Wait(`text("[data-message] strong") === "this" && text("[data-message] code") === "that"`)
	ada.Wait(`$('[data-message] a[href="https://example.org/a_(b)"][rel~=noopener]')`)

	// What looks like HTML is text.
	say(grace, "<img src=x onerror=alert(1)>")
	ada.Wait(shows("<img src=x onerror=alert(1)>", 1))
	ada.Wait(`$$("main img[src=x]").length === 0`)

	// Editing and deleting show on every screen.
	ada.Type(composer, "teh end")
	ada.Enter(composer)
	grace.Wait(shows("teh end", 1))
	ada.Wait(`$$("[data-state=sending]").length === 0`)
	ada.Type(composer, kb.ArrowUp) // in the empty composer: edits the last own message
	ada.Wait(`$(".editor textarea")`)
	ada.Type(".editor textarea", " (edited by hand)")
	ada.Enter(".editor textarea")
	grace.Wait(`$$("[data-message]").some(m => m.innerText.includes("teh end (edited by hand)") && m.innerText.includes("(edited)"))`)

	// Private messages go to the two alone, and the room does not see them.
	ada.Type(composer, "/pm grace between us")
	ada.Enter(composer)
	grace.Wait(`$('.entry[data-unread=true]')`)
	grace.Wait(shows("between us", 0))
	grace.Click(".entry[data-unread=true]")
	grace.Wait(`location.pathname === "/pm/ada/" && ` + shows("between us", 1))
	grace.Type(composer, "and back")
	grace.Enter(composer)
	ada.Wait(`$('.entry[data-unread=true]')`)

	// Logging out goes offline at once and ends the session.
	grace.Open("/log_out/")
	grace.Wait(`$("main form button")`)
	grace.Click("main form button")
	grace.Wait(`location.pathname === "/log_in/"`)
	ada.Wait(`!$('[data-list=here] [data-person="grace"]')`)
	grace.Open("/chat/lobby/")
	grace.Wait(`location.pathname === "/log_in/"`)
}

func TestBrowserRecoversAfterTheServerRestarts(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	ada, grace := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)
	signUp(ada, "ada")
	signUp(grace, "grace")
	for _, b := range []*snugtest.Browser{ada, grace} {
		b.Open("/chat/lobby/")
		b.Wait(connected)
		b.Allow("WebSocket connection to") // fails while the server is down, as it must
		b.Allow("net::ERR_CONNECTION_REFUSED")
	}
	say(ada, "before the break")
	grace.Wait(shows("before the break", 1))

	s.Kill()
	ada.Wait(`text("[data-banner]").includes("Connection lost")`)
	ada.Type(composer, "written while the server was away")
	ada.Enter(composer)
	ada.Wait(`$$("[data-state=sending]").length === 1`)
	s.Restart()

	for _, b := range []*snugtest.Browser{ada, grace} {
		b.Wait(connected + ` && text("[data-banner]") === ""`)
		b.Wait(shows("written while the server was away", 1))
		b.Wait(shows("before the break", 1))
	}
	ada.Wait(`$$("[data-state=sending], [data-state=failed]").length === 0`)
	say(grace, "after the break")
	ada.Wait(shows("after the break", 1))
}

func TestHistoryLoadsWithoutAJump(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_LIMITS_MESSAGES_PER_SECOND=0"}})
	client := snugtest.SignUp(t, s.URL, "ada", password)
	socket := snugtest.Dial(t, client, s.URL+"/ws/")
	const posted = 300
	socket.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})
	for n := range posted {
		socket.Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": fmt.Sprintf("line %d", n)})
	}

	b := snugtest.OpenBrowser(t, s.URL)
	logIn(b, "ada")
	b.Open("/chat/lobby/")
	b.Wait(connected + ` && ` + shows("line 299", 1) + ` && ` + shows("line 250", 1))
	for oldest := posted; oldest > 0; {
		// A line that is in view stays where it is while older ones appear above it.
		b.Wait(`(() => {
			const scroller = $(".messages");
			scroller.scrollTop = 40;
			window.mark = $$("[data-message]").find(m => m.getBoundingClientRect().bottom > scroller.getBoundingClientRect().top + 100);
			window.markAt = window.mark.getBoundingClientRect().bottom;
			window.lines = $$("[data-message]").length;
			return true })()`)
		b.Wait(`$$("[data-message]").length > window.lines || ` + shows("line 0", 1))
		b.Wait(`Math.abs(window.mark.getBoundingClientRect().bottom - window.markAt) < 3 || window.lines === $$("[data-message]").length`)
		oldest = posted - b.Count("[data-message]")
	}
	b.Wait(`$$("[data-message]").map(m => m.querySelector(".message__text").innerText.trim()).every((text, n) => text === "line " + n)`)
}

// talk gives the lobby a history with everything that a message can be, and leaves its people in the room.
func talk(t *testing.T, base string) {
	t.Helper()
	sockets := map[string]*snugtest.Socket{}
	for _, name := range []string{"grace", "margaret", "hedy"} {
		sockets[name] = snugtest.Dial(t, snugtest.SignUp(t, base, name, password), base+"/ws/")
		sockets[name].Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})
	}
	say := func(name, text string) (id string) {
		return sockets[name].Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": text}).Text("id")
	}
	say("grace", "Good morning! Who has the key to the workshop?")
	say("margaret", "It hangs on the **hook** by the door.")
	say("margaret", "And the soldering iron is back, see https://example.org/tools/iron?shelf=3")
	say("hedy", "The door opens with\n```\nssh door.local open --for 10m\n```\nsince yesterday, by the way")
	gone := say("grace", "never mind")
	sockets["grace"].Ask(t, snugtest.Frame{"type": "delete", "id": gone})
	better := say("grace", "Thanks, @margaret! See you at nine.")
	sockets["grace"].Ask(t, snugtest.Frame{"type": "edit", "id": better, "message": "Thanks, @margaret! See you at *ten*."})
	say("hedy", "I bring the `74HC595`s and the coffee")
}

// administer makes ada an administrator, has somebody disabled and fail to log in, and makes an invitation, of which it gives the path.
func administer(t *testing.T, s *snugtest.Server) string {
	t.Helper()
	for _, args := range [][]string{{"user", "promote", "ada"}, {"user", "add", "--generate", "mallory"}, {"user", "disable", "mallory"}, {"invitation", "add", "--uses", "20"}} {
		if done := snugtest.Run(t, append(args, "--data", s.Dir)...); done.Code != 0 {
			t.Fatal(done.Err)
		}
	}
	refused, err := http.PostForm(s.URL+"/log_in/", url.Values{"username": {"mallory"}, "password": {"guessed"}})
	if err != nil || refused.Body.Close() != nil || refused.StatusCode != http.StatusForbidden {
		t.Fatalf("a wrong password: %v, %v", refused, err)
	}
	made := snugtest.Run(t, "invitation", "add", "--room", "lobby", "--data", s.Dir)
	_, path, found := strings.Cut(strings.TrimSpace(made.Out), "/invite/")
	if !found {
		t.Fatalf("no invitation was made: %s%s", made.Out, made.Err)
	}
	return "/invite/" + path
}

// Conditions that hold on every page: whoever cannot see it hears what each control is, and on a phone a finger hits it. A link within
// a text is as high as the text; what is hit in place of a tick's box is its label.
const (
	controls = `$$("a, button, input:not([type=hidden]), select, textarea, summary").filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.closest("[inert]"))`

	controlsAreNamed = controls + `.every(e => (e.ariaLabel || (e.ariaLabelledByElements ?? []).map(l => l.textContent).join("") ||
		[...e.labels ?? []].map(l => l.textContent).join("") || e.textContent).trim() !== "")`

	controlsFitAFinger = controls + `.filter(e => !e.matches("p a, .skip, .check input, .message a")).every(e => {
		const { width, height } = e.getBoundingClientRect();
		return width >= 44 && height >= 44; })`
)

// TestEveryPageInTheBrowser opens every page at both sizes and in both colour schemes; the browser fails the test at any console error
// and any violation of the content security policy. With SNUG_PICTURES=DIR it leaves a picture of each.
func TestEveryPageInTheBrowser(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	talk(t, s.URL)
	stranger, ada := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)
	signUp(ada, "ada")
	invitation := administer(t, s)
	ada.Open("/chat/workshop/")
	ada.Wait(connected)
	makeHook(t, ada, "workshop", "Build server")
	pages := []struct {
		name, path, ready string
		who               *snugtest.Browser
	}{
		{"sign_up", "/sign_up/", `$("#username")`, stranger},
		{"log_in", "/log_in/", `$("#username")`, stranger},
		{"people", "/", `$('[data-person="ada"][data-online=true]')`, ada},
		{"rooms", "/chat/", `$('[data-room="lobby"]')`, ada},
		{"room", "/chat/lobby/", connected, ada},
		{"empty_room", "/chat/workshop/", connected, ada},
		{"private", "/pm/grace/", connected, ada},
		{"settings", "/chat/workshop/settings/", `$("[data-hook]")`, ada},
		{"room_delete", "/chat/workshop/settings/delete/", `$("[data-delete-room]")`, ada},
		{"account", "/settings/", `$('[data-session][data-here=true]')`, ada},
		{"name", "/settings/name/", `$("#username")`, ada},
		{"password", "/settings/password/", `$("#old_password")`, ada},
		{"tokens", "/settings/tokens/", `$("#days")`, ada},
		{"invited", invitation, `$("#username")`, stranger},
		{"admin_people", "/admin/people/", `$("[data-admin-people] button")`, ada},
		{"invitations", "/admin/invitations/", `$("[data-invitation]")`, ada},
		{"audit", "/admin/audit/", `$('[data-entry="login.failed"] time[title]')`, ada},
		{"audit_nobody", "/admin/audit/?person=nobody&kind=login", `$("[data-entry]") === null && $(".field__error").textContent`, ada},
		{"admin_cluster", "/admin/cluster/", `$("[data-cluster]")`, ada},
		{"log_out", "/log_out/", `$("main form button")`, ada},
	}
	for _, size := range []struct{ w, h int64 }{{1440, 900}, {390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			for _, b := range []*snugtest.Browser{stranger, ada} {
				if b.Size(size.w, size.h); size.w < 1000 {
					b.Phone(size.w, size.h)
				}
				b.Prefer(scheme)
			}
			for _, p := range pages {
				p.who.Open(p.path)
				p.who.Wait(p.ready)
				p.who.Wait(`document.documentElement.scrollWidth <= innerWidth`)
				p.who.Wait(controlsAreNamed)
				if size.w < 1000 {
					p.who.Wait(controlsFitAFinger)
				}
				if dir := os.Getenv("SNUG_PICTURES"); dir != "" {
					p.who.Picture(filepath.Join(dir, fmt.Sprintf("%s-%dx%d-%s.png", p.name, size.w, size.h, scheme)))
				}
			}
		}
	}
}

func TestErrorPagesAreClear(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	b := snugtest.OpenBrowser(t, s.URL)
	b.Allow("the server responded with a status of 4") // what the test is about
	signUp(b, "ada")
	for path, words := range map[string]string{
		"/nowhere/":          "page",
		"/chat/no%20spaces/": "room",
		"/pm/nobody/":        "nobody",
	} {
		b.Open(path)
		b.Wait(`$("main h1")`)
		if !strings.Contains(strings.ToLower(b.Text()), words) {
			t.Errorf("the page at %s does not say what is wrong:\n%s", path, b.Text())
		}
	}
}
