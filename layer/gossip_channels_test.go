package layer_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/layer"
	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

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
