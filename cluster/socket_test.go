package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"
)

// gossipOver is a transport as memberlist has it.
func gossipOver(t *testing.T, nw network) *transport {
	t.Helper()
	tcp, udp, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newSocket(tcp, udp, nw, slog.New(slog.DiscardHandler), time.Hour, nil)
	s.start()
	t.Cleanup(s.close)
	return s.attach(t.Context(), net.IPv4(127, 0, 0, 1), s.port())
}

// silent is the address of somebody who takes connections and says nothing. It tells of each.
func silent(t *testing.T) (addr string, taken <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan struct{}, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			calls <- struct{}{}
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return l.Addr().String(), calls
}

// within is what somebody else's goroutine comes to, once it is done.
func within[T any](t *testing.T, limit time.Duration, done <-chan T) T {
	t.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	select {
	case v := <-done:
		return v
	case <-end.C:
		t.Fatalf("not within %s", limit)
		panic("unreachable")
	}
}

// watched tells of each dial.
type watched struct {
	network
	begun chan struct{}
}

func (w watched) dial(ctx context.Context, addr string) (net.Conn, error) {
	w.begun <- struct{}{}
	return w.network.dial(ctx, addr)
}

// endsDial has a dial that nobody answers, which would take an hour, end with the transport.
func endsDial(t *testing.T, nw network, addr string) {
	t.Helper()
	w := watched{nw, make(chan struct{})}
	g := gossipOver(t, w)
	failed := make(chan error, 1)
	go func() {
		_, err := g.DialTimeout(addr, time.Hour)
		failed <- err
	}()
	within(t, 10*time.Second, w.begun)
	if err := g.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if err := within(t, 10*time.Second, failed); err == nil {
		t.Error("somebody has answered")
	}
}

func TestDialOfGossipEndsWithIt(t *testing.T) {
	t.Parallel()
	endsDial(t, &faults{noTCP: true}, "127.0.0.1:1")
}

func TestExchangesOfGossipEndWithIt(t *testing.T) {
	t.Parallel()
	g := gossipOver(t, realNetwork{})
	addr, _ := silent(t)
	ours, err := g.DialTimeout(addr, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	var d net.Dialer
	caller, err := d.DialContext(t.Context(), "tcp", g.socket.tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	if _, err := caller.Write([]byte{firstOfLabel}); err != nil {
		t.Fatal(err)
	}
	theirs := within(t, 10*time.Second, g.StreamCh())
	defer theirs.Close()
	if _, err := theirs.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}

	ended := make(chan error, 2)
	for _, c := range []net.Conn{ours, theirs} {
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
	}
	if err := g.Shutdown(); err != nil {
		t.Fatal(err)
	}
	for range cap(ended) {
		if err := within(t, 10*time.Second, ended); !errors.Is(err, net.ErrClosed) {
			t.Errorf("an exchange under way ends with %v", err)
		}
	}
	if c, err := g.DialTimeout(addr, time.Hour); err == nil {
		c.Close()
		t.Error("memberlist dials after its end")
	}
}

// detour has what gossip dials, which may take an hour, arrive at some other address.
type detour struct {
	realNetwork
	to string
}

func (d detour) dial(ctx context.Context, addr string) (net.Conn, error) {
	if end, _ := ctx.Deadline(); time.Until(end) > time.Minute {
		addr = d.to
	}
	return d.realNetwork.dial(ctx, addr)
}

// TestCloseDoesNotWaitForGossip: a node that joins somebody waits for all that he knows.
func TestCloseDoesNotWaitForGossip(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	addr, taken := silent(t)
	a := open(t, newDir(t, s), calm)
	b := open(t, newDir(t, s), calm, seeds(a), func(o *Options) { o.Timing.Stream, o.network = time.Hour, detour{to: addr} })
	within(t, 10*time.Second, taken)
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	if err := within(t, 10*time.Second, closed); err != nil {
		t.Error(err)
	}
}
