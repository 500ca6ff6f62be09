package layertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer"
)

func listenerGetsMessages(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{Capacity: 1})
	heard := &ear{}
	stop := listen(t, l, "line", heard)
	add(t, l, "group", "line")
	send(t, l, "line", 1, 2)
	groupSend(t, l, "group", 3, 4)
	wantHeard(t, heard, 1, 2, 3, 4)
	if st := l.Stats(); st.Messages != 0 {
		t.Errorf("%d messages are queued, want none", st.Messages)
	}
	stop()
	stop()
	send(t, l, "line", 5)
	receive(t, l, "line", 5)
	wantHeard(t, heard, 1, 2, 3, 4)
}

func listenerGetsWaiting(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	send(t, l, "line", 1, 2, 3)
	heard := &ear{}
	stop := listen(t, l, "line", heard)
	wantHeard(t, heard, 1, 2, 3)
	stop()
	b.empty(t, l, "line")

	send(t, l, "line", 4, 5)
	full := &ear{room: 1}
	listen(t, l, "line", full)
	wantHeard(t, full, 4)
	if full.full != 1 || l.Stats().Dropped != 1 {
		t.Errorf("a message that waited had no room; told %d times and counted %d, want once each", full.full, l.Stats().Dropped)
	}
}

func listenerKeepsOrder(t *testing.T, b *bench) {
	// Many short rounds, because what may go wrong does so in the moment in which a listener comes; where a round is long, not all of them.
	const rounds, senders, each = 1000, 2, 10
	enough := time.Now().Add(5 * time.Second)
	l := b.layer(t, layer.Options{Capacity: senders * each})
	var messages [senders][each]*layer.Message
	for s := range senders {
		for n := range each {
			messages[s][n] = messageOf(t, s, n)
		}
	}
	for round := 0; round < rounds && time.Now().Before(enough); round++ {
		add(t, l, "group", "line")
		heard := &ear{}
		var wg sync.WaitGroup
		for s := range senders {
			wg.Go(func() {
				for _, m := range messages[s] {
					if err := l.GroupSend(t.Context(), "group", m); err != nil {
						t.Error(err)
					}
				}
			})
		}
		stop, err := l.Listen("line", heard)
		if err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		wantOrder(t, heard.messages(t), senders, each)
		stop()
	}
}

func oneListener(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	first := &ear{}
	stop := listen(t, l, "line", first)
	_, err := l.Listen("line", &ear{})
	wantError(t, "listen twice", err, layer.ErrInUse)
	_, err = l.Receive(t.Context(), "line")
	wantError(t, "receive from a channel with a listener", err, layer.ErrInUse)
	send(t, l, "line", 1)
	wantHeard(t, first, 1)

	stop()
	second := &ear{}
	listen(t, l, "line", second)
	stop()
	send(t, l, "line", 2)
	wantHeard(t, first, 1)
	wantHeard(t, second, 2)
}

func listenWhileReceiving(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := l.Receive(ctx, "line")
		wantError(t, "receive", err, context.Canceled)
	})
	synctest.Wait()
	_, err := l.Listen("line", &ear{})
	wantError(t, "listen while somebody receives", err, layer.ErrInUse)
	cancel()
	wg.Wait()
	listen(t, l, "line", &ear{})
}

func stopLeavesGroups(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	heard := &ear{}
	stop := listen(t, l, "line", heard)
	add(t, l, "one", "line", "other")
	add(t, l, "two", "line")
	add(t, l, "three", "line")
	stop()
	if st := l.Stats(); st.Channels != 1 || st.Groups != 1 || st.Members != 1 {
		t.Errorf("the layer holds %+v, want the other member of the first group", st)
	}
	for _, group := range []string{"one", "two", "three"} {
		groupSend(t, l, group, 1)
	}
	wantHeard(t, heard)
	b.empty(t, l, "line")
	receive(t, l, "other", 1)
}

func failingListener(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	gone := errors.New("gone")
	failing, fine := &ear{err: gone}, &ear{}
	listen(t, l, "failing", failing)
	listen(t, l, "fine", fine)
	add(t, l, "group", "failing", "fine")
	groupSend(t, l, "group", 1)
	wantHeard(t, fine, 1)
	wantError(t, "send to a listener that is gone", l.Send(t.Context(), "failing", message(t, 2)), gone)
	if failing.full != 0 {
		t.Error("a listener that is gone was told that it is full")
	}
	if got := l.Stats().Dropped; got != 1 {
		t.Errorf("%d messages are counted as dropped, want 1", got)
	}
}
