//go:build linux && network

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/snugtest"
	"snug/store"
)

// What taking over a million messages may cost, where nobody looks for data races: how long it takes, and the 99th of a hundred posts on the node that gives.
const (
	takeoverMost = 3 * time.Minute
	postingMost  = 200 * time.Millisecond
)

// TestNetworkNewNodeTakesOverManyMessages: a new node gets all there is, shows how far it is, and the node that gives does not keep people waiting.
func TestNetworkNewNodeTakesOverManyMessages(t *testing.T) {
	t.Parallel()
	messages, long := 10_000, os.Getenv("SNUG_LONG") != ""
	if long {
		messages = 1_000_000
	}
	n := snugtest.NewNetwork(t)
	a := startSite(t, n.Host("attic"), filepath.Join(t.TempDir(), "data"))
	ada := a.host.SignUp(a.URL, "ada", password)
	do(t, a.sit(t, ada), snugtest.Frame{"type": "join", "room": "archive"})
	a.Stop()
	began := time.Now()
	fill(t, a.Dir, "archive", messages)
	t.Logf("%d messages were made in %v", messages, time.Since(began).Round(time.Second))
	a.Restart()

	talkers := []*talker{newTalker("ada", "lobby", ada, a)}
	talkers[0].pause = 10 * time.Millisecond
	during(t, talkers, func() { wait(t, 3*time.Second) })
	alone := percentile(talkers[0].took, 99)
	talkers[0].took = nil

	var b *site
	var progress []uint64
	during(t, talkers, func() {
		began = time.Now()
		b = joinSite(t, n.Host("barn"), a)
		eventually(t, "the new node has everything", 5*time.Minute, func() bool {
			m, found := b.member(t, a)
			if !found || m.RowsAhead == nil {
				return false
			}
			if last := len(progress) - 1; last < 0 || progress[last] != *m.RowsAhead {
				progress = append(progress, *m.RowsAhead)
			}
			return *m.RowsAhead < 100 // somebody goes on talking
		})
	})
	taken, slow := time.Since(began).Round(time.Millisecond), percentile(talkers[0].took, 99)
	t.Logf("after %v the new node had everything; posting meanwhile, %d times: p50 %v, p99 %v, and %v before",
		taken, len(talkers[0].took), percentile(talkers[0].took, 50), slow, alone)
	t.Logf("it told %d times how many rows it lacked", len(progress))
	if long && !snugtest.Race && (taken > takeoverMost || slow > postingMost) {
		t.Errorf("it may take %v, and posting %v", takeoverMost, postingMost)
	}
	if len(progress) < 3 || progress[0] < uint64(messages)/2 {
		t.Error("the progress was not to be seen")
	}
	sites := []*site{a, b}
	sessionHolds(t, ada, sites)
	if !long { // a person may ask for so many pages of history that the whole of it would take half an hour
		if v := equalWithin(t, equalWait, ada, sites, talkers); len(v.Rooms["archive"]) != messages {
			t.Errorf("of %d messages there are %d", messages, len(v.Rooms["archive"]))
		}
	}
	a.Stop()
	b.Stop()
	for room, want := range map[string]int{"archive": messages, talkers[0].room: len(talkers[0].acked)} {
		history, there := kept(t, a.Dir, room)
		other, thereToo := kept(t, b.Dir, room)
		if there < want || thereToo < want {
			t.Errorf("%s: of %d messages there are %d and %d", room, want, there, thereToo)
		}
		if history != other {
			t.Errorf("%s: the histories differ", room)
		}
	}
}

// kept tells what is stored of a room's messages, by a hash of them, and how many there are.
func kept(t *testing.T, dir, room string) (sum [sha256.Size]byte, messages int) {
	t.Helper()
	st, err := store.Open(t.Context(), dir, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r, err := st.RoomByKey(t.Context(), room)
	if err != nil {
		t.Fatal(err)
	}
	all := sha256.New()
	for before, more := (store.ID{}), true; more; {
		var page []store.Message
		if page, more, err = st.History(t.Context(), r.ID, before, 1000); err != nil {
			t.Fatal(err)
		}
		for _, m := range slices.Backward(page) {
			m.Place = 0 // each node has its own
			fmt.Fprintf(all, "%+v\n", m)
		}
		messages += len(page)
		before = page[0].ID
	}
	return [sha256.Size]byte(all.Sum(nil)), messages
}

// fill puts messages into a room, as if people had posted them for years.
func fill(t *testing.T, dir, room string, messages int) {
	t.Helper()
	st, err := store.Open(t.Context(), dir, store.Options{Synchronous: "normal", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r, err := st.RoomByKey(t.Context(), room)
	if err != nil {
		t.Fatal(err)
	}
	const writers = 2000 // who share a commit
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := w; i < messages && ctx.Err() == nil; i += writers {
				_, _, err := st.PostMessage(ctx, store.Message{
					ID: store.ID(uuid.Must(uuid.NewV7())), Room: r.ID, Author: r.Creator, Text: fmt.Sprintf("message %d of long ago, with as many words as people use", i),
				})
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	writing.Wait()
	if err := context.Cause(ctx); err != nil {
		t.Fatal(err)
	}
}
