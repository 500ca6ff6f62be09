package layer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer"
	"snug/layer/layertest"
	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

func TestGossipKeepsAllRulesAlone(t *testing.T) {
	layertest.Run(t, func(t testing.TB, opts layer.Options) layertest.Layer {
		node := meshtest.New(t, 1).Node(meshtest.ID(1))
		return layer.NewGossip(layer.NewMemory(opts), node.Port("layer"))
	})
}

func openPair(t testing.TB, opts layer.Options) layertest.Layer {
	net := meshtest.New(t, 1)
	one, two := net.Node(meshtest.ID(1)), net.Node(meshtest.ID(2))
	p := layertest.Pair(
		layer.NewGossip(layer.NewMemory(layer.Options{}), one.Port("layer")),
		layer.NewGossip(layer.NewMemory(opts), two.Port("layer")),
	)
	for !net.Linked(one.ID(), two.ID()) {
		time.Sleep(time.Millisecond)
	}
	return p
}

func TestGossipKeepsAllRulesBetweenNodes(t *testing.T) { layertest.Run(t, openPair) }

// counted is a port that counts the frames with messages that leave through it.
type counted struct {
	mesh.Port
	mu     sync.Mutex
	frames map[string]int // by peer
}

func (c *counted) Send(peer string, frame []byte) error {
	if len(frame) > 0 && frame[0] >= mesh.RestKind {
		c.mu.Lock()
		c.frames[peer]++
		c.mu.Unlock()
	}
	return c.Port.Send(peer, frame)
}

// take returns the frames that went to a peer since it was asked last.
func (c *counted) take(peer string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.frames[peer]
	delete(c.frames, peer)
	return n
}

// world is a few nodes in a bubble.
type world struct {
	*testing.T
	net   *meshtest.Net
	nodes []*layer.Gossip
	ports []*counted
}

