package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
)

// moveWait is how long a page may stay at a node that is dead.
const moveWait = 20 * time.Second

// allowBreak lets the browser say what it must while a server is away.
func allowBreak(b *snugtest.Browser) {
	b.Allow("WebSocket connection to")
	b.Allow("net::ERR_CONNECTION_REFUSED")
}

// TestBrowserMovesToAnotherNodeByItself opens the first node as 127.0.0.1, while the second one says that it is localhost: to the browser those are two
// sites, so that neither cookies nor storage are shared.
func TestBrowserMovesToAnotherNodeByItself(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	b := startBeside(t, a, "barn")
	port := mustPort(t, a.URL)
	ada, grace := snugtest.OpenBrowser(t, "http://127.0.0.1:"+port), snugtest.OpenBrowser(t, b.URL)
	signUp(ada, "ada")
	signUp(grace, "grace")
	knowsOther(t, a, "ada")
	ada.Open("/chat/lobby/")
	grace.Open("/chat/lobby/")
	ada.Wait(connected + ` && $("[data-banner]").dataset.node === "attic"`)
	grace.Wait(connected)
	say(ada, "before the break")
	grace.Wait(shows("before the break", 1))
	grace.Type(composer, "/pm ada read me")
	grace.Enter(composer)
	ada.Wait(`$('.entry[data-unread=true]')`)

	allowBreak(ada)
	allowBreak(grace) // whose page asks whether A is there too
	died := time.Now()
	a.Kill()
	ada.Wait(`text("[data-banner]").includes("Connection lost")`)
	ada.Type(composer, "written during the break")
	ada.Enter(composer)
	ada.Wait(`$$("[data-state=sending]").length === 1`)
	// For nine seconds, longer than the page waits for the server, and far from the second without a letter that it takes for a pause, also on a slow machine.
	const thought = "half a thought that somebody is still typing"
	ada.Value(`(() => {
		const field = document.querySelector("[data-composer]");
		const letters = [...` + snugtest.Quote(thought) + `];
		const typing = setInterval(() => {
			field.value += letters.shift();
			field.dispatchEvent(new InputEvent("input", { bubbles: true }));
			if (letters.length === 0) clearInterval(typing);
		}, 200);
		return "";
	})()`)

	// The page goes to B, with everything.
	ada.Wait(fmt.Sprintf(`location.origin === %s && %s`, snugtest.Quote(b.URL), connected))
	if took := time.Since(died); took > moveWait {
		t.Errorf("the page moved after %v", took)
	}
	ada.Wait(`location.pathname === "/chat/lobby/" && location.search === "" && text("[data-banner]") === "attic does not answer. You are on barn now."`)
	ada.Wait(`$("[data-banner]").dataset.node === "barn" && $(".brand").title === "Connected to barn"`)
	ada.Wait(shows("before the break", 1))
	ada.Wait(`$("[data-composer]").value === ` + snugtest.Quote(thought))
	for _, page := range []*snugtest.Browser{ada, grace} {
		page.Wait(shows("written during the break", 1))
	}
	ada.Wait(`$$("[data-state=sending], [data-state=failed]").length === 0`)
	ada.Wait(`$('.entry[data-unread=true]')`)
	grace.Wait(`$$("[data-list=here] [data-person]").map(p => p.dataset.person).sort().join(" ") === "ada grace"`)
	ada.Wait(`$$("[data-list=here] [data-person]").map(p => p.dataset.person).sort().join(" ") === "ada grace"`)
	say(grace, "welcome")
	ada.Wait(shows("welcome", 1))

	// A returns, and has it all once.
	a.Restart()
	client := snugtest.LogIn(t, a.URL, "grace", password)
	eventually(t, "A has what was written", clusterWait, func() bool {
		return strings.Count(strings.Join(history(t, client, a, "lobby"), "\n"), "written during the break") == 1
	})
	ada.Wait(fmt.Sprintf(`location.origin === %s`, snugtest.Quote(b.URL)))
	for _, s := range []*snugtest.Server{a, b} {
		if log := s.Stderr(); strings.Contains(log, "pass=") || strings.Contains(log, "panicked") {
			t.Errorf("the log says:\n%s", log)
		}
	}
}

