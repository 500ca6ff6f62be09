package account

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"snug/store"
)

func wantSessions(t testing.TB, a *Accounts, user ID, want ...ID) {
	t.Helper()
	sessions, err := a.Sessions(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	var got []ID
	for _, s := range sessions {
		got = append(got, s.ID)
	}
	if len(got) != len(want) {
		t.Fatalf("sessions = %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("sessions = %v, want %v", got, want)
		}
	}
}

func TestSessionsAreListedLastUsedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := openAccounts(t, openStore(t), Options{SessionIdle: 24 * time.Hour})
		ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
		phone, first := startSession(t, a, ada.ID)
		time.Sleep(time.Hour)
		_, second := startSession(t, a, ada.ID)
		startSession(t, a, grace.ID)
		wantSessions(t, a, ada.ID, second.ID, first.ID)
		time.Sleep(time.Hour)
		wantSession(t, a, phone, first.ID)
		synctest.Wait()
		wantSessions(t, a, ada.ID, first.ID, second.ID)
		time.Sleep(23*time.Hour + time.Minute) // the second was not used for a day
		wantSessions(t, a, ada.ID, first.ID)
	})
}

func TestOneEndsOnlyOnesOwnSessions(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	_, hers := startSession(t, a, grace.ID)
	_, one := startSession(t, a, ada.ID)
	_, two := startSession(t, a, ada.ID)
	startSession(t, a, ada.ID)
	for _, id := range []ID{hers.ID, store.NewID()} {
		if _, err := a.EndSessionOf(t.Context(), ada.ID, id); !errors.Is(err, ErrNoSession) {
			t.Errorf("end %v: %v, want ErrNoSession", id, err)
		}
	}
	if _, err := a.EndSessionOf(t.Context(), ada.ID, one.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.EndSessionOf(t.Context(), ada.ID, one.ID); !errors.Is(err, ErrNoSession) {
		t.Errorf("end it again: %v, want ErrNoSession", err)
	}
	if n, err := a.EndSessions(t.Context(), ada.ID, two.ID); n != 1 || err != nil {
		t.Errorf("EndSessions = %d, %v, want 1", n, err)
	}
	wantSessions(t, a, ada.ID, two.ID)
	wantSessions(t, a, grace.ID, hers.ID)
}

func TestOneSessionTooManyEndsTheOneThatWasNotUsedForLongest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := openAccounts(t, openStore(t), Options{SessionsPerUser: 3})
		ada := mustSignUp(t, a, "ada")
		var tokens []string
		var ids []ID
		for range 3 {
			token, s := startSession(t, a, ada.ID)
			tokens, ids = append(tokens, token), append(ids, s.ID)
			time.Sleep(time.Hour)
		}
		wantSession(t, a, tokens[0], ids[0]) // the oldest is in use
		synctest.Wait()
		time.Sleep(time.Minute)
		_, fourth := startSession(t, a, ada.ID)
		wantNoSession(t, a, tokens[1])
		time.Sleep(time.Minute)
		wantSessions(t, a, ada.ID, fourth.ID, ids[0], ids[2])
	})
}

func TestSessionUntilTheBrowserClosesLastsLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{})
		ada := mustSignUp(t, a, "ada")
		brief := func() (string, Session) {
			token, s, err := a.StartSession(t.Context(), ada.ID, Client{Brief: true})
			if err != nil || !s.Brief || s.Expires.Sub(s.Created) != BriefIdle {
				t.Fatalf("session = %+v, %v, want a brief one", s, err)
			}
			return token, s
		}
		unused, _ := brief()
		used, s := brief()
		for begun := time.Now(); time.Since(begun) < BriefLife-time.Hour; time.Sleep(12 * time.Hour) {
			wantSession(t, a, used, s.ID)
		}
		wantNoSession(t, a, unused)
		if row, err := st.SessionByToken(t.Context(), hashToken(used)); err != nil || !row.Brief {
			t.Errorf("row = %+v, %v, want it still brief", row, err)
		}
		time.Sleep(time.Hour)
		wantNoSession(t, a, used)
	})
}

func TestBriefSessionsLastNoLongerThanAll(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{SessionIdle: time.Minute})
	_, s, err := a.StartSession(t.Context(), mustSignUp(t, a, "ada").ID, Client{Brief: true})
	if err != nil || s.Expires.Sub(s.Created) != time.Minute {
		t.Errorf("session = %+v, %v, want it to last a minute", s, err)
	}
}

