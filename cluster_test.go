package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
)

// clusterWait is how long nodes may take to find each other again, whatever happened: what the cluster promises for a node that died, and the slowness of
// a machine that runs other tests too.
const clusterWait = 40 * time.Second

// nodeOptions start a node of a cluster that is called so.
func nodeOptions(name, dir string) snugtest.Options {
	return snugtest.Options{Dir: dir, Args: []string{
		"--set", "cluster.enabled=true", "--set", "cluster.bind=127.0.0.1:0", "--set", "cluster.name=" + name, "--set", "presence.linger=1s",
	}}
}

// startBeside starts a second node, as an operator does: invite on the first, join and serve on the second.
func startBeside(t *testing.T, first *snugtest.Server, name string) *snugtest.Server {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	joined := joinBy(t, first, dir)
	if joined.Code != 0 {
		t.Fatalf("join ended with code %d:\n%s", joined.Code, joined.Err)
	}
	return snugtest.Start(t, nodeOptions(name, dir))
}

// inviteTo is the one line that snug invite prints.
func inviteTo(t *testing.T, s *snugtest.Server) string {
	t.Helper()
	invited := snugtest.Run(t, "invite", "--data", s.Dir)
	if invited.Code != 0 || !strings.HasPrefix(invited.Out, "snug join ") || strings.Count(invited.Out, "\n") != 1 {
		t.Fatalf("invite ended with code %d and printed %q:\n%s", invited.Code, invited.Out, invited.Err)
	}
	return invited.Out
}

// joinBy has the machine of dir join by an invitation.
func joinBy(t *testing.T, inviting *snugtest.Server, dir string) snugtest.Result {
	t.Helper()
	return snugtest.Run(t, append(strings.Fields(inviteTo(t, inviting))[1:], "--data", dir)...)
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// canLogIn tries the form.
func canLogIn(t *testing.T, s *snugtest.Server, name string) bool {
	t.Helper()
	return submit(t, s.URL+"/log_in/", url.Values{"username": {name}, "password": {password}}) == http.StatusSeeOther
}

// isLoggedIn reports whether a client's session holds.
func isLoggedIn(t *testing.T, client *http.Client, s *snugtest.Server) bool {
	t.Helper()
	response, err := client.Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.Request.URL.Path == "/"
}

// hears waits for a frame on a socket with these fields.
func hears(t *testing.T, socket *snugtest.Socket, limit time.Duration, want snugtest.Frame) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		frame, err := socket.Receive(ctx)
		if err != nil {
			t.Fatalf("wait %v for %v: %v", limit, want, err)
		}
		same := true
		for field, value := range want {
			same = same && frame[field] == value
		}
		if same {
			return
		}
	}
}

// enter opens a socket and joins a room.
func enter(t *testing.T, client *http.Client, s *snugtest.Server, room string) (socket *snugtest.Socket, joined snugtest.Frame) {
	t.Helper()
	socket = snugtest.Dial(t, client, s.URL+"/ws/")
	return socket, socket.Ask(t, snugtest.Frame{"type": "join", "room": room})
}

func post(t *testing.T, socket *snugtest.Socket, room, text string) {
	t.Helper()
	if ack := socket.Ask(t, snugtest.Frame{"type": "post", "room": room, "message": text}); ack["type"] != "ack" {
		t.Fatalf("posting %q was answered with %v", text, ack)
	}
}

// history is what a room holds, by author and text.
func history(t *testing.T, client *http.Client, s *snugtest.Server, room string) []string {
	t.Helper()
	socket, joined := enter(t, client, s, room)
	defer socket.Cut()
	var lines []string
	for _, m := range joined.Frames("messages") {
		lines = append(lines, fmt.Sprintf("%s %s: %s", m.Text("id"), m.Text("user"), m.Text("message")))
	}
	return lines
}

func people(joined snugtest.Frame) []string {
	list, _ := joined["users"].([]any)
	var names []string
	for _, name := range list {
		names = append(names, fmt.Sprint(name))
	}
	return names
}

