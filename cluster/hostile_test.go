package cluster

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStrangersKeepNobodyOut: thousands of connections that say nothing, or begin and do not go on, while another node comes.
func TestStrangersKeepNobodyOut(t *testing.T) {
	s := NewSecret()
	a := open(t, newDir(t, s), calm)
	b := open(t, newDir(t, s), calm, seeds(a))
	_, e := a.listen("x")
	b.listen("x")
	whole(t, a, b)
	before := e.up(t, b.ID())

	stop := make(chan struct{})
	var crowd sync.WaitGroup
	for i := range 4 {
		crowd.Go(func() {
			var open []net.Conn
			defer func() {
				for _, c := range open {
					c.Close()
				}
			}()
			beginnings := []string{"", "\x16", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "\xf4", "\xf4\x20" + a.Cluster(), "\xf4\x20" + a.Cluster() + "\x0a\x00\x10"}
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.Dial("tcp", a.Addr())
				if err != nil {
					continue // the queue of the listener is full
				}
				_, _ = io.WriteString(c, beginnings[n%len(beginnings)])
				if open = append(open, c); len(open) > 400 {
					open[0].Close()
					open = open[1:]
				}
			}
		})
	}
	defer crowd.Wait()
	defer close(stop)
	eventually(t, 10*time.Second, func() bool { return a.strangers() >= maxStrangers })

	c := open(t, newDir(t, s), calm, seeds(a))
	whole(t, a, b, c)
	if n := a.strangers(); n > maxStrangers {
		t.Errorf("%d strangers are there, at most %d may be", n, maxStrangers)
	}
	if n := runtime.NumGoroutine(); n > 20*maxStrangers {
		t.Errorf("%d goroutines", n)
	}
	if !slices.Equal(e.from(b.ID()), before) {
		t.Error("the link that was there before broke")
	}
}

func (n *node) strangers() int {
	n.socket.crowd.mu.Lock()
	defer n.socket.crowd.mu.Unlock()
	return len(n.socket.crowd.list)
}

func TestOldestStrangerOfTheLargestCrowdGoes(t *testing.T) {
	t.Parallel()
	var d crowd
	defer d.close()
	come := func(from string) *stranger {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		return d.meet(elsewhere{near, from})
	}
	honest := come("192.0.2.1:1")
	var flood []*stranger
	for i := range 2 * maxStrangers {
		flood = append(flood, come(fmt.Sprint("192.0.2.2:", i)))
	}
	if len(d.list) != maxStrangers {
		t.Errorf("%d are there", len(d.list))
	}
	_ = honest.SetReadDeadline(time.Now())
	_ = flood[0].SetReadDeadline(time.Now())
	if _, err := honest.Conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("who came first, and alone, was sent away: %v", err)
	}
	if _, err := flood[0].Conn.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the first of many is still there: %v", err)
	}
	for _, s := range flood {
		s.Close()
	}
	if len(d.list) != 1 {
		t.Errorf("%d are left", len(d.list))
	}
}

// elsewhere is a connection that comes from some address.
type elsewhere struct {
	net.Conn
	from string
}

func (e elsewhere) RemoteAddr() net.Addr {
	addr, err := net.ResolveTCPAddr("tcp", e.from)
	if err != nil {
		panic(err)
	}
	return addr
}

// TestStreamWithoutKeyIsCutShort: memberlist would hold twenty megabytes of each before it looks whether the key is right.
func TestStreamWithoutKeyIsCutShort(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	c, err := net.Dial("tcp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	begin := append([]byte{firstOfLabel, byte(len(a.Cluster()))}, a.Cluster()...)
	begin = append(begin, 10) // encrypted
	begin = binary.BigEndian.AppendUint32(begin, 20<<20-1)
	sent, err := c.Write(begin)
	for chunk := make([]byte, 64<<10); err == nil && sent < 20<<20; {
		var n int
		n, err = c.Write(chunk)
		sent += n
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes were taken: %v", sent, err)
	}
}

// recorder passes on what goes to an address, and keeps it.
type recorder struct {
	net.Listener
	to string

	mu   sync.Mutex // guards said
	said [][]byte   // of each connection, what was sent to the address
}

func recordTo(t *testing.T, to string) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Listener: l, to: to}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { r.pass(c) })
		}
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	return r
}

func (r *recorder) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(from, to)
		from.Close()
	}()
	var said bytes.Buffer
	_, _ = io.Copy(to, io.TeeReader(from, &said))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, said.Bytes())
}

func (r *recorder) heard() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said
}

// TestReplayedHandshakeIsWorthNothing sends once more, byte for byte, what a node with the key has sent: probes, gossip and links.
func TestReplayedHandshakeIsWorthNothing(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	a := open(t, newDir(t, s), calm)
	between := recordTo(t, a.Addr())
	b := open(t, newDir(t, s), calm, func(o *Options) { o.Seeds = []string{between.Addr().String()} })
	whole(t, a, b)
	eventually(t, 5*time.Second, func() bool { return len(between.heard()) > 0 })
	_, e := a.listen("x")
	b.listen("x")
	before := e.up(t, b.ID())

	members := len(a.Members())
	for _, said := range between.heard() {
		c, err := net.Dial("tcp", a.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = c.Write(said)
		_ = c.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(c)
		c.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %d bytes sent again the connection stays", len(said))
		}
		for _, private := range []string{a.ID(), b.ID(), a.opts.Name, a.Addr()} {
			if bytes.Contains(answer, []byte(private)) {
				t.Errorf("the answer tells %q", private)
			}
		}
	}
	if len(a.Members()) != members || !slices.Equal(e.from(b.ID()), before) {
		t.Errorf("something changed: %d members, %q", len(a.Members()), e.from(b.ID()))
	}
}

