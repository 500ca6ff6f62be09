package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/layer/mesh"
)

func TestNodesFindOneAnother(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3, calm)
	for _, a := range nodes {
		list := a.Members()
		if len(list) != 3 || !list[0].Self {
			t.Fatalf("members are %+v", list)
		}
		for _, b := range nodes {
			if m := a.see(b.ID()); m.Name != b.opts.Name || m.Addr != b.Addr() || m.Version != "1" || m.Trouble.Kind != NoTrouble {
				t.Errorf("seen as %+v", m)
			}
		}
	}
	eventually(t, 5*time.Second, func() bool { return nodes[0].see(nodes[1].ID()).RTT > 0 })
	if d := nodes[0].see(nodes[1].ID()).ClockDiff; d.Abs() > time.Second {
		t.Errorf("clock differs by %s", d)
	}
}

func TestFramesArriveInOrder(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2, calm)
	pa, _ := nodes[0].listen("x")
	_, eb := nodes[1].listen("x")
	eventually(t, 5*time.Second, func() bool { return len(pa.Peers()) == 1 })
	const n = 20000
	for i := range n {
		for pa.Send(nodes[1].ID(), []byte(strconv.Itoa(i))) != nil {
			t.Fatal("not sent")
		}
		if i%1000 == 0 { // a queue holds so many, not all
			eventually(t, 5*time.Second, func() bool { return len(eb.from(nodes[0].ID())) > i })
		}
	}
	eventually(t, 10*time.Second, func() bool { return len(eb.from(nodes[0].ID())) == n+1 })
	got := eb.from(nodes[0].ID())
	if got[0] != "up" {
		t.Fatalf("first call is %q", got[0])
	}
	for i := range n {
		if got[i+1] != strconv.Itoa(i) {
			t.Fatalf("frame %d is %q", i, got[i+1])
		}
	}
}

func TestUpComesWhenBothHaveJoined(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2, calm)
	a, b := nodes[0], nodes[1]
	pa, ea := a.listen("x")
	if err := pa.Send(b.ID(), []byte("early")); !errors.Is(err, mesh.ErrNoPeer) {
		t.Fatalf("send without the other's port: %v", err)
	}
	e := newEar()
	pb := b.Port("x")
	leave := pb.Join(e)
	eventually(t, 5*time.Second, func() bool { return len(ea.from(b.ID())) == 1 && len(e.from(a.ID())) == 1 })
	if err := pb.Send(a.ID(), []byte("hi")); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return len(ea.from(b.ID())) == 2 })
	leave()
	eventually(t, 5*time.Second, func() bool { return slices.Equal(ea.from(b.ID()), []string{"up", "hi", "down"}) })
	leave = pb.Join(e)
	defer leave()
	eventually(t, 5*time.Second, func() bool { return slices.Equal(ea.from(b.ID()), []string{"up", "hi", "down", "up"}) })
}

func TestUnknownPeersAndLargeFramesAreRefused(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2, calm)
	p, _ := nodes[0].listen("x")
	_, e := nodes[1].listen("x")
	if err := p.Send(strings.Repeat("0", 32), nil); !errors.Is(err, mesh.ErrNoPeer) {
		t.Error(err)
	}
	if err := p.Send(nodes[1].ID(), make([]byte, mesh.MaxFrame+1)); !errors.Is(err, mesh.ErrFrameTooLarge) {
		t.Error(err)
	}
	eventually(t, 5*time.Second, func() bool { return len(p.Peers()) == 1 })
	if err := p.Send(nodes[1].ID(), make([]byte, mesh.MaxFrame)); err != nil {
		t.Error(err)
	}
	eventually(t, 5*time.Second, func() bool { return len(e.from(nodes[0].ID())) == 2 })
}

