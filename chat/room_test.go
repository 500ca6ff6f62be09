package chat

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/store"
)

func TestOpenRoomMakesARoomOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	first := w.room(ada, "Küche")
	for _, name := range []string{"Küche", "küche", "KU\u0308CHE"} {
		if again := w.room(grace, name); again.ID != first.ID || again.Name != "Küche" || again.Creator != ada.ID {
			t.Errorf("%q opens %+v, want %+v", name, again, first)
		}
		if found, err := w.RoomByName(t.Context(), name); err != nil || found.ID != first.ID {
			t.Errorf("%q finds %+v, %v", name, found, err)
		}
	}
	_, err := w.OpenRoom(t.Context(), ada, "a b")
	wantCode(t, err, CodeRoomName)
	_, err = w.RoomByName(t.Context(), "lobby")
	wantCode(t, err, CodeNotFound)
}

func TestGuestsOnlyReadRoomsThatAreOpenToThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, guest := w.user("ada"), Person{}
	room := w.room(ada, "lobby")
	w.post(ada, "lobby", "hello")

	_, err := w.OpenRoom(t.Context(), guest, "new")
	wantCode(t, err, CodeNotFound)
	if _, err := w.store.RoomByKey(t.Context(), "new"); err == nil {
		t.Error("a guest made a room")
	}
	closed := func(held Room) {
		t.Helper()
		_, err := w.OpenRoom(t.Context(), guest, "lobby")
		wantCode(t, err, CodeForbidden)
		_, _, err = w.History(t.Context(), guest, held, ID{}, 10)
		wantCode(t, err, CodeForbidden)
		_, err = w.Window(t.Context(), guest, held, 0, "")
		wantCode(t, err, CodeForbidden)
		_, err = w.Window(t.Context(), guest, held, 1, w.Log())
		wantCode(t, err, CodeForbidden)
	}
	closed(room)

	open, err := w.SetGuests(t.Context(), ada, false, "lobby", true)
	if err != nil || !open.Guests {
		t.Fatalf("got %+v, %v", open, err)
	}
	if _, err := w.OpenRoom(t.Context(), guest, "lobby"); err != nil {
		t.Error(err)
	}
	if window, err := w.Window(t.Context(), guest, room, 0, ""); err != nil || len(window.Messages) != 1 {
		t.Errorf("a guest sees %+v, %v", window, err)
	}
	if events, _, err := w.History(t.Context(), guest, room, ID{}, 10); err != nil || len(events) != 1 {
		t.Errorf("a guest reads %+v, %v", events, err)
	}
	_, err = w.Post(t.Context(), guest, "lobby", ID{}, "hi")
	wantCode(t, err, CodeForbidden)
	_, _, err = w.PrivateHistory(t.Context(), guest, "ada", ID{}, 10)
	wantCode(t, err, CodeForbidden)
	_, err = w.Inbox(t.Context(), guest, 0, "")
	wantCode(t, err, CodeForbidden)

	if _, err := w.SetGuests(t.Context(), ada, false, "lobby", false); err != nil {
		t.Fatal(err)
	}
	closed(open) // whoever still holds the room as it was
}

func TestOnlyCreatorsAndAdminsChangeRooms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	room := w.room(ada, "lobby")
	for _, tt := range []struct {
		name  string
		who   Person
		admin bool
		may   bool
	}{
		{"who made it", ada, false, true},
		{"an admin", grace, true, true},
		{"anybody", grace, false, false},
		{"a guest", Person{}, false, false},
		{"a guest who says to be an admin", Person{}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := room.ModeratedBy(tt.who, tt.admin); got != tt.may {
				t.Errorf("ModeratedBy is %t, want %t", got, tt.may)
			}
			_, err := w.SetGuests(t.Context(), tt.who, tt.admin, "lobby", true)
			if tt.may && err != nil {
				t.Error(err)
			}
			if !tt.may {
				wantCode(t, err, CodeForbidden)
			}
		})
	}
}

func TestRoomsPerHourLimitsOnePerson(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, Options{RoomsPerHour: 2, Now: func() time.Time { return now }})
	ada, grace := w.user("ada"), w.user("grace")
	w.room(ada, "one")
	w.room(ada, "two")
	_, err := w.OpenRoom(t.Context(), ada, "three")
	if refusal := wantCode(t, err, CodeRateLimited); refusal.RetryAfter != 1800 {
		t.Errorf("retry after %d s, want 1800", refusal.RetryAfter)
	}
	w.room(ada, "one") // only making a room counts
	w.room(grace, "four")
	now = now.Add(31 * time.Minute)
	w.room(ada, "three")
	_, err = w.OpenRoom(t.Context(), ada, "five")
	wantCode(t, err, CodeRateLimited)
}