func TestLoggingInProvesWhoOneIsAndSoDoesConfirming(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{})
		elsewhere := openAccounts(t, st, Options{}) // as the page may go on at another node
		ada := mustSignUp(t, a, "ada")
		token, s := startSession(t, a, ada.ID)
		other, _ := startSession(t, a, ada.ID)
		if time.Since(s.Proven) > time.Second {
			t.Errorf("proven at %v, want now", s.Proven)
		}
		time.Sleep(time.Hour)
		if s, _ = a.Session(t.Context(), token); time.Since(s.Proven) != time.Hour {
			t.Errorf("proven at %v, want at the log-in", s.Proven)
		}
		if err := a.Confirm(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		for _, a := range []*Accounts{a, elsewhere} {
			if s, err := a.Session(t.Context(), token); err != nil || time.Since(s.Proven) > time.Second {
				t.Errorf("session = %+v, %v, want it proven now", s, err)
			}
			if s, err := a.Session(t.Context(), other); err != nil || time.Since(s.Proven) < time.Hour {
				t.Errorf("session = %+v, %v, want the other one not proven", s, err)
			}
		}
		if err := a.EndSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		for _, id := range []ID{s.ID, store.NewID()} {
			if err := a.Confirm(t.Context(), id); !errors.Is(err, ErrNoSession) {
				t.Errorf("confirm what is over: %v, want ErrNoSession", err)
			}
		}
	})
}

func TestCheckingAPasswordIsThrottledAsLogInsAre(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 2})
	ada := mustSignUp(t, a, "ada")
	if err := a.CheckPassword(t.Context(), ada.ID, goodPassword, "192.0.2.9"); err != nil {
		t.Errorf("the right password: %v", err)
	}
	for range 2 {
		if err := a.CheckPassword(t.Context(), ada.ID, "not this one", "192.0.2.9"); !errors.Is(err, ErrCredentials) {
			t.Errorf("a wrong password: %v, want ErrCredentials", err)
		}
	}
	var throttled *ThrottledError
	if err := a.CheckPassword(t.Context(), ada.ID, goodPassword, "192.0.2.9"); !errors.As(err, &throttled) {
		t.Errorf("the third attempt: %v, want it throttled", err)
	}
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, "192.0.2.9"); !errors.As(err, &throttled) {
		t.Errorf("log in: %v, want it throttled too", err)
	}
}

func TestNewPasswordEndsAllOtherSessions(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	here, mine := startSession(t, a, ada.ID)
	there, _ := startSession(t, a, ada.ID)
	hers, herSession := startSession(t, a, grace.ID)
	change := PasswordChange{User: ada.ID, Session: mine.ID, Old: goodPassword, New: "six green windows"}
	if err := a.ChangePassword(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	wantSession(t, a, here, mine.ID)
	wantNoSession(t, a, there)
	wantSession(t, a, hers, herSession.ID)
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); !errors.Is(err, ErrCredentials) {
		t.Errorf("log in with the old password: %v, want ErrCredentials", err)
	}
	if _, err := a.LogIn(t.Context(), "ada", change.New, ""); err != nil {
		t.Errorf("log in with the new password: %v", err)
	}
}

func TestNewPasswordIsRefusedWithWhatToMend(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	_, mine := startSession(t, a, ada.ID)
	there, other := startSession(t, a, ada.ID)
	for _, test := range []struct {
		old, new string
		want     FieldErrors // without messages
	}{
		{"not this one", "six green windows", FieldErrors{{Field: FieldOldPassword, Code: CodeWrong}}},
		{"", "short", FieldErrors{{Field: FieldOldPassword, Code: CodeWrong}, {Field: FieldPassword, Code: CodeTooShort}}},
		{goodPassword, "", FieldErrors{{Field: FieldPassword, Code: CodeRequired}}},
		{goodPassword, "qwertyuiop", FieldErrors{{Field: FieldPassword, Code: CodeCommon}}},
		{goodPassword, goodPassword, FieldErrors{{Field: FieldPassword, Code: CodeUnchanged}}},
	} {
		err := a.ChangePassword(t.Context(), PasswordChange{User: ada.ID, Session: mine.ID, Old: test.old, New: test.new})
		faults, _ := errors.AsType[FieldErrors](err)
		if len(faults) != len(test.want) {
			t.Errorf("%q to %q: %v, want %v", test.old, test.new, err, test.want)
			continue
		}
		for i, fault := range faults {
			if fault.Field != test.want[i].Field || fault.Code != test.want[i].Code || fault.Message == "" {
				t.Errorf("%q to %q: %+v, want %+v", test.old, test.new, fault, test.want[i])
			}
		}
	}
	wantSession(t, a, there, other.ID)
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); err != nil {
		t.Errorf("log in with the password as it was: %v", err)
	}
}

// Somebody who logs in with the old password all the time must not keep a session that began while it was replaced.
func TestLogInThatAnotherPasswordOvertookGetsNoSession(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	late, err := a.LogIn(t.Context(), "ada", goodPassword, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.StartSession(t.Context(), late.ID, Client{Proof: late.Proof()}); err != nil {
		t.Errorf("before: %v", err)
	}
	change := PasswordChange{User: ada.ID, Old: goodPassword, New: "six green windows"}
	if err := a.ChangePassword(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.StartSession(t.Context(), late.ID, Client{Proof: late.Proof()}); !errors.Is(err, ErrCredentials) {
		t.Errorf("after: %v, want ErrCredentials", err)
	}
	wantSessions(t, a, ada.ID)
}