func TestTwoNodesAreOnePlace(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	ada := snugtest.SignUp(t, a.URL, "ada", password)
	onA, _ := enter(t, ada, a, "lobby")
	post(t, onA, "lobby", "before anybody else was here")

	// The second node has everything a moment after it joined.
	b := startBeside(t, a, "barn")
	eventually(t, "an account of A logs in on B", clusterWait, func() bool { return canLogIn(t, b, "ada") })
	eventually(t, "a session of A holds on B", clusterWait, func() bool { return isLoggedIn(t, ada, b) })
	grace := snugtest.SignUp(t, b.URL, "grace", password)
	eventually(t, "an account of B logs in on A", clusterWait, func() bool { return canLogIn(t, a, "grace") })
	eventually(t, "B has the message of A", clusterWait, func() bool { return len(history(t, grace, b, "lobby")) == 1 })

	// Who is in a room on one node is in it on the other, and what is said there is heard.
	onB, joined := enter(t, grace, b, "lobby")
	if got := people(joined); !slices.Equal(got, []string{"ada", "grace"}) {
		t.Errorf("in the lobby of B are %v", got)
	}
	hears(t, onA, clusterWait, snugtest.Frame{"type": "user_join", "user": "grace"})
	post(t, onA, "lobby", "from A")
	hears(t, onB, clusterWait, snugtest.Frame{"type": "chat_message", "user": "ada", "message": "from A"})
	post(t, onB, "lobby", "from B")
	hears(t, onA, clusterWait, snugtest.Frame{"type": "chat_message", "user": "grace", "message": "from B"})

	// A dies. Its people are gone, and B goes on.
	a.Kill()
	hears(t, onB, 15*time.Second, snugtest.Frame{"type": "user_leave", "user": "ada"})
	post(t, onB, "lobby", "while A was away")

	// A returns, at another address, and has what it missed.
	a.Restart()
	onA, _ = enter(t, ada, a, "lobby")
	eventually(t, "A has what was said while it was away", clusterWait, func() bool { return len(history(t, ada, a, "lobby")) == 4 })
	hears(t, onB, clusterWait, snugtest.Frame{"type": "user_join", "user": "ada"})
	post(t, onB, "lobby", "welcome back")
	hears(t, onA, clusterWait, snugtest.Frame{"type": "chat_message", "user": "grace", "message": "welcome back"})
	if one, other := history(t, ada, a, "lobby"), history(t, grace, b, "lobby"); !slices.Equal(one, other) || len(one) != 5 {
		t.Errorf("the histories differ:\nA: %q\nB: %q", one, other)
	}

	// Logging out on one node ends the session on the other, and its sockets.
	response, err := ada.Post(b.URL+"/log_out/", "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if code := closeCode(t, onA); code < 4000 {
		t.Errorf("the socket on A was closed with %d", code)
	}
	hears(t, onB, clusterWait, snugtest.Frame{"type": "user_leave", "user": "ada"})
	a.Stop()
	b.Stop()
}

