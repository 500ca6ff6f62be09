// Package layertest states every rule of a channel layer once, as tests that any implementation of [layer.Layer] can run.
//
//	func TestLayer(t *testing.T) {
//		layertest.Run(t, func(t testing.TB, opts layer.Options) layertest.Layer {
//			return layer.NewMemory(opts)
//		})
//	}
//
// The suite knows nothing of how a layer works inside. A layer of several nodes runs it with an Open that returns a [Pair] of them.
package layertest

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer"
)

// Layer is what the suite needs of an implementation: the layer, the end of it, and its numbers.
type Layer interface {
	layer.Layer
	Close() error
	Stats() layer.Stats
}

// Open makes a new layer with nothing in it. The suite closes it.
type Open func(t testing.TB, opts layer.Options) Layer

// Run checks all rules. Each of them runs in a bubble of [synctest.Test], where a day passes at once, so open must make a layer
// without real sockets or processes.
func Run(t *testing.T, open Open) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { r.check(t, &bench{open: open, patience: time.Second, settle: synctest.Wait}) })
		})
	}
	t.Run("model/random use agrees with a simple model", func(t *testing.T) { agreesWithModel(t, open) })
}

// RunReal checks the rules that need neither the passing of time nor 100,000 channels, outside of any bubble, for layers that need real sockets or processes.
func RunReal(t *testing.T, open Open) {
	for _, r := range rules {
		if r.timed {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			r.check(t, &bench{open: open, patience: 50 * time.Millisecond, settle: runtime.Gosched})
		})
	}
}

// rule is one thing that must hold.
type rule struct {
	name  string
	timed bool // needs a bubble, or is too much for real connections
	check func(t *testing.T, b *bench)
}

var rules = []rule{
	{name: "names/valid names are accepted", check: validNames},
	{name: "names/invalid names are refused everywhere", check: invalidNames},
	{name: "names/groups have no exclamation mark", check: groupsHaveNoMark},
	{name: "names/groups and channels do not share names", check: groupsAndChannelsAreApart},
	{name: "local channels/new channels are unique and local", check: newChannels},
	{name: "local channels/prefix must leave room for the rest", check: newChannelPrefixes},
	{name: "local channels/work as any other", check: localChannelsWork},

	{name: "messages/keep order from one sender to one channel", check: orderOnChannel},
	{name: "messages/keep order from each of many senders", check: orderOfManySenders},
	{name: "messages/of groups and of channels keep order together", check: orderOfBothWays},
	{name: "messages/come once, whoever receives", check: eachMessageOnce},
	{name: "messages/go to their own channel only", check: channelsAreApart},
	{name: "messages/share nothing that can change", check: isolation},
	{name: "messages/empty ones are refused", check: emptyMessages},

	{name: "capacity/is 100 by default", check: defaultCapacity},
	{name: "capacity/first matching pattern counts", check: capacityPatterns},
	{name: "capacity/reading makes room", check: readingMakesRoom},
	{name: "capacity/group send skips and counts full members and tells", check: groupSendSkipsFull},
	{name: "capacity/group send tells full listeners", check: groupSendTellsFullListener},
	{name: "capacity/send tells the sender only", check: sendToFullListener},

	{name: "groups/send reaches each member once", check: groupSendReachesMembers},
	{name: "groups/adding twice is adding once", check: addingTwice},
	{name: "groups/discarding ends it and needs no membership", check: discarding},
	{name: "groups/without members swallow messages", check: emptyGroups},
	{name: "groups/a channel may be in many", check: manyGroups},
	{name: "groups/members come and go while others send", check: churn},

	{name: "expiry/messages after 60 seconds", timed: true, check: messageExpiry},
	{name: "expiry/messages after the configured time", timed: true, check: configuredMessageExpiry},
	{name: "expiry/expired messages take no room", timed: true, check: expiredTakeNoRoom},
	{name: "expiry/memberships after 24 hours", timed: true, check: groupExpiry},
	{name: "expiry/memberships are renewed by adding", timed: true, check: groupExpiryRenewed},
	{name: "expiry/memberships after the configured time", timed: true, check: configuredGroupExpiry},
	{name: "expiry/what is abandoned goes by itself", timed: true, check: abandoned},

	{name: "context/ended before the call", check: endedContext},
	{name: "context/ends a receive that waits", timed: true, check: cancelWaitingReceive},
	{name: "context/a deadline ends a receive", timed: true, check: receiveDeadline},
	{name: "context/a cancelled receive loses no message", check: cancelLosesNothing},

	{name: "listeners/get messages instead of the queue", check: listenerGetsMessages},
	{name: "listeners/get first what waits already", check: listenerGetsWaiting},
	{name: "listeners/keep order while they come", check: listenerKeepsOrder},
	{name: "listeners/one at a time, and nobody receives", check: oneListener},
	{name: "listeners/not while somebody receives", timed: true, check: listenWhileReceiving},
	{name: "listeners/stop leaves all groups", check: stopLeavesGroups},
	{name: "listeners/that fail count as dropped", check: failingListener},

	{name: "flush/forgets messages and groups", check: flushForgets},
	{name: "flush/keeps listeners", check: flushKeepsListeners},
	{name: "flush/keeps who receives", timed: true, check: flushKeepsReceivers},

	{name: "close/ends every call", check: closeEndsCalls},
	{name: "close/ends a receive that waits", timed: true, check: closeEndsWaiting},
	{name: "close/ends listeners", check: closeEndsListeners},

	{name: "leaks/nothing is left of 100000 channels and groups", timed: true, check: leakNothing},
	{name: "leaks/cancelled receives leave nothing", check: leakNoReceivers},
}