func TestRoomLimitForgetsWhoMakesNone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := newRoomLimit(1)
	for range 2*maxRoomLimiters + 1 {
		if _, err := l.take(store.NewID(), now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if len(l.limiters) > maxRoomLimiters {
		t.Errorf("%d people are counted", len(l.limiters))
	}
}

func TestRoomsListsThoseWithPeopleFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	quiet := w.room(ada, "quiet")
	for _, name := range []string{"old", "Busy", "new"} {
		w.room(ada, name)
	}
	w.post(ada, "old", "hello")
	busy := w.room(ada, "busy")
	roomEvents := w.listen(RoomGroup(quiet.ID), RoomGroup(busy.ID))
	for _, visit := range []struct {
		who  Person
		room Room
	}{{ada, busy}, {grace, busy}, {ada, quiet}} {
		w.Enter(visit.who, visit.room)
	}
	roomEvents.take(3) // the observer has heard of them

	want := []RoomInfo{{"Busy", 2}, {"quiet", 1}, {"old", 0}, {"new", 0}}
	for limit, want := range map[int][]RoomInfo{0: want, 500: want, 3: {{"Busy", 2}, {"quiet", 1}, {"old", 0}}} {
		got, err := w.Rooms(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
	w.LogOut(ada.ID)
	w.LogOut(grace.ID)
	roomEvents.take(3)
	if got, err := w.Rooms(t.Context(), 1); err != nil || got[0].Users != 0 || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestANewRoomIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	ear := w.listen(RoomsGroup)
	w.room(ada, "Lobby")
	if got := ear.next(); got != `{"type":"room","room":"Lobby","users":0}` {
		t.Errorf("got %s", got)
	}
}

// TestCountsAreToldAtMostTenTimesASecond also holds that the last state is always told.
func TestCountsAreToldAtMostTenTimesASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var current, told, times int
		c := newCounts(func(ID) {
			told = current
			times++
		})
		room := store.NewID()
		for current = 1; current <= 3000; current++ { // for three seconds
			c.mark(room)
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		if times < 25 || times > 32 {
			t.Errorf("told %d times in 3 s", times)
		}
		current = 5000
		c.mark(room)
		time.Sleep(countPause)
		synctest.Wait()
		if told != 5000 {
			t.Errorf("last told %d", told)
		}
		current = 6000
		c.mark(room)
		c.close()
		if told != 6000 {
			t.Errorf("at the end told %d", told)
		}
	})
}

func TestRoomCacheIsBoundedAndKeepsTheNewest(t *testing.T) {
	t.Parallel()
	r := newRooms(nil)
	row := func(i int, place int64, guests bool) *store.Room {
		key := fmt.Sprint("room", i)
		return &store.Room{Header: store.Header{Place: place}, ID: store.RoomID(key), Name: key, Key: key, Guests: guests}
	}
	r.put(row(0, 7, true))
	if got := r.put(row(0, 6, false)); !got.Guests {
		t.Error("an older state took the place of a newer one")
	}
	for i := range maxCachedRooms + 100 {
		r.put(row(i, 8, false))
	}
	if len(r.ids) > maxCachedRooms || len(r.keys) != len(r.ids) {
		t.Errorf("holds %d rooms and %d keys", len(r.ids), len(r.keys))
	}
}

func TestWhoLosesARoomIsKnownOnlyOfRoomsThatAreHeld(t *testing.T) {
	t.Parallel()
	row := func(place int64, guests, deleted bool) *store.Room {
		return &store.Room{Header: store.Header{Place: place}, ID: store.RoomID("lobby"), Name: "lobby", Key: "lobby", Guests: guests, Deleted: deleted}
	}
	for name, test := range map[string]struct {
		held *store.Room
		row  *store.Room
		want bool
	}{
		"closed to guests":           {row(1, true, false), row(2, false, false), true},
		"as closed as it was":        {row(1, false, false), row(2, false, false), false},
		"opened":                     {row(1, false, false), row(2, true, false), false},
		"closed, and read by others": {row(2, false, false), row(2, false, false), true},
		"not held":                   {nil, row(2, false, false), false},
		"deleted":                    {row(1, false, false), row(2, false, true), true},
		"deleted and not held":       {nil, row(2, false, true), true},
	} {
		r := newRooms(nil)
		if test.held != nil {
			r.put(test.held)
		}
		if got := r.renew(test.row); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if now := r.ids[test.row.ID]; now.Guests != test.row.Guests || now.deleted != test.row.Deleted || (r.keys["lobby"] != nil) == test.row.Deleted {
			t.Errorf("%s: held as %+v", name, now)
		}
	}
}
