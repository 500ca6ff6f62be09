package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/cluster"
	"snug/control"
	"snug/snugtest"
)

// membersOf is what snug members tells of a node, without the time that a process takes to start.
func membersOf(t *testing.T, s *snugtest.Server) memberList {
	t.Helper()
	var list memberList
	if err := control.Dial(s.Dir).Ask(t.Context(), "members", nil, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// neighbours are two people in one room, on two nodes.
type neighbours struct {
	a, b       *snugtest.Server
	ada, grace *http.Client
	onA, onB   *snugtest.Socket
}

func startNeighbours(t *testing.T) *neighbours {
	t.Helper()
	w := &neighbours{a: snugtest.Start(t, nodeOptions("attic", ""))}
	w.b = startBeside(t, w.a, "barn")
	w.ada, w.grace = snugtest.SignUp(t, w.a.URL, "ada", password), snugtest.SignUp(t, w.b.URL, "grace", password)
	w.onA, _ = enter(t, w.ada, w.a, "lobby")
	w.onB, _ = enter(t, w.grace, w.b, "lobby")
	hears(t, w.onA, clusterWait, snugtest.Frame{"type": "user_join", "user": "grace"})
	w.crosses(t, "before")
	return w
}

// crosses fails unless what is said on one node is heard on the other, both ways.
func (w *neighbours) crosses(t *testing.T, text string) {
	t.Helper()
	post(t, w.onA, "lobby", text+" from A")
	hears(t, w.onB, clusterWait, snugtest.Frame{"type": "chat_message", "message": text + " from A"})
	post(t, w.onB, "lobby", text+" from B")
	hears(t, w.onA, clusterWait, snugtest.Frame{"type": "chat_message", "message": text + " from B"})
}

// crossUntil goes on with that until something is done.
func (w *neighbours) crossUntil(t *testing.T, done <-chan struct{}) {
	t.Helper()
	pause := time.NewTicker(250 * time.Millisecond) // what one person may say is limited
	defer pause.Stop()
	for i := 0; ; i++ {
		w.crosses(t, fmt.Sprint("number ", i))
		select {
		case <-pause.C:
		case <-done:
			return
		}
	}
}

// stop ends both; a race or a crash would be seen here.
func (w *neighbours) stop(t *testing.T) {
	t.Helper()
	w.a.Stop()
	w.b.Stop()
}

// memory is what a process has in memory, in bytes. It is 0 where the system does not tell.
func memory(t *testing.T, s *snugtest.Server) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid()))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// grown is how much more than before a process may have in memory whatever others do: the race detector makes each byte several.
const grown = 700 << 20

// clusterOf is the id of the cluster that a node is in. It is no secret: whoever is near a network hears it.
func clusterOf(t *testing.T, s *snugtest.Server) string {
	t.Helper()
	dir := t.TempDir()
	secret, err := os.ReadFile(filepath.Join(s.Dir, "cluster.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "cluster.key"), secret, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := cluster.Open(t.Context(), cluster.Options{Dir: dir, Bind: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}) // which knows of nobody
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return m.Cluster()
}

// leak keeps what strangers were answered.
type leak struct {
	mu     sync.Mutex // guards answer
	answer bytes.Buffer
}

func (l *leak) add(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer.Write(b)
}

// stranger does to an address, once, something that nobody with the key does.
func (l *leak) stranger(ctx context.Context, random *rand.Rand, addr, id string) {
	garbage := make([]byte, random.IntN(2000))
	for i := range garbage {
		garbage[i] = byte(random.Uint32())
	}
	label := append([]byte{244, byte(len(id))}, id...)
	switch random.IntN(6) {
	case 0: // gossip over UDP, with and without the label
		if c, err := net.Dial("udp", addr); err == nil {
			_, _ = c.Write(append(label, garbage...))
			_, _ = c.Write(garbage)
			l.listen(c)
		}
		return
	case 1:
		l.say(ctx, addr, append(label, append([]byte{10, 0, 1, 0, 0}, garbage...)...)) // encrypted, with another key
	case 2:
		l.say(ctx, addr, append(label, append([]byte{0}, garbage...)...)) // not encrypted
	case 3:
		l.say(ctx, addr, append([]byte{0x16, 3, 1}, garbage...))
	case 4:
		l.say(ctx, addr, []byte("GET /users/ HTTP/1.1\r\nHost: "+addr+"\r\n\r\n"))
	case 5:
		for _, protocol := range []string{"snug-link", "snug-join"} {
			dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}, MinVersion: tls.VersionTLS13}}
			c, err := dialer.DialContext(ctx, "tcp", addr)
			if err != nil {
				continue
			}
			for _, certificate := range c.(*tls.Conn).ConnectionState().PeerCertificates {
				l.add(certificate.Raw)
			}
			hello := fmt.Sprintf(`{"cluster":%q,"sealed":[{"key":"%032x","box":"AAAA"}]}`, id, 7)
			_, _ = c.Write(append([]byte{byte(len(hello) + 1), 64}, hello...))
			_, _ = c.Write(garbage)
			l.listen(c)
		}
	}
}

func (l *leak) say(ctx context.Context, addr string, said []byte) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	_, _ = c.Write(said)
	l.listen(c)
}

// listen takes what is answered within a moment. Half of all connections are left without it.
func (l *leak) listen(c net.Conn) {
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	answer, _ := io.ReadAll(io.LimitReader(c, 1<<20))
	l.add(answer)
}

// TestStrangersGetNothingFromANode lets strangers do what they can to the port of a node, while people talk over it.
func TestStrangersGetNothingFromANode(t *testing.T) {
	t.Parallel()
	w := startNeighbours(t)
	self := membersOf(t, w.a).Members[0]
	id := clusterOf(t, w.a)

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	before := memory(t, w.a)
	heard := &leak{}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var strangers sync.WaitGroup
	for i := range 40 {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		strangers.Go(func() {
			for ctx.Err() == nil {
				heard.stranger(ctx, random, self.Address, id)
			}
		})
	}
	w.crossUntil(t, ctx.Done())
	strangers.Wait()
	w.crosses(t, "after")

	if now := memory(t, w.a); now > before+grown {
		t.Errorf("it has grown from %d to %d MiB", before>>20, now>>20)
	}
	for _, private := range []string{self.ID, membersOf(t, w.b).Members[0].ID, "attic", "barn", "ada", "grace", "lobby", self.Version, w.b.URL[len("http://"):]} {
		if bytes.Contains(heard.answer.Bytes(), []byte(private)) {
			t.Errorf("strangers were told %q", private)
		}
	}
	if heard.answer.Len() == 0 {
		t.Error("nobody was answered at all: nothing was tried")
	}
	if lines := strings.Count(w.a.Stderr(), "\n"); lines > 100 {
		t.Errorf("strangers wrote %d lines into the log:\n%.3000s", lines, w.a.Stderr())
	}
	if got := len(membersOf(t, w.a).Members); got != 2 {
		t.Errorf("there are %d members", got)
	}
	w.stop(t)
}
