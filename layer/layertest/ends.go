package layertest

import (
	"sync"
	"testing"
	"testing/synctest"

	"snug/layer"
)

func flushForgets(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	send(t, l, "line", 1, 2)
	add(t, l, "group", "line", "member")
	groupSend(t, l, "group", 3)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := l.Stats(); st != (layer.Stats{}) {
		t.Errorf("a flushed layer holds %+v, want nothing", st)
	}
	groupSend(t, l, "group", 4)
	b.empty(t, l, "line")
	b.empty(t, l, "member")
	add(t, l, "group", "member")
	groupSend(t, l, "group", 5)
	receive(t, l, "member", 5)
}

func flushKeepsListeners(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	heard := &ear{}
	listen(t, l, "line", heard)
	add(t, l, "group", "line")
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	groupSend(t, l, "group", 1)
	send(t, l, "line", 2)
	wantHeard(t, heard, 2)
}

func flushKeepsReceivers(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	var wg sync.WaitGroup
	wg.Go(func() { receive(t, l, "line", 1) })
	synctest.Wait()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, l, "line", 1)
	wg.Wait()
}

func closeEndsCalls(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	ctx := t.Context()
	send(t, l, "line", 1)
	add(t, l, "group", "line")
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "send", l.Send(ctx, "line", message(t, 1)), layer.ErrClosed)
	_, err := l.Receive(ctx, "line")
	wantError(t, "receive", err, layer.ErrClosed)
	_, err = l.NewChannel(ctx, "prefix")
	wantError(t, "new channel", err, layer.ErrClosed)
	wantError(t, "group add", l.GroupAdd(ctx, "group", "line"), layer.ErrClosed)
	wantError(t, "group discard", l.GroupDiscard(ctx, "group", "line"), layer.ErrClosed)
	wantError(t, "group send", l.GroupSend(ctx, "group", message(t, 1)), layer.ErrClosed)
	_, err = l.Listen("line", &ear{})
	wantError(t, "listen", err, layer.ErrClosed)
	wantError(t, "flush", l.Flush(ctx), layer.ErrClosed)
	if st := l.Stats(); st != (layer.Stats{}) {
		t.Errorf("a closed layer holds %+v, want nothing", st)
	}
}

func closeEndsWaiting(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			_, err := l.Receive(t.Context(), "line")
			wantError(t, "receive", err, layer.ErrClosed)
		})
	}
	synctest.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

func closeEndsListeners(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	heard := &ear{}
	stop := listen(t, l, "line", heard)
	add(t, l, "group", "line")
	var wg sync.WaitGroup
	wg.Go(func() {
		for l.GroupSend(t.Context(), "group", message(t, 1)) == nil {
			continue
		}
	})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	before := len(heard.messages(t))
	wantError(t, "send", l.Send(t.Context(), "line", message(t, 2)), layer.ErrClosed)
	if got := len(heard.messages(t)); got != before {
		t.Errorf("the listener heard %d messages after the layer was closed", got-before)
	}
	stop()
}
