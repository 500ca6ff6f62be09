package cluster

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/layer/mesh"
)

// seedTrouble waits for the trouble with a node that was given as a seed.
func seedTrouble(tb testing.TB, n *node, addr string, want TroubleKind) {
	tb.Helper()
	eventually(tb, 30*time.Second, func() bool {
		for _, m := range n.Members() {
			if m.Addr == addr && m.Trouble.Kind == want && m.Trouble.Text != "" {
				return true
			}
		}
		return false
	})
}

func TestEachTroubleHasItsName(t *testing.T) {
	t.Parallel()
	secret := NewSecret()
	a := open(t, newDir(t, secret))

	t.Run("another cluster", func(t *testing.T) {
		b := open(t, newDir(t, NewSecret()), seeds(a))
		seedTrouble(t, b, a.Addr(), WrongCluster)
	})
	t.Run("another secret", func(t *testing.T) {
		dir := newDir(t, secret)
		ks, err := loadKeys(dir)
		if err != nil {
			t.Fatal(err)
		}
		ks.all = []key{{gen: 1, secret: NewSecret()}}
		ks.primary = ks.all[0]
		if err := ks.saveLocked(); err != nil { // nobody else has it
			t.Fatal(err)
		}
		b := open(t, dir, seeds(a))
		seedTrouble(t, b, a.Addr(), WrongSecret)
		if len(a.Members()) != 1 {
			t.Errorf("members are %+v", a.Members())
		}
	})
	t.Run("port closed", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		b := open(t, newDir(t, secret), func(o *Options) { o.Seeds = []string{l.Addr().String()} })
		seedTrouble(t, b, l.Addr().String(), PortClosed)
	})
	t.Run("something else", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "220 mail.example.org ESMTP ready\r\n")
				c.Close()
			}
		}()
		b := open(t, newDir(t, secret), func(o *Options) { o.Seeds = []string{l.Addr().String()} })
		seedTrouble(t, b, l.Addr().String(), NotSnug)
	})
	t.Run("no such name", func(t *testing.T) {
		b := open(t, newDir(t, secret), func(o *Options) { o.Seeds = []string{"nobody.invalid"} })
		seedTrouble(t, b, "nobody.invalid:7846", NameUnresolved)
	})
	t.Run("version", func(t *testing.T) {
		b := open(t, newDir(t, secret), seeds(a), func(o *Options) { o.protocols, o.Version = protocolRange{7, 9}, "9" })
		seedTrouble(t, b, a.Addr(), VersionMismatch)
		seedTrouble(t, a, b.Addr(), VersionMismatch)
		if text := a.see(b.ID()).Trouble.Text; !strings.Contains(text, b.opts.Name) || !strings.Contains(text, "9") {
			t.Errorf("told as %q", text)
		}
		never(t, time.Second, func() bool { return a.see(b.ID()).State == Alive })
	})
	t.Run("clock", func(t *testing.T) {
		b := open(t, newDir(t, secret), seeds(a), func(o *Options) {
			o.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
		})
		whole(t, a, b)
		seedTrouble(t, a, b.Addr(), ClockOff)
		seedTrouble(t, b, a.Addr(), ClockOff)
		if d := a.see(b.ID()).ClockDiff; d > -119*time.Minute || d < -121*time.Minute {
			t.Errorf("differs by %s", d)
		}
	})
}

func TestUDPBlocked(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	a := open(t, newDir(t, s))
	b := open(t, newDir(t, s), seeds(a))
	whole(t, a, b)
	for _, n := range []*node{a, b} {
		n.faults.mu.Lock()
		n.faults.noUDP = true
		n.faults.mu.Unlock()
	}
	seedTrouble(t, a, b.Addr(), UDPBlocked)
	seedTrouble(t, b, a.Addr(), UDPBlocked)
	if a.see(b.ID()).State != Alive {
		t.Error("the link is up all the same")
	}
	for _, n := range []*node{a, b} {
		n.faults.mu.Lock()
		n.faults.noUDP = false
		n.faults.mu.Unlock()
	}
	seedTroubleGone(t, a, b)
}

func seedTroubleGone(tb testing.TB, a, b *node) {
	tb.Helper()
	eventually(tb, 30*time.Second, func() bool { return a.see(b.ID()).Trouble.Kind == NoTrouble })
}