func TestCommandsShowAndChangeTheCluster(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	b := startBeside(t, a, "barn")
	list := func(s *snugtest.Server) string {
		t.Helper()
		r := snugtest.Run(t, "members", "--data", s.Dir)
		if r.Code != 0 {
			t.Fatalf("members ended with code %d:\n%s", r.Code, r.Err)
		}
		return r.Out
	}
	shows := func(s *snugtest.Server, name, state string) func() bool {
		return func() bool {
			for line := range strings.Lines(list(s)) {
				if words := strings.Fields(line); words[0] == name && slices.Contains(words, state) {
					return true
				}
			}
			return false
		}
	}
	eventually(t, "B is alive for A", clusterWait, shows(a, "barn", "alive"))
	eventually(t, "A is alive for B", clusterWait, shows(b, "attic", "alive"))
	if json := snugtest.Run(t, "members", "--json", "--data", a.Dir); !strings.Contains(json.Out, `"name": "barn"`) {
		t.Errorf("members --json prints %s", json.Out)
	}
	if page := clusterPage(t, a); !strings.Contains(page, "barn") || !strings.Contains(page, "Round trip") {
		t.Errorf("the page of administrators shows\n%s", page)
	}
	refused(t, snugtest.Run(t, "forget", "barn", "--data", a.Dir), "is alive, and would be back at once")
	refused(t, snugtest.Run(t, "forget", "attic", "--data", a.Dir), "that is this node itself: snug leave")
	refused(t, snugtest.Run(t, "forget", "shed", "--data", a.Dir), `there is no node "shed": snug members lists them`)
	if r := snugtest.Run(t, "secret", "rotate", "--data", a.Dir); r.Code != 0 || !strings.Contains(r.Out, "is being replaced") {
		t.Errorf("secret rotate ended with code %d: %s%s", r.Code, r.Out, r.Err)
	}

	// A clean goodbye is no death.
	if r := snugtest.Run(t, "leave", "--data", b.Dir); r.Code != 0 {
		t.Errorf("leave ended with code %d:\n%s", r.Code, r.Err)
	}
	eventually(t, "B has left", clusterWait, shows(a, "barn", "left"))
	if own := list(b); !shows(b, "attic", "unknown")() || !strings.Contains(own, "Start it again, and it is one of them again") {
		t.Errorf("who has left says of the others\n%s", own)
	}
	for _, command := range [][]string{{"leave"}, {"invite"}, {"forget", "attic"}, {"secret", "rotate"}} {
		refused(t, snugtest.Run(t, append(command, "--data", b.Dir)...), "this node has left the cluster")
	}
	b.Stop()
	b.Restart()
	eventually(t, "B is back at its next start", clusterWait, shows(a, "barn", "alive"))
	b.Stop()
	eventually(t, "B has left by stopping", clusterWait, shows(a, "barn", "left"))
	if r := snugtest.Run(t, "forget", "barn", "--data", a.Dir); r.Code != 0 {
		t.Errorf("forget ended with code %d:\n%s", r.Code, r.Err)
	}
	if strings.Contains(list(a), "barn") {
		t.Errorf("a node that is forgotten is listed:\n%s", list(a))
	}
	a.Stop()
}

// clusterPage makes the first admin of a server and reads the page that only admins see.
func clusterPage(t *testing.T, s *snugtest.Server) string {
	t.Helper()
	link, err := url.Parse(s.Setup)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"username": {"root"}, "password1": {password}, "setup": {link.Query().Get("setup")}}
	if code := submit(t, s.URL+"/sign_up/", form); code != http.StatusSeeOther {
		t.Fatalf("the link for the admin was answered with %d", code)
	}
	root := snugtest.LogIn(t, s.URL, "root", password)
	return readPage(t, root, s.URL+"/admin/cluster/")
}

func TestInvitationWorksOnce(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	token := strings.Fields(inviteTo(t, a))[2]
	if r := snugtest.Run(t, "join", token, "--data", t.TempDir()); r.Code != 0 {
		t.Fatalf("join ended with code %d:\n%s", r.Code, r.Err)
	}
	refused(t, snugtest.Run(t, "join", token, "--data", t.TempDir()), "the invitation is not good any more", "make another with snug invite")
	refused(t, snugtest.Run(t, "join", token[:40], "--data", t.TempDir()), "copy all of the line")
	a.Stop()
	refused(t, snugtest.Run(t, "join", token, "--data", t.TempDir()),
		"was not reached: ask 127.0.0.1:", "connection refused", "see that Snug runs on the machine that made the invitation", "let the port through, by TCP and UDP")
}

func TestJoiningWithAccountsMustBeMeant(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	snugtest.SignUp(t, a.URL, "ada", password)
	b := snugtest.Start(t, snugtest.Options{})
	snugtest.SignUp(t, b.URL, "grace", password)
	token := strings.Fields(inviteTo(t, a))[2]
	refused(t, snugtest.Run(t, "join", token, "--data", b.Dir), fmt.Sprintf("process %d ", b.Pid()), "stop that Snug, join, and start it again")
	b.Stop()
	refused(t, snugtest.Run(t, "join", token, "--data", b.Dir), "there are accounts in", "(1)", "say --merge")
	if r := snugtest.Run(t, "join", "--merge", token, "--data", b.Dir); r.Code != 0 {
		t.Fatalf("join --merge ended with code %d:\n%s", r.Code, r.Err)
	}
	b = snugtest.Start(t, nodeOptions("barn", b.Dir))
	eventually(t, "B's account logs in on A", clusterWait, func() bool { return canLogIn(t, a, "grace") })
	eventually(t, "A's account logs in on B", clusterWait, func() bool { return canLogIn(t, b, "ada") })
	refused(t, joinBy(t, a, b.Dir), "data directory is in use")
	b.Stop()
	if r := joinBy(t, a, b.Dir); r.Code != 0 {
		t.Errorf("joining the same cluster again ended with code %d:\n%s", r.Code, r.Err)
	}
	c := snugtest.Start(t, nodeOptions("cellar", ""))
	refused(t, joinBy(t, c, b.Dir), "this machine is in another cluster already", "and join then")
}

