package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOpenRoomMakesItOnce(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r, created, err := s.OpenRoom(ctx, Room{ID: NewID(), Name: "Lobby", Key: "lobby", Creator: NewID(), Created: day})
			if err != nil || r.ID != RoomID("lobby") {
				t.Errorf("open room: %+v, %v", r, err)
			}
			if created {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 || s.Seq() != 1 {
		t.Errorf("made %d times, %d places", made.Load(), s.Seq())
	}
	byKey, err := s.RoomByKey(ctx, "lobby")
	if err != nil {
		t.Fatal(err)
	}
	byID, err := s.RoomByID(ctx, RoomID("lobby"))
	if err != nil || byID != byKey || byID.Name != "Lobby" || byID.Creator.IsZero() || !byID.Created.Equal(day) {
		t.Errorf("room = %+v and %+v, %v", byKey, byID, err)
	}
}

func TestUpdateRoomKeepsItsKey(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	r := addRoom(t, s, "lobby")
	got, err := s.UpdateRoom(ctx, r.ID, func(r *Room) error { r.Guests, r.Key, r.ID = true, "other", NewID(); return nil })
	if err != nil || !got.Guests || got.Key != "lobby" || got.ID != r.ID || got.Stamp <= r.Stamp {
		t.Errorf("room = %+v, %v", got, err)
	}
	refused := errors.New("refused")
	if _, err := s.UpdateRoom(ctx, r.ID, func(*Room) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error = %v, want that of change", err)
	}
	if _, err := s.UpdateRoom(ctx, NewID(), func(*Room) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown room: %v, want ErrNotFound", err)
	}
	if _, err := s.RoomByKey(ctx, "other"); !errors.Is(err, ErrNotFound) {
		t.Errorf("other key: %v, want ErrNotFound", err)
	}
}

func TestRoomsAreInOrderOfActivity(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	a, b, c := addRoom(t, s, "a"), addRoom(t, s, "b"), addRoom(t, s, "c")
	ada := NewID()
	first := say(t, s, a.ID, ada, "hello")
	say(t, s, b.ID, ada, "hello")
	whisper(t, s, ada, NewID(), "hello")
	say(t, s, RoomID("not here yet"), ada, "hello")
	// Neither an edit nor a setting is activity.
	if _, err := s.UpdateMessage(ctx, first.ID, func(m *Message) error { m.Text = "Hello"; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateRoom(ctx, c.ID, func(r *Room) error { r.Guests = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		limit int
		want  []string
	}{{10, []string{"b", "a", "c"}}, {2, []string{"b", "a"}}, {0, []string{}}} {
		rooms, err := s.Rooms(ctx, tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		keys := []string{}
		for _, r := range rooms {
			keys = append(keys, r.Key)
		}
		if diff := cmp.Diff(tt.want, keys); diff != "" {
			t.Errorf("limit %d: %s", tt.limit, diff)
		}
	}
	// A room that comes after its messages stands where they put it.
	say(t, s, a.ID, ada, "hello again")
	addRoom(t, s, "not here yet")
	if rooms, err := s.Rooms(ctx, 2); err != nil || rooms[0].Key != "a" || rooms[1].Key != "not here yet" {
		t.Errorf("rooms = %v, %v", rooms, err)
	}
}

// Whoever opens a room on a node that does not know it makes it there, and would moderate it everywhere.
func TestRoomStaysThatOfWhoMadeItFirst(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	here, there := openAt(t, t.TempDir(), Options{}), openAt(t, t.TempDir(), Options{})
	ada, eve := ID{1}, ID{2}
	made := time.Now().Add(-time.Hour)
	lobby, _, err := here.OpenRoom(ctx, Room{Name: "Lobby", Key: "lobby", Creator: ada, Created: made})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := there.OpenRoom(ctx, Room{Name: "LOBBY", Key: "lobby", Creator: eve, Created: made.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	opened, err := there.UpdateRoom(ctx, lobby.ID, func(r *Room) error { r.Guests = true; return nil })
	if err != nil || opened.Stamp < lobby.Stamp {
		t.Fatalf("room there = %+v, %v", opened, err)
	}
	for range 2 {
		merge(t, there, everything(t, here)...)
		merge(t, here, everything(t, there)...)
	}
	for name, s := range map[string]*Store{"here": here, "there": there} {
		if r, err := s.RoomByKey(ctx, "lobby"); err != nil || r.Creator != ada || r.Guests || r.Name != "Lobby" {
			t.Errorf("%s, the room is %+v, %v", name, r, err)
		}
	}
	// What its maker says of it then counts everywhere.
	changed, err := there.UpdateRoom(ctx, lobby.ID, func(r *Room) error { r.Guests = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	merge(t, here, &changed)
	if r, err := here.RoomByKey(ctx, "lobby"); err != nil || !r.Guests || r.Creator != ada {
		t.Errorf("after a change, the room is %+v, %v", r, err)
	}
	if a, b := fingerprintOf(t, here), fingerprintOf(t, there); a != b {
		t.Errorf("the nodes differ: %s, %s", a, b)
	}
}