// nodes runs a test with that many nodes, all linked.
func nodes(t *testing.T, n int, opts layer.Options, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, net: meshtest.New(t, 1), nodes: make([]*layer.Gossip, n), ports: make([]*counted, n)}
		for i := range n {
			w.start(i, opts)
		}
		time.Sleep(time.Second)
		test(w)
		for _, g := range w.nodes {
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// start makes a node, or makes it anew after a crash.
func (w *world) start(i int, opts layer.Options) {
	node := w.net.Node(meshtest.ID(i))
	w.ports[i] = &counted{Port: node.Port("layer"), frames: make(map[string]int)}
	w.nodes[i] = layer.NewGossip(layer.NewMemory(opts), w.ports[i])
}

// pass lets everything that is under way arrive.
func pass() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// wantError checks that an error is what it should be.
func (w *world) wantError(what string, got, want error) {
	w.Helper()
	if !errors.Is(got, want) {
		w.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func (w *world) add(node int, group string, channels ...string) {
	w.Helper()
	for _, c := range channels {
		w.check(w.nodes[node].GroupAdd(w.Context(), group, c))
	}
}

func (w *world) groupSend(node int, group string, numbers ...int) {
	w.Helper()
	for _, n := range numbers {
		w.check(w.nodes[node].GroupSend(w.Context(), group, number(w, n)))
	}
}

// listen has new notes listen to a channel of a node.
func (w *world) listen(node int, channel string) *notes {
	w.Helper()
	l := &notes{}
	_, err := w.nodes[node].Listen(channel, l)
	w.check(err)
	return l
}

func (w *world) newChannel(node int) string {
	w.Helper()
	name, err := w.nodes[node].NewChannel(w.Context(), "socket")
	w.check(err)
	return name
}

// notes is a listener that keeps the numbers of its messages.
type notes struct {
	mu      sync.Mutex
	numbers []int
	room    int // how many it takes, if not 0
	full    int
}

func (l *notes) Deliver(m *layer.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.room > 0 && len(l.numbers) == l.room {
		return layer.ErrChannelFull
	}
	var v struct{ N int }
	if err := m.Decode(&v); err != nil {
		return err
	}
	l.numbers = append(l.numbers, v.N)
	return nil
}

func (l *notes) Full() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full++
}

// want checks which messages came since it was asked last.
func (l *notes) want(t testing.TB, numbers ...int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.numbers, numbers) {
		t.Errorf("the listener got %v, want %v", l.numbers, numbers)
	}
	l.numbers = nil
}

func number(t testing.TB, n int) *layer.Message {
	t.Helper()
	m, err := layer.NewMessage(map[string]any{"type": "number", "n": n})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGroupMessageCrossesOnceToEachNodeWithMembers(t *testing.T) {
	nodes(t, 4, layer.Options{}, func(w *world) {
		var logs []*notes
		for node, members := range []int{2, 3, 1, 0} {
			for i := range members {
				channel := fmt.Sprintf("socket!%d", i)
				logs = append(logs, w.listen(node, channel))
				w.add(node, "room", channel)
			}
		}
		w.add(3, "other", "socket")
		pass()

		w.groupSend(0, "room", 1)
		pass()
		for _, l := range logs {
			l.want(w, 1)
		}
		for from, port := range w.ports {
			for to := range w.nodes {
				want := 0
				if from == 0 && (to == 1 || to == 2) {
					want = 1
				}
				if got := port.take(meshtest.ID(to)); got != want {
					w.Errorf("%d frames from node %d to node %d, want %d", got, from, to, want)
				}
			}
		}
		// And from a node without members.
		w.groupSend(3, "room", 2, 3)
		pass()
		for _, l := range logs {
			l.want(w, 2, 3)
		}
		for to, want := range []int{2, 2, 2, 0} {
			if got := w.ports[3].take(meshtest.ID(to)); got != want {
				w.Errorf("%d frames to node %d, want %d", got, to, want)
			}
		}
		if st := w.nodes[3].Traffic(); st != (layer.Traffic{Sent: 6}) {
			w.Errorf("traffic %+v, want 6 frames sent", st)
		}
		if st := w.nodes[1].Traffic(); st != (layer.Traffic{Received: 3}) {
			w.Errorf("traffic %+v, want 3 frames received", st)
		}
	})
}

func TestNothingCrossesWhenTheLastMemberOfANodeIsGone(t *testing.T) {
	for what, leave := range map[string]func(w *world, stop func()){
		"discarded":         func(w *world, _ func()) { w.check(w.nodes[1].GroupDiscard(w.Context(), "room", "line")) },
		"stopped to listen": func(_ *world, stop func()) { stop() },
		"flushed":           func(w *world, _ func()) { w.check(w.nodes[1].Flush(w.Context())) },
		"expired":           func(*world, func()) { time.Sleep(time.Hour + time.Minute) },
		"closed":            func(w *world, _ func()) { w.check(w.nodes[1].Close()) },
	} {
		t.Run(what, func(t *testing.T) {
			nodes(t, 2, layer.Options{GroupExpiry: time.Hour}, func(w *world) {
				stop, err := w.nodes[1].Listen("line", &notes{})
				w.check(err)
				w.add(1, "room", "line")
				pass()
				if got := w.nodes[0].Nodes("room"); !slices.Equal(got, []string{meshtest.ID(1)}) {
					w.Errorf("nodes of the room are %q, want the other one", got)
				}
				w.groupSend(0, "room", 1)
				leave(w, stop)
				pass()
				if got := w.nodes[0].Nodes("room"); len(got) > 0 {
					w.Errorf("nodes of the room are %q, want none", got)
				}
				w.groupSend(0, "room", 2)
				if got := w.ports[0].take(meshtest.ID(1)); got != 1 {
					w.Errorf("%d frames crossed, want the one from before", got)
				}
			})
		})
	}
}

func TestGossipGoesOnFromWhatTheMemoryHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := meshtest.New(t, 1)
		ctx := t.Context()
		var two [2]*layer.Gossip
		for i := range two {
			m := layer.NewMemory(layer.Options{})
			if err := m.GroupAdd(ctx, "room", "line"); err != nil {
				t.Fatal(err)
			}
			node := net.Node(meshtest.ID(i))
			two[i] = layer.NewGossip(m, node.Port("layer"))
			defer two[i].Close()
		}
		time.Sleep(time.Second)
		if err := two[0].GroupSend(ctx, "room", hello(t)); err != nil {
			t.Fatal(err)
		}
		for i := range two {
			if _, err := two[i].Receive(ctx, "line"); err != nil {
				t.Error(err)
			}
			if got, want := two[i].Nodes("room"), []string{meshtest.ID(i), meshtest.ID(1 - i)}; !slices.Equal(got, want) {
				t.Errorf("nodes of the room are %q, want %q", got, want)
			}
		}
	})
}

func TestLocalLayerStaysOnTheNode(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		here, there := w.listen(0, "line"), w.listen(1, "line")
		// Who joins through the local layer is a member for all.
		w.check(w.nodes[0].Local().GroupAdd(w.Context(), "room", "line"))
		w.check(w.nodes[1].Local().GroupAdd(w.Context(), "room", "line"))
		pass()
		w.check(w.nodes[0].Local().GroupSend(w.Context(), "room", number(w, 1)))
		pass()
		here.want(w, 1)
		there.want(w)
		w.groupSend(0, "room", 2)
		pass()
		here.want(w, 2)
		there.want(w, 2)
	})
}

