package main

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"snug/replica"
	"snug/store"
)

// openRows is a store as the replica sees it, with its own rows in the order in which they were handed on.
func openRows(t *testing.T) rows {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir(), store.Options{Synchronous: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return rows{st, slog.New(slog.DiscardHandler)}
}

func (s rows) user(t *testing.T, name string) {
	t.Helper()
	u := store.User{ID: store.NewID(), Name: name, Key: name, Standing: store.Standing{Password: "!"}, Created: time.Now()}
	if _, err := s.store.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

// all is what a peer that has nothing would get.
func (s rows) all(t *testing.T) []replica.Row {
	t.Helper()
	all, _, end, err := s.RowsAfter(t.Context(), 0, nil, 100)
	if err != nil || !end {
		t.Fatalf("end %v, %v", end, err)
	}
	return all
}

func TestRowsOfOneStoreAreReadByAnother(t *testing.T) {
	t.Parallel()
	a, b := openRows(t), openRows(t)
	a.user(t, "ada")
	a.user(t, "grace")
	merged, err := b.Merge(t.Context(), a.all(t))
	if err != nil || merged.Applied != 2 || merged.Aside != 0 || merged.Known[a.Feed()] != 2 {
		t.Errorf("merged %+v, %v", merged, err)
	}
	if _, err := b.store.UserByKey(t.Context(), "grace"); err != nil {
		t.Error(err)
	}
	vector, _, err := b.Vector(t.Context())
	if err != nil || vector[a.Feed()] != 2 {
		t.Errorf("vector %v, %v", vector, err)
	}
	if left, _, _, err := a.RowsAfter(t.Context(), 0, vector, 100); len(left) != 0 || err != nil {
		t.Errorf("left are %d rows, %v", len(left), err)
	}
	cursor := replica.Cursor{Log: a.Feed(), Place: 2}
	if err := b.SaveCursor(t.Context(), cursor); err != nil {
		t.Fatal(err)
	}
	if place, err := b.Cursor(t.Context(), a.Feed()); place != 2 || err != nil {
		t.Errorf("the cursor is %d, %v", place, err)
	}
}

func TestUnreadableRowIsKeptAside(t *testing.T) {
	t.Parallel()
	a, b := openRows(t), openRows(t)
	for _, name := range []string{"ada", "eve", "grace"} {
		a.user(t, name)
	}
	all := a.all(t)
	all[0].Body = []byte("not a row")
	all[1].Seq = 17 // says something else than its body
	merged, err := b.Merge(t.Context(), all)
	if err != nil || merged.Applied != 1 || merged.Aside != 2 || merged.Known[a.Feed()] != 0 {
		t.Errorf("merged %+v, %v", merged, err)
	}
	if aside, err := b.store.Aside(t.Context()); err != nil || aside.Damaged != 2 {
		t.Errorf("aside are %+v, %v", aside, err)
	}
	// At the end of a pull all is known that was sent.
	if err := b.Adopt(t.Context(), replica.Vector{a.Feed(): 3}, replica.Cursor{Log: a.Feed(), Place: 3}); err != nil {
		t.Fatal(err)
	}
	if vector, _, err := b.Vector(t.Context()); err != nil || vector[a.Feed()] != 3 {
		t.Errorf("vector %v, %v", vector, err)
	}
}

func TestOnlyOwnRowsAreHandedOn(t *testing.T) {
	t.Parallel()
	a, b := openRows(t), openRows(t)
	var own []replica.Row
	told := 0
	defer b.store.Watch(func(all []store.Row) {
		told += len(all)
		own = append(own, b.own(all)...)
	})()
	a.user(t, "ada")
	b.user(t, "grace")
	if _, err := b.Merge(t.Context(), a.all(t)); err != nil {
		t.Fatal(err)
	}
	if told != 2 || len(own) != 1 || own[0].Feed != b.Feed() || own[0].Seq != 1 {
		t.Errorf("of %d rows these are handed on: %v", told, own)
	}
	before := b.Feed()
	if err := b.NewFeed(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for _, row := range b.all(t) {
		if row.Feed == before {
			t.Error("a row is still of the feed that was given up")
		}
	}
}

// What was decided of somebody has their row told of once more. Peers have it.
func TestRowsAreHandedOnOnce(t *testing.T) {
	t.Parallel()
	a := openRows(t)
	a.user(t, "eve")
	eve, err := a.store.UserByKey(t.Context(), "eve")
	if err != nil {
		t.Fatal(err)
	}
	news := a.news() // begins when there is something already
	var told, handed []uint64
	defer a.store.Watch(func(all []store.Row) {
		for _, row := range all {
			told = append(told, store.OriginOf(row).Seq)
		}
		for _, row := range news(all) {
			handed = append(handed, row.Seq)
		}
	})()
	b := openRows(t)
	rule := func(user store.ID) { // as a peer does
		t.Helper()
		if _, err := b.Merge(t.Context(), a.all(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.store.UpdateUser(t.Context(), user, func(u *store.User) error { u.Disabled = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Merge(t.Context(), b.all(t)); err != nil {
			t.Fatal(err)
		}
	}
	rule(eve.ID)
	a.user(t, "ada")
	ada, err := a.store.UserByKey(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, disabled := range []bool{true, false} {
		if _, err := a.store.UpdateUser(t.Context(), ada.ID, func(u *store.User) error { u.Disabled = disabled; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.store.NewFeed(t.Context()); err != nil {
		t.Fatal(err)
	}
	rule(ada.ID)
	a.user(t, "grace")
	if !slices.Contains(told, 1) || !slices.Equal(handed, []uint64{2, 3, 4, 5}) {
		t.Errorf("told of %v, handed on %v", told, handed)
	}
}