func TestBrowserStaysWhereTheServerIsSoonBack(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	b := startBeside(t, a, "barn")
	ada := snugtest.OpenBrowser(t, "http://127.0.0.1:"+mustPort(t, a.URL))
	signUp(ada, "ada")
	knowsOther(t, a, "ada")
	ada.Open("/chat/lobby/")
	ada.Wait(connected)
	allowBreak(ada)
	for _, end := range []func(){a.Stop, a.Kill} {
		end()
		ada.Wait(`text("[data-banner]").includes("Connection lost")`)
		a.Restart()
		ada.Wait(connected + ` && text("[data-banner]") === ""`)
		ada.Wait(`location.hostname === "127.0.0.1"`)
	}
	// Where nobody answers, the page stays too: it may be the machine of the browser that is cut off.
	b.Kill()
	a.Kill()
	ada.Wait(`text("[data-banner]").includes("Connection lost")`)
	ada.Wait(`(window.lost ??= performance.now()) + 9000 < performance.now()`)
	ada.Wait(`location.hostname === "127.0.0.1" && text("[data-banner]").includes("Connection lost. Reconnecting")`)
}

func TestBrowserLearnsOfNodesThatComeLater(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	ada := snugtest.OpenBrowser(t, a.URL)
	signUp(ada, "ada")
	ada.Open("/chat/lobby/")
	ada.Wait(connected + ` && !$("#boot").textContent.includes("barn")`)
	b := startBeside(t, a, "barn")
	// The policy of a page is made when it is loaded, so it is loaded again when nobody looks, and not before.
	knowsOther(t, a, "ada")
	ada.Wait(`!$("#boot").textContent.includes("barn")`)
	ada.Wait(`(() => {
		Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
		return $("#boot").textContent.includes("barn") })()`)
	ada.Wait(connected)

	// A server that says that it restarts is waited for longer, but not for ever.
	knowsOther(t, a, "ada") // the page was told before
	allowBreak(ada)
	stopped := time.Now()
	a.Stop()
	ada.Wait(fmt.Sprintf(`location.origin === %s && %s`, snugtest.Quote(b.URL), connected))
	if took := time.Since(stopped); took < 15*time.Second {
		t.Errorf("the page moved after %v", took)
	}
}

// knowsOther waits until a node tells pages of the other one.
func knowsOther(t *testing.T, s *snugtest.Server, name string) {
	t.Helper()
	socket := snugtest.Dial(t, snugtest.LogIn(t, s.URL, name, password), s.URL+"/ws/")
	defer socket.Cut()
	eventually(t, "pages may go to the other node", clusterWait, func() bool {
		return len(socket.Ask(t, snugtest.Frame{"type": "nodes"}).Frames("nodes")) == 1
	})
}

func mustPort(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		t.Fatalf("%q has no port", address)
	}
	return u.Port()
}

// TestBrowserSaysWhatIsOnOneNodeOnly: whoever asked that another node confirms is told what none has confirmed, until one has something newer.
func TestBrowserSaysWhatIsOnOneNodeOnly(t *testing.T) {
	t.Parallel()
	options := nodeOptions("attic", "")
	options.Args = append(options.Args, "--set", "cluster.acknowledge=peer", "--set", "cluster.acknowledge_timeout=1s")
	a := snugtest.Start(t, options)
	ada := snugtest.OpenBrowser(t, a.URL)
	signUp(ada, "ada")
	ada.Open("/chat/lobby/")
	ada.Wait(connected)
	for _, text := range []string{"to nobody", "to nobody again"} {
		say(ada, text)
		ada.Wait(shows(text, 1))
	}
	ada.Wait(`$$("[data-state=only_here] [data-only-here]").length === 2`)
	ada.Wait(`$("[data-only-here]").title.startsWith("Stored on this server only")`)
	ada.Wait(`$$("[data-state=sending]").length === 0`)
	if dir := os.Getenv("SNUG_PICTURES"); dir != "" {
		ada.Picture(filepath.Join(dir, "only-here.png"))
	}
	startBeside(t, a, "barn")
	said := 0
	eventually(t, "a peer confirms", clusterWait, func() bool {
		said++
		say(ada, fmt.Sprint("to somebody ", said)) // the peer may not be there yet
		ada.Wait(`$$("[data-state=sending]").length === 0`)
		return ada.Count("[data-only-here]") == 0 && ada.Count("[data-state=sent]") == 1
	})
}

// TestTheClusterPageShowsWhatIsNotUnderstood has a program with the key send what is nothing, and looks whether long advice fits on every screen.
func TestTheClusterPageShowsWhatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", newAdmin(t)))
	in := joinInsider(t, "mallory", a)
	in.damage(rand.New(rand.NewPCG(1, 1)))
	eventually(t, "rows and frames are counted", clusterWait, func() bool { return len(membersOf(t, a).troubles()) == 4 })
	root := snugtest.OpenBrowser(t, a.URL)
	logIn(root, "root")
	for _, width := range []int64{1440, 390} {
		root.Size(width, 900)
		root.Open("/admin/cluster/")
		root.Wait(`$$(".nodes__note").length === 4 && $$(".node .nodes__note").length === 2`)
		root.Wait(`document.documentElement.scrollWidth <= innerWidth`)
	}
	picture(root, "cluster_not_understood")
}