func TestFlushForgetsOwnNodeOnly(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		w.add(0, "room", "line")
		w.add(1, "room", "line")
		pass()
		w.groupSend(0, "room", 1)
		pass()
		w.check(w.nodes[0].Flush(w.Context()))
		w.groupSend(0, "room", 2)
		pass()
		if st := w.nodes[0].Stats(); st != (layer.Stats{}) {
			w.Errorf("the flushed node holds %+v, want nothing", st)
		}
		if st := w.nodes[1].Stats(); st.Messages != 2 || st.Members != 1 {
			w.Errorf("the other node holds %+v, want a member with two messages", st)
		}
	})
}

func TestPlainChannelsAreOfEachNode(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		here, there := w.listen(0, "line"), w.listen(1, "line")
		w.check(w.nodes[0].Send(w.Context(), "line", number(w, 1)))
		pass()
		here.want(w, 1)
		there.want(w)
	})
}

func TestSendReachesChannelOfAnotherNode(t *testing.T) {
	nodes(t, 3, layer.Options{}, func(w *world) {
		channel := w.newChannel(1)
		if want := "socket!" + meshtest.ID(1) + "."; !strings.HasPrefix(channel, want) {
			w.Errorf("new channel %q, want it to begin with %q", channel, want)
		}
		l := w.listen(1, channel)
		w.check(w.nodes[0].Send(w.Context(), channel, number(w, 1)))
		pass()
		w.check(w.nodes[2].Send(w.Context(), channel, number(w, 2)))
		pass()
		w.check(w.nodes[1].Send(w.Context(), channel, number(w, 3)))
		l.want(w, 1, 2, 3)
		if got := w.ports[0].take(meshtest.ID(1)) + w.ports[2].take(meshtest.ID(1)); got != 2 {
			w.Errorf("%d frames crossed, want 2", got)
		}
		// Without a listener it waits there.
		channel = w.newChannel(1)
		w.check(w.nodes[0].Send(w.Context(), channel, number(w, 4)))
		m, err := w.nodes[1].Receive(w.Context(), channel)
		w.check(err)
		if got := string(m.Bytes()); got != `{"n":4,"type":"number"}` {
			w.Errorf("message %s, want what was sent", got)
		}
	})
}

func TestSendCannotKnowThatAChannelElsewhereIsFull(t *testing.T) {
	var (
		mu   sync.Mutex
		told []string
	)
	opts := layer.Options{Capacity: 2, OnFull: func(channel string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, channel)
	}}
	nodes(t, 2, opts, func(w *world) {
		queue, ear := w.newChannel(1), w.newChannel(1)
		l := &notes{room: 2}
		_, err := w.nodes[1].Listen(ear, l)
		w.check(err)
		for n := range 5 {
			w.check(w.nodes[0].Send(w.Context(), queue, number(w, n)))
			w.check(w.nodes[0].Send(w.Context(), ear, number(w, n)))
		}
		pass()
		l.want(w, 0, 1)
		if st := w.nodes[1].Stats(); l.full != 3 || st.Dropped != 6 || st.Messages != 2 {
			w.Errorf("the listener was told %d times and the node counts %+v; want 3, and 6 dropped", l.full, st)
		}
		mu.Lock()
		defer mu.Unlock()
		if want := []string{queue, queue, queue}; !slices.Equal(told, want) {
			w.Errorf("told of %q, want %q", told, want)
		}
		if st := w.nodes[0].Stats(); st.Dropped != 0 {
			w.Errorf("the sender counts %d as dropped, want none", st.Dropped)
		}
	})
}

// deaf is a listener that takes nothing any more.
type deaf struct{ notes }

func (*deaf) Deliver(*layer.Message) error { return errors.New("gone") }

func TestMessageForAGoneListenerElsewhereIsCounted(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		channel := w.newChannel(1)
		l := &deaf{}
		_, err := w.nodes[1].Listen(channel, l)
		w.check(err)
		w.check(w.nodes[0].Send(w.Context(), channel, number(w, 1)))
		pass()
		if st := w.nodes[1].Stats(); st.Dropped != 1 || l.full != 0 {
			w.Errorf("%d are counted as dropped and the listener was told %d times, want 1 and 0", st.Dropped, l.full)
		}
	})
}

