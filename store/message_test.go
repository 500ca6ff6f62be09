package store

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessageComesBackAsStored(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	m := say(t, s, RoomID("lobby"), NewID(), "line\n<img src=x onerror=alert(1)> é e\u0301 🦊 \x00 end")
	if m.Posted != m.Stamp || m.ID.IsZero() || m.Place != s.Seq() {
		t.Errorf("posted = %+v", m)
	}
	got, err := s.MessageByID(ctx, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Error(diff)
	}
	old := post(t, s, Message{Room: m.Room, Author: m.Author, Text: "imported", Posted: StampAt(day)})
	if old.Posted != StampAt(day) || old.Stamp <= m.Stamp {
		t.Errorf("posted %v, stamped %v", old.Posted.Time(), old.Stamp.Time())
	}
	if _, err := s.MessageByID(ctx, NewID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown message: %v, want ErrNotFound", err)
	}
}

func TestPostingAgainIsTheSameMessage(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada, bob, room := NewID(), NewID(), RoomID("lobby")
	first := post(t, s, Message{ID: NewID(), Room: room, Author: ada, Text: "hello"})
	seq := s.Seq()
	again, created, err := s.PostMessage(ctx, Message{ID: first.ID, Room: room, Author: ada, Text: "hello"})
	if err != nil || created || again != first {
		t.Errorf("again = %+v, created %v, %v", again, created, err)
	}
	for name, m := range map[string]Message{
		"another author": {ID: first.ID, Room: room, Author: bob, Text: "hello"},
		"another room":   {ID: first.ID, Room: RoomID("other"), Author: ada, Text: "hello"},
		"in private":     {ID: first.ID, Room: room, Author: ada, Target: bob, Text: "hello"},
	} {
		if _, _, err := s.PostMessage(ctx, m); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", name, err)
		}
	}
	if s.Seq() != seq {
		t.Error("a repeated post took a place")
	}
	deleted, err := s.UpdateMessage(ctx, first.ID, func(m *Message) error { m.Deleted = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if again, created, err := s.PostMessage(ctx, first); err != nil || created || again != deleted {
		t.Errorf("a repeat brought a deleted message back: %+v, %v, %v", again, created, err)
	}
}

func TestDeletedStaysDeleted(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	m := say(t, s, RoomID("lobby"), NewID(), "secret")
	edited, err := s.UpdateMessage(ctx, m.ID, func(m *Message) error { m.Text, m.Edited = "public", day; return nil })
	if err != nil || edited.Text != "public" || !edited.Edited.Equal(day) || edited.Stamp <= m.Stamp || edited.Posted != m.Posted {
		t.Fatalf("edited = %+v, %v", edited, err)
	}
	deleted, err := s.UpdateMessage(ctx, m.ID, func(m *Message) error { m.Deleted = true; return nil })
	if err != nil || !deleted.Deleted || deleted.Text != "" {
		t.Fatalf("deleted = %+v, %v", deleted, err)
	}
	back, err := s.UpdateMessage(ctx, m.ID, func(m *Message) error { m.Deleted, m.Text = false, "back"; return nil })
	if err != nil || !back.Deleted || back.Text != "" {
		t.Fatalf("brought back = %+v, %v", back, err)
	}
	stored, err := s.MessageByID(ctx, m.ID)
	if err != nil || stored != back {
		t.Errorf("stored %+v, returned %+v, %v", stored, back, err)
	}
}

func TestUpdateMessageChangesOnlyItsText(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	m := say(t, s, RoomID("lobby"), NewID(), "hello")
	got, err := s.UpdateMessage(ctx, m.ID, func(m *Message) error {
		*m = Message{ID: NewID(), Room: NewID(), Author: NewID(), Target: NewID(), Posted: 1, Text: "bye"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := m
	want.Header, want.Text = got.Header, "bye"
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if stored, err := s.MessageByID(ctx, m.ID); err != nil || stored != got {
		t.Errorf("stored %+v, returned %+v, %v", stored, got, err)
	}
	if _, err := s.UpdateMessage(ctx, NewID(), func(*Message) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown message: %v, want ErrNotFound", err)
	}
	refused := errors.New("refused")
	if _, err := s.UpdateMessage(ctx, m.ID, func(*Message) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error = %v, want that of change", err)
	}
}
