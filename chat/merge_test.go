package chat

import (
	"strings"
	"testing"
	"time"

	"snug/store"
)

// TestMessagesWaitForTheirRoomAndAuthor merges rows of another node in the wrong order.
func TestMessagesWaitForTheirRoomAndAuthor(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, Options{NameKey: func(name string) (string, error) { return strings.ToLower(name), nil }})
	ada := w.user("ada")
	grace, feed, seq := store.NewID(), store.NewID(), uint64(0)
	ear := w.listen(RoomGroup(store.RoomID("garden")), UserGroup(ada.ID))
	merge := func(rows ...store.Row) {
		t.Helper()
		if _, err := w.store.Merge(ctx, rows); err != nil {
			t.Fatal(err)
		}
	}
	header := func() store.Header {
		seq++
		return store.Header{Origin: store.Origin{Stamp: store.StampAt(time.Now()) + store.Stamp(seq), Feed: feed, Seq: seq}}
	}
	message := func(text string, target ID) *store.Message {
		h := header()
		m := &store.Message{Header: h, ID: store.NewID(), Room: store.RoomID("garden"), Author: grace, Target: target, Posted: h.Stamp, Text: text}
		if !target.IsZero() {
			m.Room = store.PairID(grace, target)
		}
		return m
	}
	merge(message("before the room", ID{}), message("psst", ada.ID))
	if e := ear.events(1)[0]; e.Type != TypePrivate || e.User != "user-"+grace.Hex()[:8] {
		t.Errorf("told %+v", e)
	}
	if rooms, err := w.Rooms(ctx, 10); err != nil || len(rooms) != 0 {
		t.Errorf("rooms = %v, %v", rooms, err)
	}
	_, err := w.RoomByName(ctx, "garden")
	wantCode(t, err, CodeNotFound)
	inbox, err := w.Inbox(ctx, ada, 0, "")
	if err != nil || len(inbox.Conversations) != 1 || inbox.Conversations[0].Message != "psst" {
		t.Errorf("inbox = %+v, %v", inbox, err)
	}

	merge(&store.Room{Header: header(), ID: store.RoomID("garden"), Name: "Garden", Key: "garden", Creator: grace, Created: time.Now()})
	room, err := w.RoomByName(ctx, "garden")
	if err != nil {
		t.Fatal(err)
	}
	window, err := w.Window(ctx, ada, room, 0, "")
	if err != nil || len(window.Messages) != 1 || window.Messages[0].User != "user-"+grace.Hex()[:8] {
		t.Errorf("window = %+v, %v", window, err)
	}

	merge(&store.User{Header: header(), ID: grace, ClaimedName: "Grace", ClaimedKey: "grace", Claimed: 1, Said: store.Standing{Password: "!"}})
	merge(message("after all", ID{}))
	if e := ear.events(1)[0]; e.User != "Grace" {
		t.Errorf("told %+v", e)
	}
	window, err = w.Window(ctx, ada, room, 0, "")
	if err != nil || len(window.Messages) != 2 || window.Messages[0].User != "Grace" {
		t.Errorf("window = %+v, %v", window, err)
	}
	if msgs, _, err := w.PrivateHistory(ctx, ada, "grace", ID{}, 10); err != nil || len(msgs) != 1 {
		t.Errorf("private history = %+v, %v", msgs, err)
	}
}
