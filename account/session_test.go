package account

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/store"
)

// startSession logs somebody in.
func startSession(t testing.TB, a *Accounts, user ID) (token string, s Session) {
	t.Helper()
	token, s, err := a.StartSession(t.Context(), user, Client{Address: "192.0.2.1", Agent: "Test/1.0"})
	if err != nil {
		t.Fatal(err)
	}
	return token, s
}

func wantSession(t testing.TB, a *Accounts, token string, id ID) {
	t.Helper()
	if s, err := a.Session(t.Context(), token); err != nil || s.ID != id {
		t.Errorf("session = %v, %v, want %v", s.ID, err, id)
	}
}

func wantNoSession(t testing.TB, a *Accounts, token string) {
	t.Helper()
	if s, err := a.Session(t.Context(), token); !errors.Is(err, ErrNoSession) || s != (Session{}) {
		t.Errorf("session = %v, %v, want ErrNoSession", s.ID, err)
	}
}

func TestSessionIsKnownByItsToken(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	token, started := startSession(t, a, u.ID)
	for range 3 { // from the store, then from the cache
		s, err := a.Session(t.Context(), token)
		if err != nil || s.ID != started.ID || s.User != u || s.Address != "192.0.2.1" || s.Agent != "Test/1.0" {
			t.Fatalf("session = %+v, %v", s, err)
		}
		if left := time.Until(s.Expires); left <= DefaultSessionIdle-time.Minute || left > DefaultSessionIdle {
			t.Errorf("the session lasts %v, want %v", left, DefaultSessionIdle)
		}
	}
	if again, s := startSession(t, a, u.ID); again == token || s.ID == started.ID {
		t.Error("two log-ins share a session")
	}
	other := openAccounts(t, st, Options{}) // as after a restart
	wantSession(t, other, token, started.ID)
}

func TestTokenIsSecret(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	token, _ := startSession(t, a, u.ID)
	if len(token) != tokenLength || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("token = %q, want %d characters of base64url", token, tokenLength)
	}
	rows, err := st.SessionsOf(t.Context(), u.ID)
	if err != nil || len(rows) != 1 || rows[0].Token != hashToken(token) || strings.Contains(fmt.Sprintf("%s", rows[0].Token), token) {
		t.Errorf("rows = %v, %v, want one with the hash", rows, err)
	}
}

func TestOtherTokensAreNoSession(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	token, _ := startSession(t, a, mustSignUp(t, a, "ada").ID)
	last := byte('A')
	if token[tokenLength-1] == last {
		last = 'B'
	}
	for _, wrong := range []string{
		"", "x", token[1:], token + "A", token + "=", token[:tokenLength-1] + string(last),
		newToken(), strings.Repeat("\x00", tokenLength), strings.Repeat("é", tokenLength),
	} {
		wantNoSession(t, a, wrong)
	}
}

func TestEndedSessionIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	elsewhere := openAccounts(t, st, Options{}) // a second cache, to see that the store is followed
	u := mustSignUp(t, a, "ada")
	token, s := startSession(t, a, u.ID)
	kept, keptSession := startSession(t, a, u.ID)
	wantSession(t, a, token, s.ID)
	wantSession(t, elsewhere, token, s.ID)
	for range 2 { // again is no error
		if err := a.EndSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		wantNoSession(t, a, token)
		wantNoSession(t, elsewhere, token)
	}
	wantSession(t, a, kept, keptSession.ID)
	wantNoSession(t, openAccounts(t, st, Options{}), token)
	if err := a.EndSession(t.Context(), store.NewID()); err != nil {
		t.Errorf("end an unknown session: %v", err)
	}
}

func TestDisabledUserHasNoSession(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	token, s := startSession(t, a, u.ID)
	unread, _ := startSession(t, a, u.ID)
	wantSession(t, a, token, s.ID)
	mustDisable(t, st, u.ID)
	wantNoSession(t, a, token)
	wantNoSession(t, a, unread)
}

