package web

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"snug/chat"
	"snug/layer"
)

// taker is a listener that keeps what it gets.
type taker struct {
	got  []string
	full int
}

func (k *taker) Deliver(m *layer.Message) error {
	var f frame
	if err := m.Decode(&f); err != nil {
		return err
	}
	k.got = append(k.got, fmt.Sprint(f["type"], " ", f["user"], f["seq"]))
	return nil
}

func (k *taker) Full() { k.full++ }

func message(t *testing.T, v any) *layer.Message {
	t.Helper()
	m, err := layer.NewMessage(v)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDoorLeavesOutWhatWasTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		d := &door{next: k}
		tell := func(v any) {
			t.Helper()
			if err := d.Deliver(message(t, v)); err != nil {
				t.Fatal(err)
			}
		}
		said := func(seq int64) chat.Event {
			return chat.Event{Type: chat.TypeMessage, Room: "lobby", User: "m", Seq: seq}
		}
		came := func(kind, user string) chat.RoomEvent { return chat.RoomEvent{Type: kind, Room: "lobby", User: user} }
		tell(said(1))
		tell(came(chat.TypeJoin, "ada"))
		tell(came(chat.TypeLeave, "edsger"))
		tell(came(chat.TypeJoin, "grace"))
		tell(said(3))
		if len(k.got) != 0 {
			t.Fatalf("delivered before it was opened: %q", k.got)
		}
		d.open([]string{"ada"}, 2)
		tell(said(4))
		tell(chat.CountEvent{Type: chat.TypeRoom, Room: "lobby"})
		tell(came(chat.TypeLeave, "grace"))
		tell(came(chat.TypeLeave, "grace"))
		tell(came(chat.TypeLeave, "ada"))
		tell(came(chat.TypeJoin, "ada"))
		want := []string{"user_join grace<nil>", "chat_message m3", "chat_message m4", "user_leave grace<nil>", "user_leave ada<nil>", "user_join ada<nil>"}
		if !slices.Equal(k.got, want) {
			t.Errorf("delivered\n%q, want\n%q", k.got, want)
		}
		time.Sleep(newsTime)
		synctest.Wait()
		if !d.settled.Load() || d.here != nil {
			t.Error("the list of who is here is kept")
		}
	})
}

func TestDoorHoldsABoundedNumberOfFrames(t *testing.T) {
	t.Parallel()
	k := &taker{}
	d := &door{next: k}
	m := message(t, chat.Event{Type: chat.TypeMessage, Seq: 1})
	for range maxHeld {
		if err := d.Deliver(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Deliver(m); !errors.Is(err, layer.ErrChannelFull) {
		t.Errorf("error is %v, want %v", err, layer.ErrChannelFull)
	}
	d.Full()
	if k.full != 1 {
		t.Error("the socket was not told")
	}
}
