package layertest

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer"
)

func endedContext(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	send(t, l, "line", 1)
	add(t, l, "group", "member")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "send", l.Send(ctx, "line", message(t, 2)), context.Canceled)
	_, err := l.Receive(ctx, "line")
	wantError(t, "receive", err, context.Canceled)
	_, err = l.NewChannel(ctx, "prefix")
	wantError(t, "new channel", err, context.Canceled)
	wantError(t, "group add", l.GroupAdd(ctx, "group", "line"), context.Canceled)
	wantError(t, "group discard", l.GroupDiscard(ctx, "group", "member"), context.Canceled)
	wantError(t, "group send", l.GroupSend(ctx, "group", message(t, 2)), context.Canceled)
	wantError(t, "flush", l.Flush(ctx), context.Canceled)

	// None of it has happened.
	receive(t, l, "line", 1)
	b.empty(t, l, "member")
	groupSend(t, l, "group", 3)
	receive(t, l, "member", 3)
	b.empty(t, l, "line")
}

func cancelWaitingReceive(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := l.Receive(ctx, "line")
		ended <- err
	}()
	synctest.Wait()
	if st := l.Stats(); st.Channels != 1 {
		t.Errorf("%d channels while one is waited for, want 1", st.Channels)
	}
	cancel()
	wantError(t, "receive", <-ended, context.Canceled)
	send(t, l, "line", 1)
	receive(t, l, "line", 1)
}

func receiveDeadline(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	began := time.Now()
	_, err := l.Receive(ctx, "line")
	wantError(t, "receive", err, context.DeadlineExceeded)
	if waited := time.Since(began); waited != time.Hour {
		t.Errorf("receive waited %v, want an hour", waited)
	}
}

func cancelLosesNothing(t *testing.T, b *bench) {
	const rounds, receivers = 300, 3
	l := b.layer(t, layer.Options{Capacity: rounds})
	var (
		mu  sync.Mutex
		got = make(map[int]int)
	)
	note := func(m *layer.Message) {
		mu.Lock()
		defer mu.Unlock()
		got[read(t, m).N]++
	}
	for n := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range receivers {
			wg.Go(func() {
				if m, err := l.Receive(ctx, "line"); err == nil {
					note(m)
				}
			})
		}
		b.settle()
		if n%2 == 0 {
			wg.Go(cancel)
			send(t, l, "line", n)
		} else {
			// The message finds receivers that do not know yet that they are cancelled.
			cancel()
			send(t, l, "line", n)
		}
		wg.Wait()
	}
	for {
		mu.Lock()
		missing := rounds - len(got)
		mu.Unlock()
		if missing == 0 {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), b.patience)
		m, err := l.Receive(ctx, "line")
		cancel()
		if err != nil {
			t.Fatalf("%d messages were lost: %v", missing, err)
		}
		note(m)
	}
	for n, times := range got {
		if times != 1 {
			t.Errorf("message %d came %d times, want once", n, times)
		}
	}
	b.empty(t, l, "line")
}