func TestSendToNodeOutOfReach(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		channel := w.newChannel(1)
		stranger := "socket!" + meshtest.ID(9) + ".x"
		w.wantError("send to a node that never was", w.nodes[0].Send(w.Context(), stranger, hello(w)), layer.ErrUnreachable)
		w.net.Crash(meshtest.ID(1))
		err := w.nodes[0].Send(w.Context(), channel, hello(w))
		w.wantError("send to a dead node", err, layer.ErrUnreachable)
		w.wantError("send to a dead node", err, mesh.ErrNoPeer)
		if got := w.nodes[0].Traffic().Lost; got != 2 {
			w.Errorf("%d frames are counted as lost, want 2", got)
		}
	})
}

func TestChannelsElsewhereCanOnlyBeSentTo(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		ctx, channel := w.Context(), w.newChannel(1)
		g := w.nodes[0]
		refused := func(want error) {
			_, err := g.Receive(ctx, channel)
			w.wantError("receive", err, want)
			w.wantError("add", g.GroupAdd(ctx, "room", channel), want)
			w.wantError("discard", g.GroupDiscard(ctx, "room", channel), want)
		}
		refused(layer.ErrElsewhere)
		_, err := g.Listen(channel, &notes{})
		w.wantError("listen", err, layer.ErrElsewhere)
		w.wantError("send nothing", g.Send(ctx, channel, nil), layer.ErrMessage)
		if st := g.Stats(); st != (layer.Stats{}) {
			w.Errorf("what was refused left %+v behind", st)
		}
		w.check(g.Close())
		refused(layer.ErrClosed)
		_, err = g.Listen(channel, &notes{})
		w.wantError("listen", err, layer.ErrClosed)
		w.wantError("send", g.Send(ctx, channel, hello(w)), layer.ErrClosed)
	})
}

func TestLargestMessageCrosses(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		group, channel := strings.Repeat("g", layer.MaxName), w.newChannel(1)
		w.add(1, group, channel)
		pass()
		frame := `{"type":"x","t":""}`
		body := strings.Replace(frame, `""`, `"`+strings.Repeat("x", layer.MaxMessage-len(frame))+`"`, 1)
		m, err := layer.ParseMessage([]byte(body))
		w.check(err)
		w.check(w.nodes[0].GroupSend(w.Context(), group, m))
		w.check(w.nodes[0].Send(w.Context(), channel, m))
		for range 2 {
			got, err := w.nodes[1].Receive(w.Context(), channel)
			w.check(err)
			if string(got.Bytes()) != body {
				w.Error("the message changed on its way")
			}
		}
	})
}

func TestOrderIsKeptBetweenNodes(t *testing.T) {
	const messages = 300
	nodes(t, 3, layer.Options{}, func(w *world) {
		channel := w.newChannel(1)
		l := w.listen(1, channel)
		w.add(1, "room", channel)
		w.add(1, "hall", channel)
		w.net.Slow(meshtest.ID(0), meshtest.ID(1), 10*time.Millisecond, 50*time.Millisecond)
		pass()
		var want []int
		for n := range messages {
			switch n % 3 {
			case 0:
				w.groupSend(0, "room", n)
			case 1:
				w.groupSend(0, "hall", n)
			case 2:
				w.check(w.nodes[0].Send(w.Context(), channel, number(w, n)))
			}
			time.Sleep(time.Millisecond)
			want = append(want, n)
		}
		pass()
		l.want(w, want...)
	})
}

func TestLocalDeliveryNeverWaitsForAPeer(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		l := w.listen(0, "line")
		w.add(0, "room", "line")
		w.add(1, "room", "line")
		pass()
		w.net.Cut(meshtest.ID(0), meshtest.ID(1))
		began := time.Now()
		m, err := layer.NewMessage(map[string]any{"type": "number", "n": 1, "t": strings.Repeat("x", layer.MaxMessage/2)})
		w.check(err)
		var want []int
		for range 100 {
			w.check(w.nodes[0].GroupSend(w.Context(), "room", m))
			want = append(want, 1)
		}
		if took := time.Since(began); took > 0 {
			w.Errorf("it took %v", took)
		}
		l.want(w, want...)
		if st := w.nodes[0].Traffic(); st.Lost == 0 || st.Sent+st.Lost != 100 {
			w.Errorf("traffic %+v, want some of the 100 frames to be lost", st)
		}
	})
}

