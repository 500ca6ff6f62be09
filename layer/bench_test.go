package layer_test

import (
	"fmt"
	"testing"

	"snug/layer"
)

func BenchmarkGroupSend(b *testing.B) {
	for _, listeners := range []int{1, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("%d listeners", listeners), func(b *testing.B) {
			m := memory(b, layer.Options{})
			room(b, m, listeners)
			msg, ctx := hello(b), b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if err := m.GroupSend(ctx, "room", msg); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(listeners), "ns/delivery")
		})
	}
}

// Somebody joins and leaves between any two messages, so that the list of members is copied each time.
func BenchmarkGroupSendWhileMembersChange(b *testing.B) {
	m := memory(b, layer.Options{})
	room(b, m, 1000)
	msg, ctx := hello(b), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := m.GroupAdd(ctx, "room", "passing"); err != nil {
			b.Fatal(err)
		}
		if err := m.GroupDiscard(ctx, "room", "passing"); err != nil {
			b.Fatal(err)
		}
		if err := m.GroupSend(ctx, "room", msg); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSendReceive(b *testing.B) {
	m := memory(b, layer.Options{})
	msg, ctx := hello(b), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Send(ctx, "line", msg); err != nil {
			b.Fatal(err)
		}
		if _, err := m.Receive(ctx, "line"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJoinAndLeave(b *testing.B) {
	m := memory(b, layer.Options{})
	ctx := b.Context()
	ear := &counter{}
	b.ReportAllocs()
	for b.Loop() {
		channel, err := m.NewChannel(ctx, "socket")
		if err != nil {
			b.Fatal(err)
		}
		stop, err := m.Listen(channel, ear)
		if err != nil {
			b.Fatal(err)
		}
		if err := m.GroupAdd(ctx, "room", channel); err != nil {
			b.Fatal(err)
		}
		stop()
	}
}

func BenchmarkParseMessage(b *testing.B) {
	body := []byte(`{"type":"chat_message","room":"kitchen","id":"0198c1a2-0000-7000-8000-000000000001","user":"ada","message":"A line of text as people write it."}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := layer.ParseMessage(body); err != nil {
			b.Fatal(err)
		}
	}
}