func TestLeaveIsToldApartFromDying(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	pb, _ := b.listen("x")
	c.listen("x")
	_, e := a.listen("x")
	eventually(t, 5*time.Second, func() bool {
		return e.last(b.ID()) == "up" && e.last(c.ID()) == "up" && slices.Contains(pb.Peers(), a.ID()) // each side learns of it by itself
	})
	for range 100 { // the goodbye goes behind what waits
		if err := pb.Send(a.ID(), []byte("last words")); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if me := b.Members()[0]; me.State != Left || me.Since.Before(began) {
		t.Errorf("who has left says of itself %+v", me)
	}
	for _, m := range b.Members()[1:] { // it hears of nobody any more
		if m.Name == "" || m.State != Unknown || m.Trouble.Kind != NoTrouble || !m.Since.IsZero() {
			t.Errorf("who has left says of another node %+v", m)
		}
	}
	b.Close()
	eventually(t, 5*time.Second, func() bool { return a.see(b.ID()).State == Left && e.last(b.ID()) == "down" })
	if n := e.count(b.ID(), "last words"); n != 100 {
		t.Errorf("%d of 100 frames came before the goodbye", n)
	}
	never(t, time.Second, func() bool { return a.see(b.ID()).State != Left || a.see(b.ID()).Trouble.Kind != NoTrouble })
	c.Close()
	eventually(t, 5*time.Second, func() bool { return a.see(c.ID()).State == Dead && e.last(c.ID()) == "down" })
}

func TestReturnWithAnotherPort(t *testing.T) {
	t.Parallel()
	for _, who := range []int{0, 2} { // the lowest id, which dials, and the highest
		t.Run(fmt.Sprint(who), func(t *testing.T) {
			t.Parallel()
			nodes := ring(t, 3)
			back := nodes[who]
			back.Close() // no goodbye
			again := open(t, back.dir)
			if again.ID() != back.ID() || again.Addr() == back.Addr() {
				t.Fatal("not the same node at another address")
			}
			nodes[who] = again
			whole(t, nodes...)
		})
	}
}

func TestCutLongerThanTheMemoryOfGossipHeals(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3, alert)
	a, b, c := nodes[0], nodes[1], nodes[2]
	_, e := a.listen("x")
	c.listen("x")
	e.up(t, c.ID())
	cut(a, b)
	cut(a, c)
	eventually(t, 15*time.Second, func() bool {
		return a.see(b.ID()).State == Dead && b.see(a.ID()).State == Dead && c.see(a.ID()).State == Dead && e.last(c.ID()) == "down"
	})
	// Until memberlist has forgotten the node: then it says nothing to it any more.
	never(t, 7*time.Second, func() bool { return a.see(b.ID()).State == Alive })
	eventually(t, 5*time.Second, func() bool { return a.see(b.ID()).Trouble.Kind == PortClosed })
	heal(a, b)
	heal(a, c)
	whole(t, nodes...)
	e.up(t, c.ID())
}

func TestShortAbsenceIsNoTrouble(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	log, quickLog := &syncBuffer{}, &syncBuffer{}
	to := func(b *syncBuffer) func(*Options) {
		return func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(b, nil)) }
	}
	patient := func(o *Options) { o.Timing.Short = time.Hour } // whatever the machine does meanwhile
	a := open(t, newDir(t, s), patient, to(log))
	b := open(t, newDir(t, s), seeds(a))
	quick := open(t, newDir(t, s), seeds(a), to(quickLog))
	whole(t, a, b, quick)
	b.Close()
	eventually(t, 5*time.Second, func() bool { return a.see(b.ID()).State != Alive })
	eventually(t, 5*time.Second, func() bool { // it was called, and nobody was there
		a.mu.RLock()
		defer a.mu.RUnlock()
		return !a.records[b.ID()].failing.IsZero()
	})
	b = open(t, b.dir, patient, to(log)) // at another port, where the others do not expect it
	whole(t, a, b, quick)
	for _, kind := range []TroubleKind{PortClosed, AddressConflict} {
		if strings.Contains(log.String(), string(kind)) {
			t.Errorf("%s is told of:\n%s", kind, log)
		}
	}
	b.Close() // for good
	eventually(t, 15*time.Second, func() bool { return strings.Contains(quickLog.String(), string(PortClosed)) })
}