func TestBrokenLinksLoseMessagesButNeitherDoubleNorReorder(t *testing.T) {
	nodes(t, 3, layer.Options{}, func(w *world) {
		l := w.listen(1, "line")
		w.add(1, "room", "line")
		pass()
		var shaking sync.WaitGroup
		shaking.Go(func() { w.net.Shake(meshtest.Faults{For: 5 * time.Minute}) })
		sent := 0
		for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); sent++ {
			w.groupSend(0, "room", sent)
			time.Sleep(20 * time.Millisecond)
		}
		shaking.Wait()
		time.Sleep(time.Minute)
		w.groupSend(0, "room", sent)
		pass()

		l.mu.Lock()
		defer l.mu.Unlock()
		for i := 1; i < len(l.numbers); i++ {
			if l.numbers[i] <= l.numbers[i-1] {
				w.Fatalf("message %d came after message %d", l.numbers[i], l.numbers[i-1])
			}
		}
		if len(l.numbers) == 0 || len(l.numbers) > sent || l.numbers[len(l.numbers)-1] != sent {
			w.Errorf("%d of %d messages came, want some to be lost, and the last one to come after all has healed", len(l.numbers), sent+1)
		}
	})
}

func TestDeadNodeIsForgottenAndReturnsWithoutItsGroups(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		w.add(1, "room", "line")
		pass()
		w.net.Crash(meshtest.ID(1))
		w.check(w.nodes[1].Close())
		time.Sleep(15 * time.Second)
		if got := w.nodes[0].Nodes("room"); len(got) > 0 {
			w.Errorf("15 s after the other node died, the nodes of the room are %q", got)
		}
		w.net.Restart(meshtest.ID(1))
		w.start(1, layer.Options{})
		w.add(1, "hall", "line")
		time.Sleep(time.Second)
		w.groupSend(0, "room", 1)
		w.groupSend(0, "hall", 2)
		pass()
		if got := w.ports[0].take(meshtest.ID(1)); got != 1 {
			w.Errorf("%d frames crossed, want that of the new group", got)
		}
		if st := w.nodes[1].Stats(); st.Messages != 1 {
			w.Errorf("the node holds %+v, want one message", st)
		}
	})
}

func TestStrangeFramesAreCountedAndHurtNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := meshtest.New(t, 1)
		node := net.Node(meshtest.ID(1))
		g := layer.NewGossip(layer.NewMemory(layer.Options{}), node.Port("layer"))
		defer g.Close()
		peer := net.Node(meshtest.ID(2)).Port("layer")
		leave := peer.Join(nobody{})
		defer leave()
		time.Sleep(time.Second)
		const body = `{"type":"x"}`
		mine, others := "socket!"+meshtest.ID(1)+".x", "socket!"+meshtest.ID(2)+".x"
		strange := []string{
			"\xff", "\x80", "\x87\x04room" + body, "\x80\x04room", "\x80\x04room{}", strings.Repeat("\xff", mesh.MaxFrame),
			// For channels that no node but their own may speak of.
			"\x81\x04line" + body, "\x81" + string(rune(len(others))) + others + body,
		}
		for _, frame := range append(strange, "\x81"+string(rune(len(mine)))+mine+body) {
			if err := peer.Send(meshtest.ID(1), []byte(frame)); err != nil {
				t.Fatal(err)
			}
		}
		m, err := g.Receive(t.Context(), mine)
		if err != nil || !json.Valid(m.Bytes()) {
			t.Errorf("message %v, error %v; want the one that is right", m, err)
		}
		if st := g.Traffic(); st.Strange != uint64(len(strange)) || st.Received != 1 {
			t.Errorf("traffic %+v, want %d strange frames and one that is right", st, len(strange))
		}
		if st := g.Stats(); st != (layer.Stats{}) {
			t.Errorf("strange frames left %+v behind", st)
		}
	})
}

type nobody struct{}

func (nobody) Up(string)               {}
func (nobody) Received(string, []byte) {}
func (nobody) Down(string)             {}

func TestGossipHearsOfMembersThatComeAndGoAtOnce(t *testing.T) {
	const rounds, channels = 100, 8
	nodes(t, 2, layer.Options{}, func(w *world) {
		// Each round ends with the room as it should be known, whatever order the changes before were seen in.
		for round := range rounds {
			var wg sync.WaitGroup
			for i := range channels {
				wg.Go(func() {
					channel := fmt.Sprintf("line.%d", i)
					for range 50 {
						w.check(w.nodes[1].GroupAdd(w.Context(), "room", channel))
						w.check(w.nodes[1].GroupDiscard(w.Context(), "room", channel))
					}
					if round%2 == 0 && i == 0 {
						w.check(w.nodes[1].GroupAdd(w.Context(), "room", channel))
					}
				})
			}
			wg.Wait()
			pass()
			if got := len(w.nodes[0].Nodes("room")); got != (round+1)%2 {
				w.Fatalf("round %d: %d nodes have members, want %d", round, got, (round+1)%2)
			}
			w.check(w.nodes[1].GroupDiscard(w.Context(), "room", "line.0"))
		}
	})
}
