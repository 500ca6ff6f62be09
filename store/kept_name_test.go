package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// rename gives a user another key, and the name that is the same.
func rename(s *Store, id ID, name string) error {
	_, err := s.UpdateUser(context.Background(), id, func(u *User) error {
		u.Name, u.Key = name, name
		return nil
	})
	return err
}

func wantRenamed(t testing.TB, s *Store, id ID, name string) {
	t.Helper()
	if err := rename(s, id, name); err != nil {
		t.Fatalf("rename to %s: %v", name, err)
	}
}

func wantTaken(t testing.TB, s *Store, id ID, name string) {
	t.Helper()
	if err := rename(s, id, name); !errors.Is(err, ErrNameTaken) {
		t.Errorf("rename to %s: %v, want ErrNameTaken", name, err)
	}
	if _, err := s.CreateUser(context.Background(), User{Name: name, Key: name}); !errors.Is(err, ErrNameTaken) {
		t.Errorf("create %s: %v, want ErrNameTaken", name, err)
	}
}

func everythingOf(t testing.TB, s *Store) []Row {
	t.Helper()
	rows, _, _, err := s.RowsAfter(context.Background(), 0, nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestNameThatWasGivenUpIsKeptForItsOwner(t *testing.T) {
	t.Parallel()
	begun, ahead := time.Now(), atomic.Int64{}
	s := openAt(t, t.TempDir(), Options{Synchronous: "normal", Now: func() time.Time { return begun.Add(time.Duration(ahead.Load())) }})
	ada, bob := addUser(t, s, "ada"), addUser(t, s, "bob")
	wantRenamed(t, s, ada.ID, "countess")
	wantTaken(t, s, bob.ID, "ada")

	// Its owner may come back to it, and gives up the other one by that.
	wantRenamed(t, s, ada.ID, "ada")
	wantTaken(t, s, bob.ID, "countess")
	wantRenamed(t, s, ada.ID, "lovelace")

	ahead.Add(int64(KeepName - time.Minute))
	wantTaken(t, s, bob.ID, "ada")
	ahead.Add(int64(time.Minute))
	wantRenamed(t, s, bob.ID, "ada")
	// Now it is kept for the one who had it last.
	wantRenamed(t, s, bob.ID, "bob")
	wantTaken(t, s, ada.ID, "ada")
}

func TestOnlyTheLatestNamesAreKept(t *testing.T) {
	t.Parallel()
	begun, ahead := time.Now(), atomic.Int64{}
	s := openAt(t, t.TempDir(), Options{Synchronous: "normal", Now: func() time.Time { return begun.Add(time.Duration(ahead.Add(int64(time.Second)))) }})
	ada, bob := addUser(t, s, "ada"), addUser(t, s, "bob")
	names := []string{"one", "two", "three", "four"} // ada and the first of them are no longer kept
	for _, name := range names {
		wantRenamed(t, s, ada.ID, name)
	}
	for _, kept := range names[len(names)-1-MaxKeptNames : len(names)-1] {
		wantTaken(t, s, bob.ID, kept)
	}
	wantRenamed(t, s, bob.ID, "ada")
}

func TestNameIsKeptOnEveryNode(t *testing.T) {
	t.Parallel()
	a, b := openTest(t), openTest(t)
	ada := addUser(t, a, "ada")
	wantRenamed(t, a, ada.ID, "countess")
	merge(t, b, overWire(t, everythingOf(t, a))...)
	bob := addUser(t, b, "bob")
	wantTaken(t, b, bob.ID, "ada")
	wantRenamed(t, b, ada.ID, "ada")
}

// Somebody who was shown with a mark never had the name: who has it keeps it.
func TestNameWithAMarkIsNotKept(t *testing.T) {
	t.Parallel()
	a, b := openTest(t), openTest(t)
	addUser(t, a, "ada")
	late := addUser(t, b, "ada")
	merge(t, b, overWire(t, everythingOf(t, a))...)
	wantRenamed(t, b, late.ID, "grace")
	kept, err := b.RecordsOf(context.Background(), KindKeptName, late.ID)
	if err != nil || len(kept) != 0 {
		t.Errorf("kept are %v, %v", kept, err)
	}
}

// A node that was away when a name was released hears of that for as long as it would keep the name.
func TestReleaseOfANameReachesWhoWasAway(t *testing.T) {
	t.Parallel()
	begun, ahead := time.Now(), atomic.Int64{}
	a := openAt(t, t.TempDir(), Options{Synchronous: "normal", Now: func() time.Time { return begun.Add(time.Duration(ahead.Add(int64(time.Second)))) }})
	b := openTest(t)
	ada := addUser(t, a, "ada")
	wantRenamed(t, a, ada.ID, "one")
	merge(t, b, overWire(t, everythingOf(t, a))...)
	for _, name := range []string{"two", "three", "four"} { // ada is no longer kept
		wantRenamed(t, a, ada.ID, name)
	}
	ahead.Add(int64(time.Hour))
	if _, err := a.DeleteRecords(t.Context(), KindKeptName, begun.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	merge(t, b, overWire(t, everythingOf(t, a))...)
	addUser(t, b, "ada")
	if fingerprintOf(t, a) == fingerprintOf(t, b) {
		t.Fatal("nothing was added")
	}
	merge(t, a, overWire(t, everythingOf(t, b))...)
	if fingerprintOf(t, a) != fingerprintOf(t, b) {
		t.Error("the nodes differ")
	}
	// Who comes back to it and gives it up again has it kept again.
	bob := addUser(t, a, "bob")
	wantRenamed(t, a, ada.ID, "one")
	wantRenamed(t, a, ada.ID, "five")
	wantTaken(t, a, bob.ID, "one")
}
