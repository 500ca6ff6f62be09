package account

import (
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