// TestMadeUpNodesAreBounded: whoever has the key may say to be anybody, but not to be a thousand.
func TestMadeUpNodesAreBounded(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1]
	turnedAway := 0
	for range maxNodes + 20 {
		ks, err := loadKeys(a.dir)
		if err != nil {
			t.Fatal(err)
		}
		m := &Mesh{
			opts: Options{Timing: quick(), network: realNetwork{}}, id: randomHex(16), life: 1, keys: ks, protocols: spoken(),
			port: 1,
		}
		m.ip.set(net.IPv4(127, 0, 0, 1))
		g, err := m.greet(t.Context(), a.Addr(), false)
		var refused *refusedError
		if errors.As(err, &refused) && refused.kind == TooManyNodes {
			turnedAway++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		g.raw.Close()
	}
	if n := len(a.Members()); n > maxNodes+1 || turnedAway < 20 {
		t.Errorf("%d members, and %d were turned away", n, turnedAway)
	}
	if trouble := a.Trouble(); trouble.Kind != TooManyNodes || !strings.Contains(trouble.Text, "snug forget") {
		t.Errorf("told as %+v", trouble)
	}
	if a.see(b.ID()).State != Alive {
		t.Error("a true node is lost")
	}
	for _, m := range a.Members() {
		if m.State != Alive {
			if err := a.Forget(m.ID); err != nil && !errors.Is(err, ErrAlive) {
				t.Error(err)
			}
		}
	}
	eventually(t, 5*time.Second, func() bool { return a.Trouble().Kind == NoTrouble })
}

func TestRumoursAreBounded(t *testing.T) {
	t.Parallel()
	r := rumours{heard: map[string]time.Time{}}
	now := time.Now()
	for i := range maxNodes {
		if !r.believe(fmt.Sprint(i), now) {
			t.Fatalf("number %d is not believed", i)
		}
	}
	if r.believe("one more", now) || !r.believe("1", now.Add(rumour)) {
		t.Error("one too many is believed, or one that is known is not")
	}
	if !r.believe("one more", now.Add(rumour+1)) || len(r.heard) != 2 {
		t.Error("those that nobody speaks of any more take room")
	}
}

// TestGarbageAboutTheClusterIsCountedAndKeptNowhere: whoever has the key may say anything on the port where the nodes talk about secrets.
func TestGarbageAboutTheClusterIsCountedAndKeptNowhere(t *testing.T) {
	t.Parallel()
	log := &syncBuffer{}
	nodes := ring(t, 2, calm, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	a, b := nodes[0], nodes[1]
	said := func() record {
		a.mu.RLock()
		defer a.mu.RUnlock()
		return *a.records[b.ID()]
	}
	eventually(t, 5*time.Second, func() bool { return said().newest != "" })
	before, held := said(), a.Mesh.status()

	of := func(k key) status {
		return status{Keys: saveKeys([]key{k}), Newest: k.id(), Primary: k.id()}
	}
	mine, _ := a.keys.held()
	next := key{gen: mine[0].gen + 1, secret: NewSecret()}
	other := next.id()
	change := func(f func(*status)) status {
		s := of(next)
		f(&s)
		return s
	}
	huge := strings.Repeat("0", 900<<10)
	var frames [][]byte
	for _, s := range []status{
		{},
		{Newest: huge, Primary: huge},
		{Newest: other, Primary: other},
		{Forget: huge},
		{Forget: b.ID()[1:] + "G"},
		change(func(s *status) { s.Forget = strings.Repeat("0", idDigits) }),
		{Forget: strings.Repeat("0", idDigits), Ails: DiskFull},
		change(func(s *status) { s.Ails = "<b>" }),
		change(func(s *status) { s.Ails = TroubleKind(strings.Repeat("x", maxKind+1)) }),
		change(func(s *status) { s.Newest = "" }),
		change(func(s *status) { s.Primary = NewSecret().id() }),
		change(func(s *status) { s.Newest = strings.ToUpper(s.Newest) + "x" }),
		change(func(s *status) { s.Keys[0].Secret = s.Keys[0].Secret[2:] }),
		change(func(s *status) { s.Keys = slices.Repeat(s.Keys, maxKeys+1) }),
		of(key{gen: next.gen}), // all zeros
		of(key{gen: mine[0].gen + maxAhead + 1, secret: next.secret}),
		of(key{gen: math.MaxUint64, secret: next.secret}),
	} {
		frame, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, frame)
	}
	for _, text := range []string{"", "no frame", "null", "[]", `{"keys":{}}`, `{"forget":7}`, "[" + huge} {
		frames = append(frames, []byte(text))
	}
	for range 5000 {
		frames = append(frames, []byte("x"))
	}
	for _, frame := range frames {
		controlHandler{a.Mesh}.Received(b.ID(), frame)
	}
	if n := a.see(b.ID()).FramesBad; n != uint64(len(frames)) {
		t.Errorf("%d frames are counted, want %d", n, len(frames))
	}
	if now := said(); now.newest != before.newest || now.primary != before.primary {
		t.Errorf("the newest key that it has is %.40q now, and it uses %.40q", now.newest, now.primary)
	}
	if now := a.Mesh.status(); !reflect.DeepEqual(now, held) {
		t.Error("the keys are other ones")
	}
	const line = "cannot be understood"
	eventually(t, 5*time.Second, func() bool { return strings.Contains(log.String(), line) })
	a.Close() // so that all is written
	if n := strings.Count(log.String(), line); n != 1 {
		t.Errorf("%d lines of the log, want one", n)
	}
	peers, err := os.ReadFile(filepath.Join(a.dir, peersFile))
	if err != nil || len(peers) > 1000 {
		t.Errorf("the list of peers has %d bytes, %v", len(peers), err)
	}
}