func TestDuplicateIsShutOut(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3)
	a, b := nodes[0], nodes[1]
	clone := newDir(t, NewSecret())
	for _, name := range []string{idFile, secretFile, peersFile} {
		data, err := os.ReadFile(filepath.Join(b.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := writePrivate(filepath.Join(clone, name), data); err != nil {
			t.Fatal(err)
		}
	}
	_, e := a.listen("x")
	b.listen("x")
	e.up(t, b.ID())
	c := open(t, clone, seeds(a))
	c.listen("x")
	eventually(t, 10*time.Second, func() bool { return c.Trouble().Kind == DuplicateID })
	eventually(t, 10*time.Second, func() bool { return a.see(b.ID()).Trouble.Kind == DuplicateID })
	never(t, 2*time.Second, func() bool { return b.Trouble().Kind == DuplicateID || e.count(b.ID(), "down") > 0 })
	if m := a.see(b.ID()); m.Addr != b.Addr() {
		t.Errorf("%s is believed to be at %s, not %s", b.ID(), m.Addr, b.Addr())
	}
	if _, err := c.Invite(time.Hour); err == nil {
		t.Error("a node that is shut out invites others")
	}
	b.Close() // the first is gone: now the second is the one
	eventually(t, 15*time.Second, func() bool { return c.Trouble().Kind == NoTrouble })
	whole(t, a, nodes[2], c)
}

func TestStrangerGetsNothing(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	for name, said := range map[string]string{
		"nothing":    "",
		"http":       "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"label":      "\xf4\x05hello garbage",
		"tls":        "\x16\x03\x01\x00\x05hello",
		"high bytes": "\xff\xff\xff\xff",
	} {
		c, err := net.Dial("tcp", a.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, said)
		c.(*net.TCPConn).CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		got, err := io.ReadAll(c)
		if errors.Is(err, os.ErrDeadlineExceeded) || name != "tls" && len(got) > 0 { // TLS has alerts
			t.Errorf("%s: answered %q, %v", name, got, err)
		}
		c.Close()
	}
	// TLS, and then no proof.
	conn, err := tls.Dial("tcp", a.Addr(), linkTLS())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := writeJSON(conn, frameHello, envelope{Cluster: a.Cluster()}); err != nil {
		t.Fatal(err)
	}
	body, err := hearBody(bufio.NewReader(conn), frameAnswer)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), a.ID()) || strings.Contains(string(body), a.opts.Name) {
		t.Errorf("told a stranger %s", body)
	}
	if rest, err := io.ReadAll(conn); len(rest) > 0 {
		t.Errorf("and then %q, %v", rest, err)
	}
}

func TestSealIsForOneConnectionAndDirection(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	here := []byte("one connection")
	box := s.seal(roleDialled, here, []byte("x"))
	if said, ok := s.open(roleDialled, here, box); !ok || string(said) != "x" {
		t.Fatal("the seal does not open")
	}
	changed := append([]byte{box[0] ^ 1}, box[1:]...)
	for what, opens := range map[string]func() bool{
		"another connection": func() bool { _, ok := s.open(roleDialled, []byte("another"), box); return ok },
		"the other way":      func() bool { _, ok := s.open(roleAnswered, here, box); return ok },
		"another secret":     func() bool { _, ok := NewSecret().open(roleDialled, here, box); return ok },
		"changed":            func() bool { _, ok := s.open(roleDialled, here, changed); return ok },
	} {
		if opens() {
			t.Errorf("opens: %s", what)
		}
	}
}

func TestDiallerTellsAStrangerNothing(t *testing.T) {
	t.Parallel()
	cert, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", serverTLS(cert))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := open(t, newDir(t, NewSecret()), func(o *Options) { o.Seeds = []string{l.Addr().String()} })
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body, err := hearBody(bufio.NewReader(conn), frameHello)
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{a.ID(), a.opts.Name, a.Addr()} {
		if strings.Contains(string(body), private) {
			t.Errorf("told a stranger %s in %s", private, body)
		}
	}
}

// rogue makes a link with the right secret by hand.
func rogue(tb testing.TB, a *node, dir string) *greeting {
	tb.Helper()
	ks, err := loadKeys(dir)
	if err != nil {
		tb.Fatal(err)
	}
	m := &Mesh{
		opts: Options{Timing: quick(), network: realNetwork{}}, id: randomHex(16), life: 1, keys: ks, protocols: spoken(),
		port: 1,
	}
	m.ip.set(net.IPv4(127, 0, 0, 1))
	g, err := m.greet(context.Background(), a.Addr(), false)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { g.raw.Close() })
	if err := g.raw.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	return g
}