func TestAcknowledgementWaitsForAPeer(t *testing.T) {
	t.Parallel()
	options := nodeOptions("attic", "")
	options.Args = append(options.Args, "--set", "cluster.acknowledge=peer", "--set", "cluster.acknowledge_timeout=5s")
	a := snugtest.Start(t, options)
	ada := snugtest.SignUp(t, a.URL, "ada", password)
	socket, _ := enter(t, ada, a, "lobby")
	say := func(text string) (ack snugtest.Frame, took time.Duration) {
		t.Helper()
		began := time.Now()
		return socket.Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": text}), time.Since(began)
	}
	if ack, took := say("to nobody"); ack["only_here"] != true || took < 5*time.Second {
		t.Errorf("without a peer there is after %v: %v", took, ack)
	}
	b := startBeside(t, a, "barn")
	eventually(t, "a peer confirms", clusterWait, func() bool {
		ack, _ := say("to somebody")
		return ack["type"] == "ack" && ack["only_here"] == nil
	})
	began := time.Now()
	for range 4 { // if the peer said it with what it says every two seconds, each would wait for the next time
		if ack, took := say("at once"); ack["only_here"] != nil {
			t.Errorf("with a peer there is after %v: %v", took, ack)
		}
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("with a peer, four acknowledgements took %v", took)
	}
	grace := snugtest.SignUp(t, b.URL, "grace", password)
	b.Kill()
	b.Restart() // and what it confirmed is there
	if lines := history(t, grace, b, "lobby"); len(lines) == 0 || !strings.HasSuffix(lines[len(lines)-1], "at once") {
		t.Errorf("B holds %q", lines)
	}
}

// A socket that nobody reads does not answer that the server goes, and is waited for. On other nodes that is nobody's business.
func TestCleanStopIsSeenAtOnceWhateverClientsDo(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	ada, grace := snugtest.SignUp(t, a.URL, "ada", password), snugtest.SignUp(t, a.URL, "grace", password)
	b := startBeside(t, a, "barn")
	eventually(t, "the session of grace holds on barn", clusterWait, func() bool { return isLoggedIn(t, grace, b) })
	onA, _ := enter(t, ada, a, "lobby")
	enter(t, grace, b, "lobby")
	hears(t, onA, clusterWait, snugtest.Frame{"type": "user_join", "user": "grace"})
	began, stopped := time.Now(), make(chan struct{})
	go func() {
		defer close(stopped)
		b.Stop()
	}()
	hears(t, onA, 2*time.Second, snugtest.Frame{"type": "user_leave", "user": "grace"})
	t.Logf("it took %v", time.Since(began).Round(time.Millisecond))
	<-stopped
}

func TestNodeThatIsAloneHasNoCluster(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	for _, args := range [][]string{{"members"}, {"invite"}, {"leave"}, {"forget", "attic"}, {"secret", "rotate"}} {
		refused(t, snugtest.Run(t, append(args, "--data", s.Dir)...), "this Snug runs alone: write enabled = true under [cluster]")
	}
	for _, name := range []string{"node.id", "cluster.key", "cluster.json", "peers.json"} {
		if found, _ := filepath.Glob(filepath.Join(s.Dir, name)); len(found) > 0 {
			t.Errorf("a node that is alone made %s", name)
		}
	}
	s.Stop()
	if found, _ := filepath.Glob(filepath.Join(s.Dir, "control.sock")); len(found) > 0 {
		t.Error("the control socket was left behind")
	}
}
