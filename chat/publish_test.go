package chat

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"snug/layer"
	"snug/store"
)

// TestEveryListenerHearsTheStoredMessagesInOrder has many people post into some rooms at once: each listener of a room
// gets exactly what is stored of it, each once, in order of Seq.
func TestEveryListenerHearsTheStoredMessagesInOrder(t *testing.T) {
	t.Parallel()
	const posters, each, rooms, listeners = 16, 40, 3, 5
	w := newWorld(t, Options{})
	var people []Person
	for i := range posters {
		people = append(people, w.user(fmt.Sprint("user", i)))
	}
	ears := make(map[string][]*ear)
	opened := make(map[string]Room)
	for i := range rooms {
		name := fmt.Sprint("room", i)
		opened[name] = w.room(people[0], name)
		for range listeners {
			ears[name] = append(ears[name], w.listen(RoomGroup(opened[name].ID)))
		}
	}
	var group sync.WaitGroup
	for _, who := range people {
		group.Go(func() {
			for i := range each {
				r, err := w.Post(t.Context(), who, fmt.Sprint("room", i%rooms), ID{}, "*x*")
				if err == nil && i%4 == 0 {
					_, err = w.Edit(t.Context(), who, r.ID, "y")
				}
				if err == nil && i%8 == 0 {
					_, err = w.Delete(t.Context(), who, r.ID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for name, room := range opened {
		stored, _, err := w.store.Since(t.Context(), room.ID, 0, 10*posters*each)
		if err != nil {
			t.Fatal(err)
		}
		newest := make(map[ID]int64)
		for _, m := range stored {
			newest[m.ID] = m.Place
		}
		states := 0
		for i := range each {
			if fmt.Sprint("room", i%rooms) != name {
				continue
			}
			states++
			if i%4 == 0 {
				states++
			}
			if i%8 == 0 {
				states++
			}
		}
		for _, ear := range ears[name] {
			heard := make(map[ID]int64)
			var last int64
			for _, e := range ear.events(states * posters) {
				if e.Seq <= last {
					t.Fatalf("%s: seq %d after %d", name, e.Seq, last)
				}
				last = e.Seq
				if wantType := TypeMessage; heard[e.ID] == 0 && e.Type != wantType {
					t.Errorf("%s: a message is first heard of as %s", name, e.Type)
				}
				heard[e.ID] = e.Seq
			}
			if !maps.Equal(heard, newest) || len(ear.rest()) > 0 {
				t.Errorf("%s: heard %d messages and %d frames more, stored are %d", name, len(heard), len(ear.rest()), len(newest))
			}
		}
	}
}

// screen is what a client shows of a room, as docs/protocol.md tells clients to.
type screen struct {
	shown map[ID]Event // the state with the greatest seq
	seq   int64
	log   string
}

func (s *screen) see(e Event) {
	if e.Seq > s.shown[e.ID].Seq {
		s.shown[e.ID] = e
	}
	s.seq = max(s.seq, e.Seq)
}

// enter shows a window, in place of what there was unless that was recovered.
func (s *screen) enter(window Window) {
	if !window.Recovered {
		s.shown = make(map[ID]Event)
	}
	for _, e := range window.Messages {
		s.see(e)
	}
	s.seq, s.log = max(s.seq, window.Seq), window.Log
}

// TestRecoveryShowsWhatIsStored posts, edits and deletes at random while a client breaks off and comes back at random
// moments, sometimes hearing things before its window and sometimes things that its window has already. In the end it
// shows each message as it is stored, whenever it had been there for the beginning.
func TestRecoveryShowsWhatIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		rounds++
		name := fmt.Sprint("room", rounds)
		room := w.room(ada, name)
		client := &screen{}
		var line *ear // nil while the connection is broken
		var ids []ID
		enter := func() {
			line = w.listen(RoomGroup(room.ID))
			if rapid.Bool().Draw(rt, "something happens before the window") {
				ids = append(ids, w.post(ada, name, "between").ID)
			}
			window, err := w.Window(t.Context(), ada, room, client.seq, client.log)
			if err != nil {
				rt.Fatal(err)
			}
			client.enter(window)
		}
		hear := func() {
			w.post(ada, name, "last") // what came before it has been told when it is told
			for last := ""; last != "last"; {
				e := line.events(1)[0]
				client.see(e)
				last = e.Message
			}
		}
		enter()
		rt.Repeat(map[string]func(*rapid.T){
			"post": func(rt *rapid.T) { ids = append(ids, w.post(ada, name, "new").ID) },
			"edit": func(rt *rapid.T) {
				if len(ids) == 0 {
					rt.Skip("nothing to edit")
				}
				_, err := w.Edit(t.Context(), ada, rapid.SampledFrom(ids).Draw(rt, "id"), rapid.StringMatching(`[a-z]{1,3}`).Draw(rt, "text"))
				if err != nil {
					wantCode(t, err, CodeNotFound) // it was deleted
				}
			},
			"delete": func(rt *rapid.T) {
				if len(ids) == 0 {
					rt.Skip("nothing to delete")
				}
				if _, err := w.Delete(t.Context(), ada, rapid.SampledFrom(ids).Draw(rt, "id")); err != nil {
					rt.Fatal(err)
				}
			},
			"break": func(rt *rapid.T) {
				if line == nil {
					rt.Skip("broken already")
				}
				if rapid.Bool().Draw(rt, "having heard everything") {
					hear()
				}
				line = nil
			},
			"return": func(rt *rapid.T) {
				if line != nil {
					rt.Skip("there already")
				}
				enter()
			},
		})
		if line == nil {
			enter()
		}
		hear()
		stored, _, err := w.store.Since(t.Context(), room.ID, 0, 10_000)
		if err != nil {
			rt.Fatal(err)
		}
		if len(stored) != len(client.shown) {
			rt.Fatalf("shows %d messages, stored are %d", len(client.shown), len(stored))
		}
		for _, m := range stored {
			if e := client.shown[m.ID]; e.Message != m.Text || e.Deleted != m.Deleted || e.Seq != m.Place || (e.Edited == 0) != (m.Edited.IsZero() || m.Deleted) {
				rt.Fatalf("shows %+v, stored is %+v", e, m)
			}
		}
	})
}

// TestCloseTellsWhatIsStored holds that what was acknowledged before Close is told by the time that Close returns.
func TestCloseTellsWhatIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	ear := w.listen(RoomGroup(room.ID))
	for range 20 {
		w.post(ada, "lobby", "hello")
	}
	w.Close()
	w.Close()
	if got := len(ear.rest()); got != 20 {
		t.Errorf("told %d of 20", got)
	}
	w.post(ada, "lobby", "a store that goes on is not held up")
}

// TestPublishingAsksNoQueryForWhatIsKnown takes the store away from the caches: a message whose author, room and
// mentioned names have turned up before needs it no more.
func TestPublishingAsksNoQueryForWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	room := w.room(ada, "lobby")
	ear := w.listen(RoomGroup(room.ID), UserGroup(grace.ID))
	w.post(ada, "lobby", "hi @grace and @nobody")
	w.post(ada, "lobby", "/pm grace hi")
	ear.take(2)
	w.publisher.close()
	w.people.store, w.rooms.store = nil, nil
	for _, m := range []*store.Message{
		{ID: store.NewID(), Room: room.ID, Author: ada.ID, Text: "again, @Grace and @nobody"},
		{ID: store.NewID(), Author: ada.ID, Target: grace.ID, Text: "again, @Grace and @nobody"},
	} {
		w.publisher.publish(t.Context(), commit{rows: []store.Row{m}})
	}
	for _, e := range ear.events(2) {
		if got, want := asJSON(t, e.Body), `["again, ",{"mention":"grace"}," and @nobody"]`; got != want || e.User != "ada" {
			t.Errorf("got %+v", e)
		}
	}
}

// stuck is a listener that takes nothing until it is let go.
type stuck struct {
	hold   chan struct{}
	heard  chan *layer.Message
	opened sync.Once
}

func (s *stuck) Deliver(m *layer.Message) error {
	<-s.hold
	s.heard <- m
	return nil
}

func (s *stuck) Full() {}

// TestPostingWaitsWhenPublishingCannotKeepUp fills the queue of commits: posting stops, and goes on with nothing lost.
func TestPostingWaitsWhenPublishingCannotKeepUp(t *testing.T) {
	t.Parallel()
	const posts = 3 * publishQueue
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	s := &stuck{hold: make(chan struct{}), heard: make(chan *layer.Message, posts)}
	stop, err := w.layer.Listen("stuck", s)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := w.layer.GroupAdd(t.Context(), RoomGroup(room.ID), "stuck"); err != nil {
		t.Fatal(err)
	}
	letGo := func() { s.opened.Do(func() { close(s.hold) }) }
	defer letGo()
	done := make(chan error, 1)
	go func() {
		for range posts {
			if _, err := w.Post(t.Context(), ada, "lobby", ID{}, "x"); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	// One commit is being told, publishQueue wait, and the next one waits for its place: nothing more is stored.
	begin := room.place(t, w)
	for w.Seq() < begin+publishQueue {
		runtime.Gosched()
	}
	if ahead := w.Seq() - begin; ahead > publishQueue+2 {
		t.Errorf("%d posts are ahead of the listener", ahead)
	}
	letGo()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for range posts {
		<-s.heard
	}
}

func (r Room) place(t *testing.T, w *world) int64 {
	t.Helper()
	row, err := w.store.RoomByID(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	return row.Place
}

func TestPeopleCacheIsBoundedAndKeepsTheNewest(t *testing.T) {
	t.Parallel()
	p := newPeople(nil, func(name string) (string, error) { return name, nil })
	row := func(i int, place int64, name string) *store.User {
		return &store.User{Header: store.Header{Place: place}, ID: ID{byte(i >> 16), byte(i >> 8), byte(i), 1}, Name: name, Key: name}
	}
	p.put(row(1, 7, "new"))
	if got := p.put(row(1, 6, "old")); got.Name != "new" {
		t.Errorf("an older state took the place of a newer one: %v", got)
	}
	p.know(Person{ID: row(1, 0, "").ID, Name: "older"})
	for i := range maxCachedPeople + 100 {
		p.put(row(i, 8, fmt.Sprint(i)))
	}
	if len(p.ids) > maxCachedPeople || len(p.keys) != len(p.ids) {
		t.Errorf("holds %d people and %d keys", len(p.ids), len(p.keys))
	}
	for i := range maxCachedStrangers + 100 {
		p.putStranger(fmt.Sprint("nobody", i), p.changes)
	}
	if len(p.strangers) > maxCachedStrangers {
		t.Errorf("holds %d strangers", len(p.strangers))
	}
	p.putStranger("late", p.changes-1)
	if _, held := p.strangers["late"]; held {
		t.Error("a key is held as nobody's although people came since it was looked up")
	}
	if got := slices.Sorted(maps.Keys(p.keys)); len(got) == 0 {
		t.Error("nobody is held")
	}
}

// BenchmarkPost measures from the post of 64 people to the frame at one listener of the room, fsync included.
func BenchmarkPost(b *testing.B) {
	for name, text := range map[string]string{
		"plain":  "A message of usual length, such as people write all day.",
		"marked": "A **message** of usual length, with a `word` for @user1 at https://example.org/.",
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, Options{})
			people := make(chan Person, 64)
			var room Room
			for i := range cap(people) {
				who := w.user(fmt.Sprint("user", i))
				if i == 0 {
					room = w.room(who, "lobby")
				}
				people <- who
			}
			ear := w.listen(RoomGroup(room.ID))
			b.ReportAllocs()
			b.SetParallelism(32) // goroutines for each core: 64 on the two of the reference machine
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				who := <-people
				defer func() { people <- who }()
				for pb.Next() {
					if _, err := w.Post(b.Context(), who, "lobby", ID{}, text); err != nil {
						b.Error(err)
					}
				}
			})
			ear.take(b.N)
		})
	}
}

// BenchmarkPublish measures what one new message costs between the store and the group.
func BenchmarkPublish(b *testing.B) {
	w := newWorld(b, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	row := &store.Message{ID: store.NewID(), Room: room.ID, Author: ada.ID, Text: "A message of usual length, such as people write all day."}
	b.ReportAllocs()
	for b.Loop() {
		w.publisher.publish(b.Context(), commit{rows: []store.Row{row}})
	}
}