// bench is where a rule is checked.
type bench struct {
	open     Open
	patience time.Duration // how long a channel is watched to see that nothing comes
	settle   func()        // lets the other goroutines go on; in a bubble, as far as they can
}

// layer opens a layer that is closed when the test ends.
func (b *bench) layer(t testing.TB, opts layer.Options) Layer {
	t.Helper()
	l := b.open(t, opts)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close the layer: %v", err)
		}
	})
	return l
}

// empty checks that nothing waits in a channel.
func (b *bench) empty(t testing.TB, l Layer, channel string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), b.patience)
	defer cancel()
	m, err := l.Receive(ctx, channel)
	if err == nil {
		t.Fatalf("channel %q has a message: %s", channel, m.Bytes())
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("receive from the empty channel %q: %v, want the deadline", channel, err)
	}
}

// numbered is the message of the tests.
type numbered struct {
	Type   string `json:"type"`
	Sender int    `json:"sender"`
	N      int    `json:"n"`
}

func message(t testing.TB, n int) *layer.Message { return messageOf(t, 0, n) }

func messageOf(t testing.TB, sender, n int) *layer.Message {
	t.Helper()
	m, err := layer.NewMessage(numbered{Type: "test.numbered", Sender: sender, N: n})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func read(t testing.TB, m *layer.Message) numbered {
	t.Helper()
	var v numbered
	if err := json.Unmarshal(m.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func send(t testing.TB, l Layer, channel string, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := l.Send(t.Context(), channel, message(t, n)); err != nil {
			t.Fatalf("send message %d: %v", n, err)
		}
	}
}

func groupSend(t testing.TB, l Layer, group string, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := l.GroupSend(t.Context(), group, message(t, n)); err != nil {
			t.Fatalf("send message %d to group %q: %v", n, group, err)
		}
	}
}

func add(t testing.TB, l Layer, group string, channels ...string) {
	t.Helper()
	for _, c := range channels {
		if err := l.GroupAdd(t.Context(), group, c); err != nil {
			t.Fatal(err)
		}
	}
}

func discard(t testing.TB, l Layer, group string, channels ...string) {
	t.Helper()
	for _, c := range channels {
		if err := l.GroupDiscard(t.Context(), group, c); err != nil {
			t.Fatal(err)
		}
	}
}

// arrival is how long the suite waits for a message that must come, before it says that it does not.
const arrival = 10 * time.Second

// next takes the next message of a channel, which must come soon.
func next(t testing.TB, l Layer, channel string) (*layer.Message, error) {
	ctx, cancel := context.WithTimeout(t.Context(), arrival)
	defer cancel()
	return l.Receive(ctx, channel)
}

// receive checks that these messages come next, in this order.
func receive(t testing.TB, l Layer, channel string, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		m, err := next(t, l, channel)
		if err != nil {
			t.Fatalf("receive message %d from channel %q: %v", n, channel, err)
		}
		if got := read(t, m).N; got != n {
			t.Fatalf("channel %q gave message %d, want %d", channel, got, n)
		}
	}
}

func fill(t testing.TB, l Layer, channel string, n int) {
	t.Helper()
	for i := range n {
		send(t, l, channel, i)
	}
}

func wantError(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func listen(t testing.TB, l Layer, channel string, ear layer.Listener) (stop func()) {
	t.Helper()
	stop, err := l.Listen(channel, ear)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return stop
}

// ear is a listener that remembers what it heard.
type ear struct {
	mu    sync.Mutex
	heard []*layer.Message
	room  int   // how many messages it takes, if not 0
	err   error // what it answers, if not nil
	full  int   // how often it was told
}

func (e *ear) Deliver(m *layer.Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	if e.room > 0 && len(e.heard) >= e.room {
		return layer.ErrChannelFull
	}
	e.heard = append(e.heard, m)
	return nil
}

func (e *ear) Full() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.full++
}

func (e *ear) messages(t testing.TB) []numbered {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]numbered, len(e.heard))
	for i, m := range e.heard {
		all[i] = read(t, m)
	}
	return all
}

// wantHeard checks that the listener heard exactly these messages.
func wantHeard(t testing.TB, e *ear, numbers ...int) {
	t.Helper()
	got := e.messages(t)
	if len(got) != len(numbers) {
		t.Fatalf("listener heard %d messages, want %d", len(got), len(numbers))
	}
	for i, n := range numbers {
		if got[i].N != n {
			t.Fatalf("listener heard message %d at place %d, want %d", got[i].N, i, n)
		}
	}
}

// wantOrder checks that the messages of each sender come in ascending order, all of them.
func wantOrder(t testing.TB, got []numbered, senders, each int) {
	t.Helper()
	next := make([]int, senders)
	for _, v := range got {
		if v.N != next[v.Sender] {
			t.Fatalf("message %d of sender %d came when %d was due", v.N, v.Sender, next[v.Sender])
		}
		next[v.Sender]++
	}
	for s, n := range next {
		if n != each {
			t.Errorf("%d messages of sender %d came, want %d", n, s, each)
		}
	}
}
