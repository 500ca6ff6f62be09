package store

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

func TestRowsAfterLeavesOutWhatIsCovered(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openTest(t)
	merge(t, s, peerMessages(3*streamScan, ID{0xf1}, 1)...)
	mine := say(t, s, RoomID("lobby"), ID{1}, "mine")
	rows, next, end, err := s.RowsAfter(ctx, 0, map[ID]uint64{{0xf1}: 3 * streamScan}, 10)
	if err != nil || len(rows) != 1 || OriginOf(rows[0]) != mine.Origin || next != mine.Place || !end {
		t.Errorf("rows = %v up to %d, end %v, %v", rows, next, end, err)
	}
	rows, next, end, err = s.RowsAfter(ctx, next, nil, 10)
	if err != nil || len(rows) != 0 || next != mine.Place || !end {
		t.Errorf("behind the end: %v up to %d, end %v, %v", rows, next, end, err)
	}
	if rows, next, end, err := s.RowsAfter(ctx, 5, nil, 0); len(rows) != 0 || next != 5 || end || err != nil {
		t.Errorf("no limit: %v up to %d, end %v, %v", rows, next, end, err)
	}
}

func TestRowsAfterIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openAt(t, t.TempDir(), Options{Synchronous: "normal"})
	big := peerMessages(3*streamFetch, ID{0xf1}, 1)
	for _, r := range big {
		r.(*Message).Text = strings.Repeat("x", streamBytes/streamFetch)
	}
	merge(t, s, big...)
	seq := uint64(0)
	for place, end, calls := int64(0), false, 0; !end; calls++ {
		var rows []Row
		var err error
		rows, place, end, err = s.RowsAfter(ctx, place, nil, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > 2*streamFetch || calls > 5 {
			t.Fatalf("%d rows in call %d", len(rows), calls)
		}
		for _, r := range rows {
			if seq++; OriginOf(r).Seq != seq {
				t.Fatalf("row %d comes as number %d", OriginOf(r).Seq, seq)
			}
		}
	}
	if seq != uint64(len(big)) {
		t.Errorf("%d rows, want %d", seq, len(big))
	}
}

// Several peers send the same rows at once while people post, read and open feeds.
func TestMergeGoesOnBesideEverythingElse(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openAt(t, t.TempDir(), Options{Synchronous: "normal"})
	alone := openAt(t, t.TempDir(), Options{Synchronous: "normal"})
	rows := append(randomHistory(rand.New(rand.NewPCG(5, 5)), 300), peerMessages(1000, ID{0xf9}, 1)...)
	var wg sync.WaitGroup
	for i := range 3 {
		some := shuffled(rand.New(rand.NewPCG(6, uint64(i))), rows)
		wg.Go(func() { merge(t, s, some...) })
	}
	var mine []Message
	wg.Go(func() {
		for range 30 {
			mine = append(mine, say(t, s, RoomID("attic"), ID{1}, "mine")) // a room that the history does not delete
			if err := s.NewFeed(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range 30 {
			if _, _, _, err := s.RowsAfter(ctx, 0, nil, 500); err != nil {
				t.Error(err)
			}
			if _, _, err := s.Vector(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	merge(t, alone, rows...)
	for _, m := range mine {
		got, err := s.MessageByID(ctx, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		merge(t, alone, &got)
	}
	if got, want := fingerprintOf(t, s), fingerprintOf(t, alone); got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	if vector, _, err := s.Vector(ctx); err != nil || vector[s.Feed()] != 30 {
		t.Errorf("vector = %v, %v", vector, err)
	}
}