func TestSessionShowsTheUserAsTheyAreNow(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	token, s := startSession(t, a, u.ID)
	wantSession(t, a, token, s.ID)
	_, err := st.UpdateUser(t.Context(), u.ID, func(u *store.User) error {
		u.Name, u.Admin = "Ada", true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := a.Session(t.Context(), token); err != nil || s.User.Name != "Ada" || !s.User.Admin {
		t.Errorf("session = %+v, %v, want the changed user", s, err)
	}
	if u, err := a.UserByID(t.Context(), u.ID); err != nil || u.Name != "Ada" {
		t.Errorf("UserByID = %+v, %v, want the changed user", u, err)
	}
}

func TestUnusedSessionExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{SessionIdle: time.Hour, SessionLife: 24 * time.Hour})
		u := mustSignUp(t, a, "ada")
		used, s := startSession(t, a, u.ID)
		unused, _ := startSession(t, a, u.ID)
		for range 46 { // to 23 hours
			time.Sleep(30 * time.Minute)
			wantSession(t, a, used, s.ID)
		}
		wantNoSession(t, a, unused)
		now, err := a.Session(t.Context(), used)
		if err != nil || now.Expires.Sub(now.Created) != 24*time.Hour {
			t.Fatalf("session = %+v, %v, want it to expire after 24 hours", now, err)
		}
		time.Sleep(59 * time.Minute)
		wantSession(t, a, used, s.ID)
		time.Sleep(2 * time.Minute)
		wantNoSession(t, a, used)
	})
}

func TestExpiredSessionsAreDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{SessionIdle: time.Hour})
		u := mustSignUp(t, a, "ada")
		startSession(t, a, u.ID)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if rows, err := st.SessionsOf(t.Context(), u.ID); len(rows) != 0 || err != nil {
			t.Errorf("%d sessions are stored, %v, want none", len(rows), err)
		}
	})
}

func TestUseIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{})
		token, s := startSession(t, a, mustSignUp(t, a, "ada").ID)
		synctest.Wait()
		before := st.Seq()
		for range 10*60 + 1 {
			wantSession(t, a, token, s.ID)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := st.Seq() - before; n != 10 {
			t.Errorf("a use each second of ten minutes is written %d times, want 10", n)
		}
		row, err := st.SessionByToken(t.Context(), hashToken(token))
		if err != nil || row.Used.Sub(row.Created) != 10*time.Minute || row.Expires.Sub(row.Used) != DefaultSessionIdle {
			t.Errorf("row = %+v, %v", row, err)
		}
	})
}

func TestUseDoesNotBringBackWhatIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{})
		token, s := startSession(t, a, mustSignUp(t, a, "ada").ID)
		time.Sleep(2 * time.Minute)
		wantSession(t, a, token, s.ID) // its use is on the way
		if err := a.EndSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantNoSession(t, a, token)
		if row, err := st.SessionByToken(t.Context(), hashToken(token)); err != nil || !row.Revoked {
			t.Errorf("row = %+v, %v, want it revoked", row, err)
		}
	})
}

func TestSessionsUnderContentionEndForGood(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	u := mustSignUp(t, a, "ada")
	var all sync.WaitGroup
	for range 20 {
		token, s := startSession(t, a, u.ID)
		ended := make(chan struct{})
		for range 4 {
			all.Go(func() {
				for {
					select {
					case <-ended:
						wantNoSession(t, a, token)
						return
					default:
						_, _ = a.Session(t.Context(), token)
					}
				}
			})
		}
		all.Go(func() {
			defer close(ended)
			if err := a.EndSession(t.Context(), s.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestWhatTheBrowserSaysIsCut(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	_, s, err := a.StartSession(t.Context(), mustSignUp(t, a, "ada").ID, Client{
		Address: strings.Repeat("1", 1000), Agent: strings.Repeat("é", 1000) + "\xff",
	})
	if err != nil || len(s.Agent) != maxAgent || len(s.Address) != maxAddress {
		t.Errorf("session = %+v, %v", s, err)
	}
	if got := shorten(strings.Repeat("王", 10), 8); got != "王王" {
		t.Errorf("shorten = %q, want whole characters", got)
	}
}

func TestSessionOfNobodyIsNotStarted(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	if _, _, err := a.StartSession(t.Context(), store.NewID(), Client{}); !errors.Is(err, ErrNoUser) {
		t.Errorf("start a session: %v, want ErrNoUser", err)
	}
}

func BenchmarkSessionFromCache(b *testing.B) {
	a := openAccounts(b, openStore(b), Options{})
	token, _ := startSession(b, a, mustSignUp(b, a, "ada").ID)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.Session(b.Context(), token); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkSessionFromStore(b *testing.B) {
	a := openAccounts(b, openStore(b), Options{})
	token, _ := startSession(b, a, mustSignUp(b, a, "ada").ID)
	hash := hashToken(token)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := a.load(b.Context(), hash); err != nil {
			b.Fatal(err)
		}
	}
}