func TestGarbageDropsOnlyItsLink(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2, calm)
	a, b := nodes[0], nodes[1]
	a.listen("x")
	_, e := b.listen("x")
	before := e.up(t, a.ID())
	many := []byte{}
	for i := range uint64(maxPorts + 2) {
		many = appendFrame(many, frameOpen, []byte{'p', byte('0' + i%64), byte('0' + i/64)}, i+1)
	}
	for name, frame := range map[string][]byte{
		"huge":           {0xff, 0xff, 0xff, 0xff, 0x7f, frameData},
		"too large":      appendFrame(nil, frameData, make([]byte, mesh.MaxFrame+20), 1),
		"empty":          {0},
		"endless number": {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80},
		"no number":      appendFrame(nil, frameData, nil),
		"bad pong":       appendFrame(nil, framePong, nil, 1),
		"long name":      appendFrame(nil, frameOpen, make([]byte, 65), 1),
		"many ports":     many,
		"credit":         appendFrame(appendFrame(nil, frameOpen, []byte("x"), 5), frameCredit, nil, 5, 1<<20),
		"credit flood":   appendFrame(nil, frameCredit, nil, 5, 1<<60),
	} {
		g := rogue(t, a, a.dir)
		_, _ = g.conn.Write(frame) // it may be gone before all is written
		_, err := io.Copy(io.Discard, g.r)
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			// A raw close without TLS goodbye is an error; only a time out is not an end.
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: the link stays", name)
			}
		}
		if a.see(b.ID()).State != Alive {
			t.Errorf("%s: the other link went too", name)
		}
	}
	if !slices.Equal(e.from(a.ID()), before) {
		t.Error("the other link broke")
	}
	// An unknown kind is of a newer version.
	g := rogue(t, a, a.dir)
	if _, err := g.conn.Write(appendFrame(appendFrame(nil, 60, []byte("new")), framePing, nil, 12345)); err != nil {
		t.Fatal(err)
	}
	for {
		kind, body, err := readFrame(g.r, maxBody)
		if err != nil {
			t.Fatal(err)
		}
		if n, _, _ := number(body); kind == framePong && n == 12345 {
			return
		}
	}
}

func TestTheLogSaysOfWhoComesThatTheyAreAlive(t *testing.T) {
	t.Parallel()
	said := &syncBuffer{}
	secret := NewSecret()
	a := open(t, newDir(t, secret), calm, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(said, nil)) })
	b := open(t, newDir(t, secret), calm, seeds(a))
	whole(t, a, b)
	eventually(t, 5*time.Second, func() bool { return strings.Contains(said.String(), `"node is alive"`) })
	if log := said.String(); strings.Count(log, `"node is `) != 1 || !strings.Contains(log, `msg="node is alive" node=`) || !strings.Contains(log, " was=unknown") {
		t.Errorf("the log says:\n%s", log)
	}
}

// Who said goodbye is not missed, but may come back, or be there again while this node was away itself.
func TestAnotherSecretOfOneThatHadLeftIsTold(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1]
	addr := a.Addr()
	if err := a.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.Close()
	eventually(t, 5*time.Second, func() bool { return b.see(a.ID()).State == Left })
	b.Close()
	a = open(t, a.dir, func(o *Options) { o.Bind = addr })
	if err := errors.Join(a.Forget(b.ID()), a.Rotate()); err != nil {
		t.Fatal(err)
	}
	b = open(t, b.dir)
	eventually(t, 5*time.Second, func() bool { m := b.see(a.ID()); return m.State == Left && m.Trouble.Kind == WrongSecret })
}

func TestANodeThatCallsItselfIsNoMemberTwice(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	g, err := a.greet(t.Context(), a.Addr(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer g.raw.Close()
	if _, err := g.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("it is answered: %v", err)
	}
	if list := a.Members(); len(list) != 1 {
		t.Errorf("members are %v", list)
	}
}

// After a machine has slept, or its process was stopped, nobody has answered for long: that is no firewall.
func TestANodeThatStoodStillBlamesNobody(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1]
	long := time.Now().Add(-time.Hour)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.records[b.ID()]
	blamed := func(reviewed time.Time) bool {
		r.acked, r.since, r.linked, a.awake, a.reviewed = long, long, long, long, reviewed
		a.reviewLocked()
		return r.udp.Kind == UDPBlocked
	}
	if blamed(long) || !blamed(time.Now()) {
		t.Errorf("blamed after an hour of standing still: %v, of being awake: %v", blamed(long), blamed(time.Now()))
	}
}
