package layertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"snug/layer"
)

// modelOptions are small enough that random use reaches all limits often.
var modelOptions = layer.Options{Capacity: 3, Expiry: 20 * time.Second, GroupExpiry: 50 * time.Second}

// modelNames are few, so that random use meets the same ones again.
var (
	modelChannels = []string{"a", "b", "c!1", "d!2"}
	modelGroups   = []string{"g", "h"}
)

// earRoom is how many messages the listeners of the model take.
const earRoom = 4

// command is one step of random use.
type command struct {
	do             string
	channel, group string
	wait           time.Duration
}

func commands() *rapid.Generator[[]command] {
	kinds := []string{"send", "send", "receive", "add", "add", "discard", "group send", "group send", "listen", "stop", "wait", "flush"}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) command {
		return command{
			do:      rapid.SampledFrom(kinds).Draw(t, "do"),
			channel: rapid.SampledFrom(modelChannels).Draw(t, "channel"),
			group:   rapid.SampledFrom(modelGroups).Draw(t, "group"),
			wait:    time.Duration(rapid.IntRange(1, 30_000).Draw(t, "milliseconds")) * time.Millisecond,
		}
	}), 1, 80)
}

// agreesWithModel uses a layer at random, and checks each answer against a model of a few lines.
func agreesWithModel(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := commands().Draw(rt, "steps")
		var err error
		synctest.Test(t, func(t *testing.T) {
			mo := newModel(t, open)
			defer mo.layer.Close()
			for i, c := range steps {
				if err = mo.step(t.Context(), c); err != nil {
					err = fmt.Errorf("step %d, %+v: %w", i, c, err)
					return
				}
			}
			err = mo.drain(t.Context())
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// model is what a layer should hold, in the plainest way.
type model struct {
	t     testing.TB
	layer Layer
	began time.Time
	now   time.Duration // when the step began
	n     int           // messages made

	queues  map[string][]waiting
	members map[string]map[string]time.Duration // by group and channel: when it ends
	ears    map[string]*ear
	stops   map[string]func()
	heard   map[string][]int // what each listener should have heard
	dropped uint64
	full    int // how often OnFull should have been called, less how often it was
}

type waiting struct {
	n       int
	expires time.Duration
}

func newModel(t testing.TB, open Open) *model {
	mo := &model{
		t:       t,
		began:   time.Now(),
		queues:  make(map[string][]waiting),
		members: make(map[string]map[string]time.Duration),
		ears:    make(map[string]*ear),
		stops:   make(map[string]func()),
		heard:   make(map[string][]int),
	}
	opts := modelOptions
	opts.OnFull = func(string) { mo.full-- }
	mo.layer = open(t, opts)
	return mo
}

func (mo *model) step(ctx context.Context, c command) error {
	mo.now = time.Since(mo.began)
	var err error
	switch c.do {
	case "send":
		err = mo.send(ctx, c.channel)
	case "receive":
		err = mo.receive(ctx, c.channel)
	case "add":
		if mo.members[c.group] == nil {
			mo.members[c.group] = make(map[string]time.Duration)
		}
		mo.members[c.group][c.channel] = mo.now + modelOptions.GroupExpiry
		err = mo.layer.GroupAdd(ctx, c.group, c.channel)
	case "discard":
		delete(mo.members[c.group], c.channel)
		err = mo.layer.GroupDiscard(ctx, c.group, c.channel)
	case "group send":
		err = mo.groupSend(ctx, c.group)
	case "listen":
		err = mo.listen(c.channel)
	case "stop":
		mo.stop(c.channel)
	case "wait":
		time.Sleep(c.wait)
	case "flush":
		clear(mo.queues)
		clear(mo.members)
		err = mo.layer.Flush(ctx)
	}
	if err != nil {
		return err
	}
	return mo.compare()
}

// put is what happens to a message for one channel.
func (mo *model) put(channel string, n int) error {
	if mo.ears[channel] != nil {
		if len(mo.heard[channel]) == earRoom {
			return layer.ErrChannelFull
		}
		mo.heard[channel] = append(mo.heard[channel], n)
		return nil
	}
	mo.expire(channel)
	if len(mo.queues[channel]) == modelOptions.Capacity {
		return layer.ErrChannelFull
	}
	mo.queues[channel] = append(mo.queues[channel], waiting{n: n, expires: mo.now + modelOptions.Expiry})
	return nil
}

func (mo *model) expire(channel string) {
	mo.queues[channel] = slices.DeleteFunc(mo.queues[channel], func(w waiting) bool { return w.expires <= mo.now })
}

func (mo *model) send(ctx context.Context, channel string) error {
	mo.n++
	want := mo.put(channel, mo.n)
	if got := mo.layer.Send(ctx, channel, message(mo.t, mo.n)); !errors.Is(got, want) {
		return fmt.Errorf("send gave error %v, want %v", got, want)
	}
	return nil
}

func (mo *model) groupSend(ctx context.Context, group string) error {
	mo.n++
	for channel, ends := range mo.members[group] {
		if ends <= mo.now {
			continue
		}
		if mo.put(channel, mo.n) == nil {
			continue
		}
		mo.dropped++
		if mo.ears[channel] == nil {
			mo.full++
		}
	}
	return mo.layer.GroupSend(ctx, group, message(mo.t, mo.n))
}

func (mo *model) receive(ctx context.Context, channel string) error {
	if mo.ears[channel] != nil {
		if _, err := mo.layer.Receive(ctx, channel); !errors.Is(err, layer.ErrInUse) {
			return fmt.Errorf("receive gave error %v, want %v", err, layer.ErrInUse)
		}
		return nil
	}
	mo.expire(channel)
	if len(mo.queues[channel]) == 0 {
		// A wait of no more than the blink in which nothing else of the model changes.
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if m, err := mo.layer.Receive(ctx, channel); err == nil {
			return fmt.Errorf("receive gave %s, want nothing", m.Bytes())
		}
		return nil
	}
	want := mo.queues[channel][0].n
	mo.queues[channel] = mo.queues[channel][1:]
	m, err := next(mo.t, mo.layer, channel)
	if err != nil {
		return err
	}
	if got := read(mo.t, m).N; got != want {
		return fmt.Errorf("receive gave message %d, want %d", got, want)
	}
	return nil
}

func (mo *model) listen(channel string) error {
	if mo.ears[channel] != nil {
		if _, err := mo.layer.Listen(channel, &ear{}); !errors.Is(err, layer.ErrInUse) {
			return fmt.Errorf("listen gave error %v, want %v", err, layer.ErrInUse)
		}
		return nil
	}
	mo.expire(channel)
	for _, w := range mo.queues[channel] {
		mo.heard[channel] = append(mo.heard[channel], w.n)
	}
	delete(mo.queues, channel)
	mo.ears[channel] = &ear{room: earRoom}
	stop, err := mo.layer.Listen(channel, mo.ears[channel])
	mo.stops[channel] = stop
	return err
}

func (mo *model) stop(channel string) {
	if mo.ears[channel] == nil {
		return
	}
	mo.stops[channel]()
	for _, channels := range mo.members {
		delete(channels, channel)
	}
	delete(mo.ears, channel)
	delete(mo.stops, channel)
	delete(mo.heard, channel)
}

// compare checks what can be seen without changing anything.
func (mo *model) compare() error {
	for channel, e := range mo.ears {
		var got []int
		for _, v := range e.messages(mo.t) {
			got = append(got, v.N)
		}
		if !slices.Equal(got, mo.heard[channel]) {
			return fmt.Errorf("listener of %q heard %v, want %v", channel, got, mo.heard[channel])
		}
	}
	if got := mo.layer.Stats().Dropped; got != mo.dropped {
		return fmt.Errorf("%d messages are counted as dropped, want %d", got, mo.dropped)
	}
	if mo.full != 0 {
		return fmt.Errorf("OnFull was called %d times less than it should", mo.full)
	}
	return nil
}

// drain reads what is left, and waits until everything should be gone.
func (mo *model) drain(ctx context.Context) error {
	for _, channel := range modelChannels {
		mo.now = time.Since(mo.began)
		mo.stop(channel)
		mo.expire(channel)
		for len(mo.queues[channel]) > 0 {
			if err := mo.receive(ctx, channel); err != nil {
				return err
			}
		}
	}
	time.Sleep(modelOptions.GroupExpiry + time.Minute)
	if st := mo.layer.Stats(); st.Channels != 0 || st.Groups != 0 || st.Members != 0 || st.Messages != 0 {
		return fmt.Errorf("the layer holds %+v at the end, want nothing", st)
	}
	return nil
}
