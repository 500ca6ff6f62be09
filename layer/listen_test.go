package layer_test

import (
	"errors"
	"testing"

	"snug/layer"
)

// scripted is a listener that does something with the layer while it is handed a message that had waited.
type scripted struct {
	onDeliver func()
	full      int
}

func (s *scripted) Deliver(*layer.Message) error {
	s.onDeliver()
	return nil
}

func (s *scripted) Full() { s.full++ }

// While a new listener is handed what waited, others still queue. What does not fit then is the listener's loss, and nobody else's.
func TestListenerIsToldOfFullChannelWhileItBegins(t *testing.T) {
	t.Parallel()
	m := memory(t, layer.Options{Capacity: 2, OnFull: func(channel string) {
		t.Errorf("OnFull was told of %q, which has a listener", channel)
	}})
	msg, ctx := hello(t), t.Context()
	if err := m.GroupAdd(ctx, "group", "line"); err != nil {
		t.Fatal(err)
	}
	if err := m.Send(ctx, "line", msg); err != nil {
		t.Fatal(err)
	}
	deliveries := 0
	s := &scripted{onDeliver: func() {
		deliveries++
		if deliveries > 1 {
			return
		}
		for range 3 {
			if err := m.GroupSend(ctx, "group", msg); err != nil {
				t.Error(err)
			}
		}
	}}
	if _, err := m.Listen("line", s); err != nil {
		t.Fatal(err)
	}
	if deliveries != 3 || s.full != 1 {
		t.Errorf("%d messages came and the listener was told %d times, want 3 and 1", deliveries, s.full)
	}
}

func TestListenEndsWhenLayerIsClosedMeanwhile(t *testing.T) {
	t.Parallel()
	m := memory(t, layer.Options{})
	if err := m.Send(t.Context(), "line", hello(t)); err != nil {
		t.Fatal(err)
	}
	s := &scripted{onDeliver: func() { m.Close() }}
	if _, err := m.Listen("line", s); !errors.Is(err, layer.ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}
