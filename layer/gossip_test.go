package layer_test

import (
	"errors"
	"slices"
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
