package account

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"snug/store"
)

func TestEndingsAreTold(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	told := make(chan ending, 10)
	stop := a.OnEnded(func(session, user ID) { told <- ending{session: session, user: user} })
	_, one := startSession(t, a, u.ID)
	_, two := startSession(t, a, u.ID)
	if err := a.EndSession(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != (ending{session: one.ID, user: u.ID}) {
		t.Errorf("told of %v, want the first session", got)
	}
	// As if another node had revoked it.
	_, err := st.UpdateSession(t.Context(), two.ID, func(s *store.Session) error {
		s.Revoked = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != (ending{session: two.ID, user: u.ID}) {
		t.Errorf("told of %v, want the second session", got)
	}
	mustDisable(t, st, u.ID)
	if got := <-told; got != (ending{user: u.ID}) {
		t.Errorf("told of %v, want all sessions of the user", got)
	}
	stop()
	stop()
	if err := a.EndSession(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if len(told) != 0 {
		t.Errorf("told of %v after stop", <-told)
	}
}

func TestListenerMayUseTheStore(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	u := mustSignUp(t, a, "ada")
	_, s := startSession(t, a, u.ID)
	done := make(chan error)
	defer a.OnEnded(func(_, user ID) { done <- a.st.SetSeen(t.Context(), user, time.Now()) })()
	if err := a.EndSession(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What is taken counts when it is written, by whichever node: a disk that is slow or fails keeps nobody's sockets open.
func TestEndingsDoNotWaitForTheDisk(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	reached, release := make(chan struct{}), make(chan struct{})
	var waits atomic.Bool
	st.Watch(func([]store.Row) { // those who are told after the disk has it
		if waits.Load() {
			reached <- struct{}{}
			<-release
		}
	})
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	token, s := startSession(t, a, u.ID)
	if _, err := a.Session(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	told := make(chan ID, 1)
	defer a.OnEnded(func(session, _ ID) { told <- session })()
	waits.Store(true)
	done := make(chan error, 1)
	go func() { done <- a.EndSession(context.Background(), s.ID) }()
	<-reached
	waits.Store(false)
	if _, err := a.Session(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("a session that is over: %v", err)
	}
	select {
	case got := <-told:
		if got != s.ID {
			t.Errorf("told of %v, want the session", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody was told of it")
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
