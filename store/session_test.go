package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSessionComesBackAsStored(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	user := NewID()
	created, err := s.CreateSession(ctx, Session{
		Token: [32]byte{1, 2, 3}, User: user, Created: day, Used: day.Add(time.Hour), Expires: day.Add(24 * time.Hour),
		Agent: "Firefox", Address: "192.0.2.1",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.SessionByToken(ctx, [32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.SessionsOf(ctx, user)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Session{created}, []Session{got}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Session{created}, all); diff != "" {
		t.Error(diff)
	}
	if _, err := s.SessionByToken(ctx, [32]byte{9}); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown token: %v, want ErrNotFound", err)
	}
}

func TestRevokedStaysRevoked(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	x, err := s.CreateSession(ctx, Session{Token: [32]byte{1}, User: NewID()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateSession(ctx, x.ID, func(x *Session) error { x.Revoked = true; return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := s.UpdateSession(ctx, x.ID, func(x *Session) error {
		x.Revoked, x.Used, x.User, x.Token = false, day, NewID(), [32]byte{7}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Revoked || !got.Used.Equal(day) || got.User != x.User || got.Token != x.Token {
		t.Errorf("session = %+v", got)
	}
	stored, err := s.SessionByToken(ctx, x.Token)
	if err != nil || !cmp.Equal(stored, got) {
		t.Errorf("stored %+v, returned %+v, %v", stored, got, err)
	}
}

func TestSessionsShareNothing(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	x, err := s.CreateSession(ctx, Session{Token: [32]byte{1}, User: NewID()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateSession(ctx, Session{Token: x.Token, User: NewID()}); !errors.Is(err, ErrConflict) {
		t.Errorf("same token: %v, want ErrConflict", err)
	}
	if _, err := s.CreateSession(ctx, Session{ID: x.ID, Token: [32]byte{2}}); !errors.Is(err, ErrConflict) {
		t.Errorf("same ID: %v, want ErrConflict", err)
	}
	if _, err := s.UpdateSession(ctx, NewID(), func(*Session) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown: %v, want ErrNotFound", err)
	}
	refused := errors.New("refused")
	if _, err := s.UpdateSession(ctx, x.ID, func(*Session) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error = %v, want that of change", err)
	}
}

func TestExpiredSessionsAreForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	ctx := context.Background()
	user := NewID()
	for i := range 5 {
		if _, err := s.CreateSession(ctx, Session{Token: [32]byte{byte(i)}, User: user, Expires: day.Add(time.Duration(i) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	last := s.Seq()
	if n, err := s.DeleteExpiredSessions(ctx, day.Add(10*time.Hour)); n != 5 || err != nil {
		t.Errorf("deleted %d, %v; want 5", n, err)
	}
	if n, err := s.DeleteExpiredSessions(ctx, day.Add(10*time.Hour)); n != 0 || err != nil {
		t.Errorf("deleted %d more, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The places of rows that are gone are not given out again.
	s = openAt(t, dir, Options{})
	if room := addRoom(t, s, "lobby"); room.Place != last+1 {
		t.Errorf("place = %d, want %d", room.Place, last+1)
	}
}
