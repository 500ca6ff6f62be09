package store

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// openTest opens a store in a directory of its own and closes it at the end.
func openTest(t testing.TB) *Store {
	t.Helper()
	return openAt(t, t.TempDir(), Options{})
}

func openAt(t testing.TB, dir string, opts Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

var day = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func addUser(t testing.TB, s *Store, name string) User {
	t.Helper()
	u, err := s.CreateUser(context.Background(), User{Name: name, Key: name, Standing: Standing{Password: "hash of " + name}, Created: day})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func addRoom(t testing.TB, s *Store, name string) Room {
	t.Helper()
	r, created, err := s.OpenRoom(context.Background(), Room{Name: name, Key: name, Created: day})
	if err != nil || !created {
		t.Fatalf("open room %s: created %v, %v", name, created, err)
	}
	return r
}

func say(t testing.TB, s *Store, room, author ID, text string) Message {
	t.Helper()
	return post(t, s, Message{Room: room, Author: author, Text: text})
}

func whisper(t testing.TB, s *Store, author, target ID, text string) Message {
	t.Helper()
	return post(t, s, Message{Author: author, Target: target, Text: text})
}

func post(t testing.TB, s *Store, m Message) Message {
	t.Helper()
	stored, created, err := s.PostMessage(context.Background(), m)
	if err != nil || !created {
		t.Fatalf("post %q: created %v, %v", m.Text, created, err)
	}
	return stored
}

func texts(msgs []Message) []string {
	all := []string{}
	for _, m := range msgs {
		all = append(all, m.Text)
	}
	return all
}
