package layertest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"snug/layer"
)

func orderOnChannel(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{Capacity: 1000})
	for i := range 1000 {
		send(t, l, "line", i)
	}
	for i := range 1000 {
		receive(t, l, "line", i)
	}
	b.empty(t, l, "line")
	// And again with reading and writing in turns, so that the queue wraps around.
	for i := range 500 {
		send(t, l, "line", 3*i, 3*i+1, 3*i+2)
		receive(t, l, "line", 3*i, 3*i+1, 3*i+2)
	}
}

func orderOfManySenders(t *testing.T, b *bench) {
	const senders, each = 8, 200
	l := b.layer(t, layer.Options{Capacity: senders * each})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				if err := l.Send(t.Context(), "line", messageOf(t, s, n)); err != nil {
					t.Errorf("send message %d of sender %d: %v", n, s, err)
				}
			}
		})
	}
	var got []numbered
	for range senders * each {
		m, err := next(t, l, "line")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, read(t, m))
	}
	wg.Wait()
	wantOrder(t, got, senders, each)
}

func orderOfBothWays(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	heard := &ear{}
	listen(t, l, "listening", heard)
	add(t, l, "group", "queueing", "listening")
	for i := 0; i < 20; i += 2 {
		send(t, l, "queueing", i)
		send(t, l, "listening", i)
		groupSend(t, l, "group", i+1)
	}
	for i := range 20 {
		receive(t, l, "queueing", i)
	}
	wantOrder(t, heard.messages(t), 1, 20)
}

func eachMessageOnce(t *testing.T, b *bench) {
	const receivers, messages = 8, 800
	l := b.layer(t, layer.Options{Capacity: messages})
	ctx, cancel := context.WithTimeout(t.Context(), arrival)
	defer cancel()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = make(map[int]int)
	)
	for range receivers {
		wg.Go(func() {
			for {
				m, err := l.Receive(ctx, "line")
				if err != nil {
					return
				}
				mu.Lock()
				seen[read(t, m).N]++
				if len(seen) == messages {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for i := range messages {
		send(t, l, "line", i)
	}
	wg.Wait()
	for i := range messages {
		if seen[i] != 1 {
			t.Errorf("message %d came %d times, want once", i, seen[i])
		}
	}
}

func channelsAreApart(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	for i := range 50 {
		send(t, l, fmt.Sprintf("line.%d", i), i)
	}
	b.empty(t, l, "line")
	for i := range 50 {
		receive(t, l, fmt.Sprintf("line.%d", i), i)
	}
	b.empty(t, l, "line.0")
}

func isolation(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	content := map[string]any{"type": "test.list", "list": []string{"before"}}
	built, err := layer.NewMessage(content)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"type":"test.list","list":["before"]}`)
	parsed, err := layer.ParseMessage(body)
	if err != nil {
		t.Fatal(err)
	}
	content["list"].([]string)[0] = "after"
	copy(body, bytes.ToUpper(body))

	add(t, l, "group", "one", "two")
	for _, m := range []*layer.Message{built, parsed} {
		if err := l.GroupSend(t.Context(), "group", m); err != nil {
			t.Fatal(err)
		}
	}
	for _, channel := range []string{"one", "two"} {
		for range 2 {
			m, err := next(t, l, channel)
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ List []string }
			if err := m.Decode(&got); err != nil {
				t.Fatal(err)
			}
			if len(got.List) != 1 || got.List[0] != "before" {
				t.Errorf("channel %q got %s, want what was sent", channel, m.Bytes())
			}
			// Neither of these reaches the other receiver.
			got.List[0] = "changed by the first receiver"
			_ = append(m.Bytes(), " and more"...)
		}
	}
}

func emptyMessages(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	add(t, l, "group", "line")
	for _, m := range []*layer.Message{nil, new(layer.Message)} {
		wantError(t, "send an empty message", l.Send(t.Context(), "line", m), layer.ErrMessage)
		wantError(t, "send an empty message to a group", l.GroupSend(t.Context(), "group", m), layer.ErrMessage)
	}
	b.empty(t, l, "line")
}
