package layertest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"snug/layer"
)

// slack is how many bytes the heap may grow without anybody calling it a leak: the runtime keeps some for itself. A
// layer that kept only the names would need ten times as much.
const slack = 1 << 20

// strangers is how many goroutines may be there that were not there before: a node on a real network has some that come and go. A leak is of thousands.
const strangers = 10

func leakNothing(t *testing.T, b *bench) {
	const count, together = 100_000, 100
	// Between nodes some time passes until both know of a group, and all of it must not be too long for a message. So they come in batches.
	l := b.layer(t, layer.Options{Expiry: 24 * time.Hour})
	m := message(t, 1)
	use := func(from, to int) {
		for i := from; i < to; i++ {
			channel, group := fmt.Sprintf("line.%d", i), fmt.Sprintf("group.%d", i)
			add(t, l, group, channel)
			add(t, l, "all", channel)
		}
		for i := from; i < to; i++ {
			if err := l.GroupSend(t.Context(), fmt.Sprintf("group.%d", i), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	leave := func(i int) {
		channel, group := fmt.Sprintf("line.%d", i), fmt.Sprintf("group.%d", i)
		receive(t, l, channel, 1)
		discard(t, l, group, channel)
		discard(t, l, "all", channel)
	}
	use(0, 1)
	leave(0)
	heap, goroutines := held()

	for from := 0; from < count; from += together {
		use(from, from+together)
	}
	if st := l.Stats(); st.Channels != count || st.Groups != count+1 || st.Members != 2*count || st.Messages != count {
		t.Errorf("the layer holds %+v, want %d channels with a message each", st, count)
	}
	for i := range count {
		leave(i)
	}
	// One after another, with a listener.
	for i := range count {
		stop, err := l.Listen("passing", &ear{})
		if err != nil {
			t.Fatal(err)
		}
		add(t, l, fmt.Sprintf("group.%d", i), "passing")
		stop()
	}

	if st := l.Stats(); st.Channels != 0 || st.Groups != 0 || st.Members != 0 || st.Messages != 0 {
		t.Errorf("the layer holds %+v, want nothing", st)
	}
	time.Sleep(10 * time.Second) // Other nodes hear of it a moment later.
	wantNoMore(t, heap, goroutines)
}

func leakNoReceivers(t *testing.T, b *bench) {
	const rounds, receivers = 1000, 10
	l := b.layer(t, layer.Options{})
	heap, goroutines := held()
	for i := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range receivers {
			wg.Go(func() {
				_, err := l.Receive(ctx, fmt.Sprintf("line.%d", i))
				wantError(t, "receive", err, context.Canceled)
			})
		}
		cancel()
		wg.Wait()
	}
	if st := l.Stats(); st != (layer.Stats{}) {
		t.Errorf("the layer holds %+v, want nothing", st)
	}
	wantNoMore(t, heap, goroutines)
}

// held returns the bytes on the heap that are in use, and the goroutines.
func held() (heap uint64, goroutines int) {
	runtime.GC()
	runtime.GC()
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	return st.HeapAlloc, runtime.NumGoroutine()
}

func wantNoMore(t testing.TB, heap uint64, goroutines int) {
	t.Helper()
	heapNow, goroutinesNow := held()
	if heapNow > heap+slack {
		t.Errorf("the heap grew from %d to %d bytes", heap, heapNow)
	}
	if goroutinesNow > goroutines+strangers {
		t.Errorf("%d goroutines, and %d before", goroutinesNow, goroutines)
	}
}
