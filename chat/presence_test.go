package chat

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/store"
)

func TestPeopleInARoomAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("Grace")
	room := w.room(ada, "Lobby")
	ear := w.listen(RoomGroup(room.ID))

	w.Enter(ada, room)
	first, second := w.Enter(grace, room), w.Enter(grace, room)
	for _, want := range []string{`{"type":"user_join","room":"Lobby","user":"ada"}`, `{"type":"user_join","room":"Lobby","user":"Grace"}`} {
		if got := ear.next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if diff := cmp.Diff([]string{"Grace", "ada"}, w.Present(room)); diff != "" {
		t.Error(diff)
	}
	first.LeaveNow()
	second.LeaveNow()
	if got := ear.next(); got != `{"type":"user_leave","room":"Lobby","user":"Grace"}` {
		t.Errorf("got %s", got)
	}
	w.LogOut(ada.ID)
	if got := ear.next(); got != `{"type":"user_leave","room":"Lobby","user":"ada"}` {
		t.Errorf("got %s", got)
	}
	if got := w.Present(room); len(got) != 0 {
		t.Errorf("%v are still there", got)
	}
}

// TestOnlyPeopleWithAnAccountAreThere: what another node says is not enough to be somebody. Who has an account is told of when its row comes.
func TestOnlyPeopleWithAnAccountAreThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "Lobby")
	ear := w.listen(UsersGroup, RoomGroup(room.ID))
	late, never := store.NewID(), store.NewID()
	for _, id := range []store.ID{never, late} {
		w.tracker.Enter("", id.Hex())
		w.tracker.Enter(room.ID.Hex(), id.Hex())
	}
	w.EnterServer(ada)
	if got := ear.next(); got != `{"type":"presence","username":"ada","is_logged_in":true}` {
		t.Errorf("told %s", got)
	}
	if names, total, err := w.Online(t.Context(), 10); err != nil || total != 1 || len(w.Present(room)) != 0 {
		t.Errorf("online are %v of %d (%v), and in the room %v", names, total, err, w.Present(room))
	}
	if online := w.Chat.online(); len(online) != 1 {
		t.Errorf("%v are noted as seen", online)
	}

	row := &store.User{
		Header: store.Header{Origin: store.Origin{Stamp: store.StampAt(time.Now()), Feed: store.NewID(), Seq: 1}},
		ID:     late, ClaimedName: "Grace", ClaimedKey: "grace", Claimed: 1, Standing: store.Standing{Password: "!"},
	}
	if _, err := w.store.Merge(t.Context(), []store.Row{row}); err != nil {
		t.Fatal(err)
	}
	told := []string{ear.next(), ear.next()}
	slices.Sort(told)
	want := []string{`{"type":"presence","username":"Grace","is_logged_in":true}`, `{"type":"user_join","room":"Lobby","user":"Grace"}`}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if names, total, err := w.Online(t.Context(), 10); err != nil || total != 2 || !cmp.Equal(names, []string{"Grace", "ada"}) {
		t.Errorf("online are %v of %d, %v", names, total, err)
	}
	w.tracker.Drop(late.Hex())
	w.tracker.Drop(never.Hex())
	w.LogOut(ada.ID)
	for _, name := range []string{"Grace", "Grace", "ada"} {
		if got := ear.next(); !strings.Contains(got, name) {
			t.Errorf("told %s, want it to be about %s", got, name)
		}
	}
}

func TestRecentChangesAreToldOnce(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // of the clock
	w := newWorld(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	ada, grace := w.user("ada"), w.user("grace")
	ear := w.listen(UsersGroup)
	for _, happens := range []func(){func() { w.EnterServer(ada) }, func() { w.EnterServer(grace) }, func() { w.LogOut(grace.ID) }} {
		happens()
		ear.next()
	}
	recent := func() (told []string) {
		w.Recent(func(e PresenceEvent) { told = append(told, fmt.Sprint(e.Username, e.IsLoggedIn)) })
		return told
	}
	if diff := cmp.Diff([]string{"gracefalse", "adatrue"}, recent()); diff != "" {
		t.Error(diff)
	}
	ahead.Store(int64(recentTime) + int64(time.Minute))
	if told := recent(); len(told) > 0 {
		t.Errorf("told %v long after", told)
	}
	w.observer.telling.Lock()
	for i := range maxRecent + 10 {
		w.observer.keep(PresenceEvent{Username: fmt.Sprint(i)})
	}
	w.observer.telling.Unlock()
	if told := recent(); len(told) != maxRecent {
		t.Errorf("%d changes are told of, want %d", len(told), maxRecent)
	}
}

func TestPeopleOnlineAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	ear := w.listen(UsersGroup)
	w.EnterServer(ada)
	w.EnterServer(grace)
	w.EnterServer(grace)
	for _, name := range []string{"ada", "grace"} {
		if got, want := ear.next(), fmt.Sprintf(`{"type":"presence","username":"%s","is_logged_in":true}`, name); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for limit, want := range map[int][]string{0: {}, 1: {"ada"}, 500: {"ada", "grace"}} {
		names, total, err := w.Online(t.Context(), limit)
		if err != nil || total != 2 || !cmp.Equal(want, names) {
			t.Errorf("limit %d: got %v of %d, %v", limit, names, total, err)
		}
	}
	before := time.Now().UnixMilli()
	w.LogOut(grace.ID)
	var gone PresenceEvent
	if err := ear.take(1)[0].Decode(&gone); err != nil {
		t.Fatal(err)
	}
	if gone.Username != "grace" || gone.IsLoggedIn || gone.LastSeen < before || gone.LastSeen > time.Now().UnixMilli() {
		t.Errorf("got %+v", gone)
	}
}

func TestLastSeenIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	ear := w.listen(UsersGroup)
	w.EnterServer(ada)
	w.EnterServer(grace)
	ear.take(2)
	w.LogOut(grace.ID)
	var gone PresenceEvent
	if err := ear.take(1)[0].Decode(&gone); err != nil {
		t.Fatal(err)
	}
	closing := time.Now().UnixMilli()
	w.Close() // ada is online to the end
	seen, err := w.store.SeenByUser(t.Context(), []ID{ada.ID, grace.ID})
	if err != nil {
		t.Fatal(err)
	}
	if at := seen[grace.ID].UnixMilli(); at != gone.LastSeen {
		t.Errorf("grace was last seen %d, and others were told %d", at, gone.LastSeen)
	}
	if at := seen[ada.ID].UnixMilli(); at < closing {
		t.Errorf("ada was last seen %d, want the time of closing, %d", at, closing)
	}
}

func TestComingOnlineIsBeingSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	stored := make(chan *store.Seen, 2) // she leaves at the end
	t.Cleanup(w.store.Watch(func(rows []store.Row) {
		for _, row := range rows {
			if row, ok := row.(*store.Seen); ok {
				stored <- row
			}
		}
	}))
	before := time.Now().UnixMilli()
	w.EnterServer(ada)
	select {
	case seen := <-stored:
		if seen.User != ada.ID || seen.At.UnixMilli() < before {
			t.Errorf("stored %v at %v", seen.User, seen.At)
		}
	case <-time.After(patience):
		t.Fatal("a server that is killed now does not know that ada was here")
	}
}

func TestGuestsAreNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	if w.Enter(Person{}, room) != nil || w.EnterServer(Person{}) != nil {
		t.Error("a guest has a visit")
	}
	if w.tracker.Count("") != 0 || len(w.Present(room)) != 0 {
		t.Error("a guest is present")
	}
}

func TestCountsAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	room := w.room(ada, "lobby")
	w.Enter(ada, room)
	w.Enter(grace, room)
	ear := w.listen(RoomsGroup)
	w.EnterServer(ada) // no room
	w.Enter(w.user("eve"), room)
	for last := ""; last != `{"type":"room","room":"lobby","users":3}`; {
		last = ear.next()
	}
}

// TestStayingOnlineIsBeingSeen holds that a server that is killed knows about when people were there last.
func TestStayingOnlineIsBeingSeen(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	w := newWorld(t, Options{Now: func() time.Time { return later }})
	ada := w.user("ada")
	stored := make(chan time.Time, 10)
	defer w.store.Watch(func(rows []store.Row) {
		for _, row := range rows {
			if seen, ok := row.(*store.Seen); ok && seen.User == ada.ID {
				stored <- seen.At
			}
		}
	})()
	defer w.EnterServer(ada).LeaveNow()
	if at := <-stored; !at.Before(later) {
		t.Fatalf("ada came at %v", at)
	}
	w.observer.seen.refresh()
	if at := <-stored; !at.Equal(later) {
		t.Errorf("ada was last seen %v, want %v", at, later)
	}
}

func TestSeenWriterStoresTheLatest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	s := newSeenWriter(w.store, w.log, time.Now, func() []ID { return nil })
	var ids []ID
	for i := range 3 * seenAtOnce {
		id := w.user(fmt.Sprint("user", i)).ID
		s.note(id, time.UnixMilli(1000))
		s.note(id, time.UnixMilli(2000))
		ids = append(ids, id)
	}
	s.close()
	seen, err := w.store.SeenByUser(t.Context(), ids)
	if err != nil || len(seen) != len(ids) {
		t.Fatalf("%d of %d are stored, %v", len(seen), len(ids), err)
	}
	for id, at := range seen {
		if at.UnixMilli() != 2000 {
			t.Errorf("%s was seen %v", id, at)
		}
	}
}

func TestSeenWriterEndsWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSeenWriter(w.store, w.log, time.Now, func() []ID { return nil })
	for range maxSeen + 10 {
		s.note(store.NewID(), time.Now())
	}
	s.mu.Lock()
	waiting := len(s.pending)
	s.mu.Unlock()
	if waiting > maxSeen {
		t.Errorf("%d wait", waiting)
	}
	s.close()
}

// People of another node may be known before the room that they are in: that is no error, and the room's count follows with its row.
func TestPeopleInARoomThatIsOnItsWayAreNoError(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w := newWorld(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	ada := w.user("ada")
	w.tracker.Enter(store.RoomID("lobby").Hex(), ada.ID.Hex())
	w.tracker.Enter("", ada.ID.Hex())
	w.tracker.Close() // tells what waits
	w.Close()
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("logged:\n%s", log.String())
	}
}
