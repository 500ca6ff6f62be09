//go:build linux && network

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/snugtest"
)

// TestNetworkFailingDisk: the disk of a node fails. Who posts there is told so, and may try again; nobody there is told of what is not stored; and when the disk works
// again, or the node has been started again, all that was acknowledged is there, once, and the nodes agree.
func TestNetworkFailingDisk(t *testing.T) {
	t.Parallel()
	for _, nodes := range []int{1, 2} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("nodes=%d,restarted=%v", nodes, restarted), func(t *testing.T) {
				t.Parallel()
				failDisk(t, nodes, restarted)
			})
		}
	}
}

func failDisk(t *testing.T, nodes int, restarted bool) {
	n := snugtest.NewNetwork(t)
	disk := snugtest.NewDisk(t)
	a := startSite(t, n.Host("attic"), filepath.Join(disk.Dir, "snug"))
	sites := []*site{a}
	if nodes > 1 {
		sites = append(sites, joinSite(t, n.Host("barn"), a))
	}
	wholeWithin(t, clusterWait, sites)
	ada, grace := a.host.SignUp(a.URL, "ada", password), a.host.SignUp(a.URL, "grace", password)
	sessionHolds(t, ada, sites)
	sessionHolds(t, grace, sites)
	p := &author{socket: a.sit(t, ada), talker: newTalker("ada", "lobby", ada, a)}
	reader, far := a.sit(t, grace), sites[nodes-1].sit(t, grace)
	for _, s := range []*snugtest.Socket{p.socket, reader, far} {
		do(t, s, snugtest.Frame{"type": "join", "room": "lobby"})
	}
	for range 3 {
		p.posts(t, "ack")
	}
	hears(t, reader, clusterWait, snugtest.Frame{"type": "chat_message", "message": "number 3"})

	disk.Fail()
	for range 5 { // the same message again and again
		if message := p.posts(t, "error").Text("message"); !strings.Contains(message, "disk") || !strings.Contains(message, "try again") {
			t.Errorf("the author is told %q", message)
		}
	}
	for path, want := range map[string]int{"/readyz": http.StatusServiceUnavailable, "/healthz": http.StatusOK, "/chat/lobby/": http.StatusOK} {
		if code := get(t, a.host.Seat(ada), a.URL+path); code != want {
			t.Errorf("with a failing disk, %s is answered with %d, want %d", path, code, want)
		}
	}
	if nodes > 1 { // the row was on its way when the disk failed
		hears(t, far, clusterWait, snugtest.Frame{"type": "chat_message", "message": "number 4"})
	}
	const while = 3 * time.Second // in which it tries three times to bring to the disk what it lacks
	before := cpuTime(t, a.Server)
	wait(t, while)
	if used := cpuTime(t, a.Server) - before; used > while/4 {
		t.Errorf("in %v with a failing disk the node took %v of the processor", while, used)
	}
	// The system may give up at any time what the disk did not take, which is another thing to say, and to do.
	fails, lost := strings.Count(a.Stderr(), "the disk fails, and nobody here is told"), strings.Count(a.Stderr(), "the disk has lost")
	if fails != 1 || lost > 1 {
		t.Errorf("the log says %d times that the disk fails, and %d times that it has lost something, want once and at most once:\n%s", fails, lost, a.Stderr())
	}
	if nodes > 1 {
		tellsOf(t, sites, "the disk of attic fails")
	}
	if heard(t, reader, "number 4") {
		t.Error("a reader is told of what is not on the disk")
	}

	if restarted {
		a.Kill()
		disk.Forget() // as a machine does that is switched off
		disk.Mend()
		a.Restart()
		wholeWithin(t, membershipWait, sites)
		p.socket = a.sit(t, ada)
	} else {
		disk.Mend()
		hears(t, reader, clusterWait, snugtest.Frame{"type": "chat_message", "message": "number 4"})
		a.WaitStderr("the disk takes what is written again")
	}
	if nodes > 1 {
		tellsOf(t, sites, "")
	}
	for range 3 {
		p.posts(t, "ack")
	}
	if code := get(t, a.host.Seat(ada), a.URL+"/readyz"); code != http.StatusOK {
		t.Errorf("with a good disk again, /readyz is answered with %d", code)
	}
	equalWithin(t, equalWait, ada, sites, []*talker{p.talker})
}

// tellsOf waits until what is wrong with the first node is shown on all: nothing else, or nothing at all.
func tellsOf(t *testing.T, sites []*site, want string) {
	t.Helper()
	for i, s := range sites {
		eventually(t, fmt.Sprintf("node %d tells %q", i, want), clusterWait, func() bool {
			trouble := membersOf(t, s.Server).Members[0].Trouble // the node itself is always the first
			if i > 0 {
				trouble = membersOf(t, s.Server).Members[1].Trouble
			}
			return (trouble == "") == (want == "") && strings.Contains(strings.Replace(trouble, "this node ("+sites[0].Dir+")", "attic", 1), want)
		})
	}
}

// author posts one message after the other, and one that is not acknowledged again.
type author struct {
	socket *snugtest.Socket
	*talker
}

func (p *author) posts(t *testing.T, want string) snugtest.Frame {
	t.Helper()
	if k := len(p.sent); k == 0 || p.acked[p.sent[k-1]] {
		p.sent = append(p.sent, uuid.Must(uuid.NewV7()).String())
	}
	id := p.sent[len(p.sent)-1]
	answer := p.socket.Ask(t, snugtest.Frame{"type": "post", "room": p.room, "id": id, "message": fmt.Sprint("number ", len(p.sent))})
	p.acked[id] = answer.Text("type") == "ack"
	if answer.Text("type") != want || want == "error" && answer.Text("code") != "unavailable" {
		t.Errorf("posting was answered with %v, want %s", answer, want)
	}
	return answer
}

// heard says whether a message has come to a socket.
func heard(t *testing.T, socket *snugtest.Socket, text string) bool {
	t.Helper()
	if err := socket.Send(t.Context(), snugtest.Frame{"type": "rooms", "ref": "so far"}); err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := socket.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if frame.Text("message") == text {
			return true
		}
		if frame.Text("ref") == "so far" {
			return false
		}
	}
}

// cpuTime is how long a server has worked since its start.
func cpuTime(t *testing.T, s *snugtest.Server) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest) // from the third of proc_pid_stat(5) on
	var ticks int
	for _, field := range fields[11:13] { // as a program, and in the system
		k, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += k
	}
	return time.Duration(ticks) * time.Second / 100 // the kernel counts hundredths of a second, whatever it ticks
}
