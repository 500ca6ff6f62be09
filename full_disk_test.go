//go:build linux

package main

import (
	"html"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/snugtest"
)

// TestFullDiskStopsPostingOnly bounds the size of files that the process may write, which ends writes as a full disk does and, unlike one, can
// be had everywhere.
func TestFullDiskStopsPostingOnly(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Args: []string{"--set", "limits.messages_per_second=0"}})
	ada := snugtest.SignUp(t, s.URL, "ada", password)
	socket := snugtest.Dial(t, ada, s.URL+"/ws/")
	socket.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})
	post := func(text string) snugtest.Frame {
		return socket.Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": text})
	}
	if ack := post("before"); ack["type"] != "ack" {
		t.Fatalf("posting was answered with %v", ack)
	}

	limitFiles(t, s, logSize(t, s.Dir))
	for range 3 {
		if answer := post("too much"); answer["type"] != "error" || answer["code"] != "unavailable" {
			t.Errorf("with a full disk, posting was answered with %v", answer)
		}
	}
	if got := texts(socket.Ask(t, snugtest.Frame{"type": "history", "room": "lobby"})); got != "before" {
		t.Errorf("with a full disk, the room holds %q", got)
	}
	if code := get(t, ada, s.URL+"/chat/lobby/"); code != http.StatusOK {
		t.Errorf("with a full disk, the room's page is answered with %d", code)
	}
	if code := get(t, ada, s.URL+"/healthz"); code != http.StatusOK {
		t.Errorf("with a full disk, /healthz is answered with %d", code)
	}
	if code := get(t, ada, s.URL+"/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("with a full disk, /readyz is answered with %d", code)
	}

	form := url.Values{"username": {"grace"}, "password1": {password}}
	if code := submit(t, s.URL+"/sign_up/", form); code != http.StatusServiceUnavailable {
		t.Errorf("with a full disk, signing up is answered with %d", code)
	}

	limitFiles(t, s, math.MaxUint64)
	if ack := post("after"); ack["type"] != "ack" {
		t.Errorf("with space again, posting was answered with %v", ack)
	}
	if code := submit(t, s.URL+"/sign_up/", form); code != http.StatusSeeOther {
		t.Errorf("with space again, signing up is answered with %d", code)
	}
	if code := get(t, ada, s.URL+"/readyz"); code != http.StatusOK {
		t.Errorf("with space again, /readyz is answered with %d", code)
	}
	s.Stop()
	s.Restart()
	socket = snugtest.Dial(t, ada, s.URL+"/ws/")
	if got := texts(socket.Ask(t, snugtest.Frame{"type": "history", "room": "lobby"})); got != "before after" {
		t.Errorf("after a restart, the room holds %q", got)
	}
}

// TestNodeThatCanStoreNothingIsToldOfOnEveryNode holds it to what an operator of several machines looks at: on each of them, until it is over.
func TestNodeThatCanStoreNothingIsToldOfOnEveryNode(t *testing.T) {
	t.Parallel()
	const what, todo = "cannot be written", "see who owns it"
	a := startTroubled(t, newAdmin(t))
	b := &troubled{Server: startBeside(t, a.Server, "barn")}
	b.dir = b.Dir
	eventually(t, "the admin logs in on both", clusterWait, func() bool { return canLogIn(t, b.Server, "root") })
	root := snugtest.LogIn(t, b.URL, "root", password)
	socket := snugtest.Dial(t, root, b.URL+"/ws/")
	socket.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})

	limitFiles(t, b.Server, logSize(t, b.Dir))
	if answer := socket.Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": "too much"}); answer["code"] != "unavailable" {
		t.Fatalf("posting was answered with %v", answer)
	}
	a.tells(t, "the data directory of barn "+what, todo)
	own := "the data directory of this node (" + b.Dir + ") " + what
	eventually(t, "it tells that itself", clusterWait, func() bool {
		list := membersOf(t, b.Server)
		return strings.Contains(list.Members[0].Trouble, own) && list.Trouble == list.Members[0].Trouble
	})
	if page := readPage(t, root, b.URL+"/admin/cluster/"); strings.Count(html.UnescapeString(page), own) != 1 {
		t.Errorf("the page does not say once %q:\n%s", own, page)
	}

	limitFiles(t, b.Server, math.MaxUint64) // and nobody posts
	for name, s := range map[string]*snugtest.Server{"itself": b.Server, "the other node": a.Server} {
		eventually(t, "with space again, "+name+" tells of no trouble", clusterWait, func() bool { return len(membersOf(t, s).troubles()) == 0 })
	}
}

// TestDiskThatFailsAtTheStartIsNotBlamedOnRights: SQLite reports writes that end like this one as it does those that a disk fails.
func TestDiskThatFailsAtTheStartIsNotBlamedOnRights(t *testing.T) {
	t.Parallel()
	const start = `ulimit -f 1 && exec "$0" serve --listen localhost:0 --data "$1"`
	out, err := exec.Command("sh", "-c", start, snugtest.Build(t), t.TempDir()).CombinedOutput()
	if text := string(out); err == nil || !strings.Contains(text, "disk fails") || !strings.Contains(text, "mend or replace it") || strings.Contains(text, "let this user") {
		t.Errorf("it ended with %v:\n%s", err, text)
	}
}

// logSize is the size of the file that every write goes to.
func logSize(t *testing.T, dir string) uint64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "snug.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	return uint64(info.Size())
}

func limitFiles(t *testing.T, s *snugtest.Server, bytes uint64) {
	t.Helper()
	if err := unix.Prlimit(s.Pid(), unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: math.MaxUint64}, nil); err != nil {
		t.Fatal(err)
	}
}

func texts(history snugtest.Frame) string {
	var all []string
	for _, m := range history.Frames("messages") {
		all = append(all, m.Text("message"))
	}
	return strings.Join(all, " ")
}

func get(t *testing.T, client *http.Client, address string) int {
	t.Helper()
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}