func TestAnotherAddressIsToldOfOnceItLasts(t *testing.T) {
	t.Parallel()
	a := ring(t, 2)[0]
	a.mu.Lock()
	hear := func(ago time.Duration) TroubleKind {
		a.expectedLocked(news{kind: newsConflict, id: a.ID(), other: "127.0.0.1:1", at: time.Now().Add(-ago)})
		return a.conflict.Kind
	}
	before, after := hear(10*quick().Short), hear(0)
	a.mu.Unlock()
	if before != NoTrouble || after != AddressConflict {
		t.Errorf("trouble is %q when it is heard, want none, and %q when it lasts", before, after)
	}
	eventually(t, 15*time.Second, func() bool { return a.see(a.ID()).Trouble.Kind == NoTrouble }) // once it is not heard any more
}

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (b *syncBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestShortBreakIsUpWithoutDown(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2, calm)
	a, b := nodes[0], nodes[1]
	_, e := a.listen("x")
	b.listen("x")
	before := e.up(t, b.ID())
	a.linkTo(b).close(errors.New("test"))
	eventually(t, 5*time.Second, func() bool { return len(e.from(b.ID())) > len(before) })
	if got := e.from(b.ID()); !slices.Equal(got, append(before, "up")) {
		t.Errorf("for a short break is heard: %q", got[len(before):])
	}
}

func TestFrozenReceiverDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3, calm)
	a, frozen, c := nodes[0], nodes[1], nodes[2]
	pa, _ := a.listen("x")
	qa, _ := a.listen("y")
	e := newEar()
	e.block = make(chan struct{})
	leave := frozen.Port("x").Join(e)
	_, ey := frozen.listen("y")
	_, ec := c.listen("x")
	eventually(t, 5*time.Second, func() bool { return len(pa.Peers()) == 2 && len(qa.Peers()) == 1 })

	// More than window and buffers hold, less than the queue: the link stays, and its other port goes on.
	frame := make([]byte, 64<<10)
	for range 60 {
		if err := pa.Send(frozen.ID(), frame); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if err := qa.Send(frozen.ID(), []byte("y")); err != nil {
			t.Fatal(err)
		}
		if err := pa.Send(c.ID(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 2*time.Second, func() bool { return ey.count(a.ID(), "y") == 20 && ec.count(a.ID(), "x") == 20 })
	if n := a.see(frozen.ID()).QueuedBytes; n == 0 {
		t.Error("nothing waits")
	}
	never(t, time.Second, func() bool { return a.see(frozen.ID()).State != Alive })

	// More than the queue holds.
	upsX, upsY := e.count(a.ID(), "up"), ey.count(a.ID(), "up")
	var err error
	for range 200 {
		if err = pa.Send(frozen.ID(), frame); err != nil {
			break
		}
	}
	if !errors.Is(err, mesh.ErrBacklog) {
		t.Fatalf("overflow: %v", err)
	}
	eventually(t, 5*time.Second, func() bool { return ey.count(a.ID(), "up") > upsY })
	close(e.block)
	eventually(t, 5*time.Second, func() bool { return e.count(a.ID(), "up") > upsX })
	leave()
}

func TestFrozenProcessIsDropped(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3, func(o *Options) { o.Timing.Handshake = 2 * time.Second }) // those under way when the network heals must end
	a, b, c := nodes[0], nodes[1], nodes[2]
	pa, _ := a.listen("x")
	b.listen("x")
	_, ec := c.listen("x")
	eventually(t, 5*time.Second, func() bool { return len(pa.Peers()) == 2 })
	cut(a, b) // what it sends is swallowed, what it gets is too: as if it stood still
	for i := range 50 {
		_ = pa.Send(b.ID(), make([]byte, 100<<10)) // fails when the link is given up
		if err := pa.Send(c.ID(), []byte(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 5*time.Second, func() bool {
		got := slices.DeleteFunc(ec.from(a.ID()), func(heard string) bool { return heard == "up" })
		return len(got) == 50
	})
	eventually(t, 15*time.Second, func() bool { return !slices.Contains(pa.Peers(), b.ID()) })
	heal(a, b)
	whole(t, nodes...)
}

// A disk that fails for a while must not make a node forget whom it has met meanwhile.
func TestPeersAreSavedWhenTheDiskTakesThemAgain(t *testing.T) {
	t.Parallel()
	said := &syncBuffer{}
	secret := NewSecret()
	a := open(t, newDir(t, secret), func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(said, nil)) })
	file := filepath.Join(a.dir, peersFile)
	if err := errors.Join(os.RemoveAll(file), os.MkdirAll(filepath.Join(file, "in the way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	b := open(t, newDir(t, secret), seeds(a))
	whole(t, a, b)
	const line = "cannot save the addresses"
	eventually(t, 5*time.Second, func() bool { return strings.Contains(said.String(), line) })
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool {
		data, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(data), b.ID())
	})
	a.Close()
	if k := strings.Count(said.String(), line); k != 1 {
		t.Errorf("the log says it %d times, want once:\n%s", k, said)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	if err := a.Forget(c.ID()); !errors.Is(err, ErrAlive) {
		t.Fatal(err)
	}
	c.Close()
	eventually(t, 10*time.Second, func() bool { return a.see(c.ID()).State == Dead && b.see(c.ID()).State == Dead })
	eventually(t, 5*time.Second, func() bool { return a.Forget(c.ID()) == nil })
	eventually(t, 5*time.Second, func() bool { return a.see(c.ID()).ID == "" && b.see(c.ID()).ID == "" })
	if err := a.Forget(c.ID()); !errors.Is(err, ErrUnknown) {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(a.dir, peersFile))
	if err != nil || strings.Contains(string(data), c.ID()) {
		t.Errorf("peers.json: %s, %v", data, err)
	}
	back := open(t, c.dir)
	whole(t, a, b, back)
}

func TestCloseTwiceAndAfterLeave(t *testing.T) {
	t.Parallel()
	n := open(t, newDir(t, NewSecret()))
	if err := n.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.Close(), n.Close()); err != nil {
		t.Fatal(err)
	}
	if err := n.Leave(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestLinkWhenOnlyOneCanDial(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1] // a dials
	a.faults.mu.Lock()
	a.faults.noTCP = true
	a.faults.mu.Unlock()
	first := a.linkTo(b)
	first.close(errors.New("test"))
	eventually(t, 15*time.Second, func() bool {
		l := a.linkTo(b)
		return l != nil && l != first && a.see(b.ID()).State == Alive && b.see(a.ID()).State == Alive
	})
}

// The times of TestReturnWithAnotherPort are short; this holds the real ones to what is promised.
func TestReturnElsewhereWithinFifteenSeconds(t *testing.T) {
	t.Parallel()
	real := func(o *Options) { o.Timing = Timing{} }
	nodes := ring(t, 3, real)
	back := nodes[1]
	back.Close()
	start := time.Now()
	nodes[1] = open(t, back.dir, real)
	whole(t, nodes...)
	t.Logf("a member again after %s", time.Since(start))
}

func TestPeerThatDropsLinksIsDialledLessAndLess(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1]
	_, e := a.listen("x")
	b.listen("x")
	end := time.Now().Add(2 * time.Second)
	eventually(t, 5*time.Second, func() bool {
		if l := b.linkTo(a); l != nil {
			l.close(errors.New("test"))
		}
		return time.Now().After(end)
	})
	if n := e.count(b.ID(), "up"); n > 40 {
		t.Errorf("%d links in 2 s", n)
	}
	whole(t, a, b)
}
