package layer_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"snug/layer"
	"snug/layer/layertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openMemory(_ testing.TB, opts layer.Options) layertest.Layer { return layer.NewMemory(opts) }

func TestMemoryKeepsAllRules(t *testing.T) { layertest.Run(t, openMemory) }

func TestMemoryKeepsRulesInRealTime(t *testing.T) { layertest.RunReal(t, openMemory) }

// counter is a listener that only counts, so that what is measured is the layer.
type counter struct{ messages int }

func (c *counter) Deliver(*layer.Message) error { c.messages++; return nil }
func (c *counter) Full()                        {}

// room makes a group with that many listeners.
func room(t testing.TB, m *layer.Memory, listeners int) []*counter {
	t.Helper()
	counters := make([]*counter, listeners)
	for i := range counters {
		counters[i] = &counter{}
		channel := fmt.Sprintf("socket!%d", i)
		if _, err := m.Listen(channel, counters[i]); err != nil {
			t.Fatal(err)
		}
		if err := m.GroupAdd(t.Context(), "room", channel); err != nil {
			t.Fatal(err)
		}
	}
	return counters
}

func memory(t testing.TB, opts layer.Options) *layer.Memory {
	m := layer.NewMemory(opts)
	t.Cleanup(func() { m.Close() })
	return m
}

func hello(t testing.TB) *layer.Message {
	t.Helper()
	msg, err := layer.NewMessage(map[string]string{"type": "chat.text", "text": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestGroupSendToListenersAllocatesNothing(t *testing.T) {
	m := memory(t, layer.Options{})
	counters := room(t, m, 1000)
	msg, ctx := hello(t), t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		if err := m.GroupSend(ctx, "room", msg); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("a message to 1,000 listeners costs %v allocations, want none", allocs)
	}
	for i, c := range counters {
		if c.messages != 101 {
			t.Errorf("listener %d got %d messages, want 101", i, c.messages)
		}
	}
}

// caller is a listener that uses the layer while it is called. None should, but it would hang if a lock were held.
type caller struct {
	layer *layer.Memory
	calls int
}

func (c *caller) Deliver(*layer.Message) error {
	c.calls++
	c.layer.Stats()
	return layer.ErrChannelFull
}

func (c *caller) Full() { c.layer.Stats() }

func TestNoLockIsHeldWhileOwnersAreCalled(t *testing.T) {
	t.Parallel()
	var m *layer.Memory
	told := 0
	m = memory(t, layer.Options{Capacity: 1, OnFull: func(string) {
		m.Stats()
		told++
	}})
	msg, ctx := hello(t), t.Context()
	if err := m.Send(ctx, "line", msg); err != nil {
		t.Fatal(err)
	}
	c := &caller{layer: m}
	if _, err := m.Listen("line", c); err != nil {
		t.Fatal(err)
	}
	if err := m.Send(ctx, "queue", msg); err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"line", "queue"} {
		if err := m.GroupAdd(ctx, "group", channel); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.GroupSend(ctx, "group", msg); err != nil {
		t.Fatal(err)
	}
	if c.calls != 2 || told != 1 {
		t.Errorf("the listener was called %d times and the owner told %d times, want 2 and 1", c.calls, told)
	}
}

func TestMembersMayLeaveWhileTheyAreWalkedThrough(t *testing.T) {
	t.Parallel()
	const members = 5
	m := memory(t, layer.Options{})
	msg, ctx := hello(t), t.Context()
	reached := make([]int, members)
	for i := range members {
		channel := fmt.Sprintf("socket!%d", i)
		leaving := &scripted{onDeliver: func() {
			reached[i]++
			if err := m.GroupDiscard(ctx, "group", channel); err != nil {
				t.Error(err)
			}
		}}
		if _, err := m.Listen(channel, leaving); err != nil {
			t.Fatal(err)
		}
		if err := m.GroupAdd(ctx, "group", channel); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := m.GroupSend(ctx, "group", msg); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range reached {
		if n != 1 {
			t.Errorf("member %d got %d messages, want the first only", i, n)
		}
	}
}

func TestSweepingLeavesWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, layer.Options{GroupExpiry: 1000 * time.Hour})
		room(t, m, 100)
		time.Sleep(100 * time.Hour)
		st := m.Stats()
		if st.Channels != 100 || st.Members != 100 || st.Groups != 1 {
			t.Errorf("after sweeping the layer holds %+v, want all of the room", st)
		}
	})
}
