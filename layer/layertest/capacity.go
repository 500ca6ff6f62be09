package layertest

import (
	"slices"
	"sync"
	"testing"

	"snug/layer"
)

// wantCapacity checks that the channel takes exactly n messages, and keeps all of them.
func wantCapacity(t testing.TB, l Layer, channel string, n int) {
	t.Helper()
	fill(t, l, channel, n)
	wantError(t, "send to the full channel "+channel, l.Send(t.Context(), channel, message(t, n)), layer.ErrChannelFull)
	for i := range n {
		receive(t, l, channel, i)
	}
}

func defaultCapacity(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	wantCapacity(t, l, "line", 100)
	wantCapacity(t, l, "socket!1", 100)
	b.empty(t, l, "line")
}

func capacityPatterns(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{Capacity: 5, Capacities: []layer.Capacity{
		{Pattern: "exact", Capacity: 1},
		{Pattern: "slow.*", Capacity: 2},
		{Pattern: "*.slow", Capacity: 3},
		{Pattern: "a*b*c", Capacity: 4},
		{Pattern: "*!*", Capacity: 6},
		{Pattern: "slow.never", Capacity: 7},
		{Pattern: "unset", Capacity: 0},
	}})
	for channel, capacity := range map[string]int{
		"exact": 1, "exactly": 5, "inexact": 5,
		"slow.": 2, "slow.one": 2, "slow.never": 2, "slow.slow": 2, "slow": 5,
		"very.slow": 3, ".slow": 3, "very.slow.": 5,
		"abc": 4, "a.b.c": 4, "abcbc": 4, "ab": 5, "acb": 5, "xabc": 5,
		"local!1": 6, "slow.!1": 2,
		"unset": 100, "other": 5,
	} {
		wantCapacity(t, l, channel, capacity)
	}
}

func readingMakesRoom(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{Capacity: 3})
	send(t, l, "line", 1, 2, 3)
	wantError(t, "send to a full channel", l.Send(t.Context(), "line", message(t, 9)), layer.ErrChannelFull)
	receive(t, l, "line", 1)
	send(t, l, "line", 4)
	wantError(t, "send to a full channel", l.Send(t.Context(), "line", message(t, 9)), layer.ErrChannelFull)
	send(t, l, "other", 5)
	receive(t, l, "line", 2, 3, 4)
	receive(t, l, "other", 5)
}

func groupSendSkipsFull(t *testing.T, b *bench) {
	var (
		mu   sync.Mutex
		told []string
	)
	l := b.layer(t, layer.Options{Capacity: 2, OnFull: func(channel string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, channel)
	}})
	add(t, l, "group", "full", "free", "fuller")
	send(t, l, "full", 1, 2)
	send(t, l, "fuller", 1, 2)
	groupSend(t, l, "group", 3)
	receive(t, l, "full", 1)
	groupSend(t, l, "group", 4)

	receive(t, l, "full", 2, 4)
	receive(t, l, "free", 3, 4)
	receive(t, l, "fuller", 1, 2)
	b.empty(t, l, "fuller")
	if got := l.Stats().Dropped; got != 3 {
		t.Errorf("%d messages are counted as dropped, want 3", got)
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(told)
	if want := []string{"full", "fuller", "fuller"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}

func groupSendTellsFullListener(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{OnFull: func(channel string) {
		t.Errorf("OnFull was told of %q, which has a listener", channel)
	}})
	slow, fast := &ear{room: 2}, &ear{}
	listen(t, l, "slow", slow)
	listen(t, l, "fast", fast)
	add(t, l, "group", "slow", "fast")
	groupSend(t, l, "group", 1, 2, 3, 4)
	wantHeard(t, slow, 1, 2)
	wantHeard(t, fast, 1, 2, 3, 4)
	if slow.full != 2 || fast.full != 0 {
		t.Errorf("listeners were told %d and %d times, want 2 and 0", slow.full, fast.full)
	}
	if got := l.Stats().Dropped; got != 2 {
		t.Errorf("%d messages are counted as dropped, want 2", got)
	}
}

func sendToFullListener(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	slow := &ear{room: 1}
	listen(t, l, "slow", slow)
	send(t, l, "slow", 1)
	wantError(t, "send to a full listener", l.Send(t.Context(), "slow", message(t, 2)), layer.ErrChannelFull)
	if slow.full != 0 {
		t.Error("the listener was told, though the sender knows")
	}
	if got := l.Stats().Dropped; got != 0 {
		t.Errorf("%d messages are counted as dropped, though the sender knows", got)
	}
}
