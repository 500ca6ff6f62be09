package layer_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"snug/layer"
)

// A value changes in one place, and everybody who watches hears of it.
func Example() {
	ctx := context.Background()
	ly := layer.NewMemory(layer.Options{})
	defer ly.Close()

	// One who watches: a channel of its own, in the group of those who want to know.
	channel, err := ly.NewChannel(ctx, "watcher")
	if err != nil {
		log.Fatal(err)
	}
	if err := ly.GroupAdd(ctx, "temperature", channel); err != nil {
		log.Fatal(err)
	}

	// One who knows, and does not know who watches.
	news, err := layer.NewMessage(map[string]any{"type": "temperature.changed", "celsius": 21})
	if err != nil {
		log.Fatal(err)
	}
	if err := ly.GroupSend(ctx, "temperature", news); err != nil {
		log.Fatal(err)
	}

	m, err := ly.Receive(ctx, channel)
	if err != nil {
		log.Fatal(err)
	}
	var change struct{ Celsius int }
	if err := m.Decode(&change); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Type(), change.Celsius)
	// Output: temperature.changed 21
}

// outbox is the queue of one connection.
type outbox struct {
	frames chan []byte
	cut    bool
}

// Deliver takes a message if there is room. It never waits for the reader.
func (o *outbox) Deliver(m *layer.Message) error {
	select {
	case o.frames <- m.Bytes():
		return nil
	default:
		return layer.ErrChannelFull
	}
}

// Full ends a connection that is too slow: it would miss a message and not know it.
func (o *outbox) Full() { o.cut = true }

// A connection with a queue of its own listens, and is told when it was too slow.
func ExampleMemory_Listen() {
	ctx := context.Background()
	ly := layer.NewMemory(layer.Options{})
	defer ly.Close()

	box := &outbox{frames: make(chan []byte, 2)}
	stop, err := ly.Listen("socket.1", box)
	if err != nil {
		log.Fatal(err)
	}
	defer stop() // Leaves the group as well.
	if err := ly.GroupAdd(ctx, "room.kitchen", "socket.1"); err != nil {
		log.Fatal(err)
	}

	for n := range 3 {
		m, err := layer.NewMessage(map[string]any{"n": n, "type": "line"})
		if err != nil {
			log.Fatal(err)
		}
		if err := ly.GroupSend(ctx, "room.kitchen", m); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(string(<-box.frames))
	fmt.Println(string(<-box.frames))
	fmt.Println("cut off:", box.cut)
	// Output:
	// {"n":0,"type":"line"}
	// {"n":1,"type":"line"}
	// cut off: true
}

// A channel holds so many unread messages and no more; some may hold others.
func ExampleOptions() {
	ctx := context.Background()
	ly := layer.NewMemory(layer.Options{
		Capacity:   2,
		Capacities: []layer.Capacity{{Pattern: "jobs.*", Capacity: 1000}},
	})
	defer ly.Close()

	m, err := layer.NewMessage(map[string]string{"type": "ping"})
	if err != nil {
		log.Fatal(err)
	}
	for _, channel := range []string{"line", "jobs.mail"} {
		taken := 0
		for ; taken < 2000; taken++ {
			if err := ly.Send(ctx, channel, m); errors.Is(err, layer.ErrChannelFull) {
				break
			}
		}
		fmt.Println(channel, "took", taken)
	}
	// Output:
	// line took 2
	// jobs.mail took 1000
}

// What is wrong with a name is in the error.
func ExampleCheckGroup() {
	fmt.Println(layer.CheckGroup("room.kitchen"))
	fmt.Println(layer.CheckGroup("room kitchen"))
	fmt.Println(errors.Is(layer.CheckGroup("socket!1"), layer.ErrName))
	// Output:
	// <nil>
	// group "room kitchen": name not allowed: only ASCII letters, digits, hyphens, underscores and full stops are allowed
	// true
}
