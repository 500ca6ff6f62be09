package account

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"
)

func mustAdd(t testing.TB, a *Accounts, n NewUser) User {
	t.Helper()
	n.Password = goodPassword
	u, err := a.AddUser(t.Context(), Actor{}, n)
	if err != nil {
		t.Fatalf("add %q: %v", n.Name, err)
	}
	return u
}

func TestAddedUserNeedsNoAdmission(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{Admission: AdmitNobody, SignupsPerHour: 1})
	for i := range 3 {
		mustAdd(t, a, NewUser{Name: fmt.Sprint("ada", i), Admin: i == 0})
	}
	u, err := a.LogIn(t.Context(), "ada0", goodPassword, "192.0.2.1")
	if err != nil || !u.Admin {
		t.Errorf("log in: %+v, %v", u, err)
	}
	_, err = a.AddUser(t.Context(), Actor{}, NewUser{Name: "ADA0", Password: "short"})
	if faults, ok := errors.AsType[FieldErrors](err); !ok || len(faults) != 2 {
		t.Errorf("a taken name and a short password: %v", err)
	}
	if token, err := a.Setup(t.Context()); token != "" || err != nil {
		t.Errorf("with an added administrator, Setup = %q, %v", token, err)
	}
}

func TestAnotherPasswordEndsAllSessions(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	u := mustSignUp(t, a, "ada")
	token, _, err := a.StartSession(t.Context(), u.ID, Client{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.SetPassword(t.Context(), Actor{}, u.ID, "ADA"); err == nil {
		t.Fatal("a bad password is taken")
	}
	if _, err := a.Session(t.Context(), token); err != nil {
		t.Fatalf("a bad password ended a session: %v", err)
	}
	if _, err := a.SetPassword(t.Context(), Actor{}, u.ID, "green gas lamp"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Session(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("the session still holds: %v", err)
	}
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); !errors.Is(err, ErrCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := a.LogIn(t.Context(), "ada", "green gas lamp", ""); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestSessionsOfADisabledUserDoNotComeBack(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	u := mustSignUp(t, a, "ada")
	token, _, err := a.StartSession(t.Context(), u.ID, Client{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan ID, 10)
	defer a.OnEnded(func(_, user ID) { ended <- user })()
	if got, err := a.Disable(t.Context(), Actor{}, u.ID, KeepLastAdmin); err != nil || !got.Disabled {
		t.Fatalf("Disable = %+v, %v", got, err)
	}
	select {
	case user := <-ended:
		if user != u.ID {
			t.Errorf("the end of %v is told", user)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody is told")
	}
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); !errors.Is(err, ErrDisabled) {
		t.Errorf("log in: %v", err)
	}
	if got, err := a.Enable(t.Context(), Actor{}, u.ID); err != nil || got.Disabled {
		t.Fatalf("Enable = %+v, %v", got, err)
	}
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); err != nil {
		t.Errorf("log in after all: %v", err)
	}
	if _, err := a.Session(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("the session from before: %v", err)
	}
}

// What changes nothing is no event, and no row that other nodes would have to take.
func TestWhoIsAlreadyWhatTheyAreToBeIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	var noted bytes.Buffer
	st := openStore(t)
	a := openAccounts(t, st, Options{Logger: slog.New(slog.NewTextHandler(&noted, nil))})
	mustAdd(t, a, NewUser{Name: "root", Admin: true})
	u := mustSignUp(t, a, "ada")
	a.Close() // what is noted is logged only, or it would be among the rows
	for _, step := range []struct {
		name string
		do   func() (User, error)
		want User
	}{
		{"promote", func() (User, error) { return a.Promote(t.Context(), Actor{}, u.ID) }, User{Admin: true}},
		{"demote", func() (User, error) { return a.Demote(t.Context(), Actor{}, u.ID, KeepLastAdmin) }, User{}},
		{"disable", func() (User, error) { return a.Disable(t.Context(), Actor{}, u.ID, KeepLastAdmin) }, User{Disabled: true}},
		{"enable", func() (User, error) { return a.Enable(t.Context(), Actor{}, u.ID) }, User{}},
		{"disable anybody", func() (User, error) { return a.Disable(t.Context(), Actor{}, u.ID, SpareLastAdmin) }, User{Disabled: true}},
	} {
		noted.Reset()
		if _, err := step.do(); err != nil || noted.Len() == 0 {
			t.Fatalf("%s: %v, noted %q", step.name, err, &noted)
		}
		rows := st.Seq()
		noted.Reset()
		got, err := step.do()
		if err != nil || got.ID != u.ID || got.Admin != step.want.Admin || got.Disabled != step.want.Disabled {
			t.Errorf("%s again: %+v, %v", step.name, got, err)
		}
		if noted.Len() > 0 {
			t.Errorf("%s again is noted:\n%s", step.name, &noted)
		}
		if now := st.Seq(); now != rows {
			t.Errorf("%s again writes %d rows", step.name, now-rows)
		}
	}
}

// Whatever is asked at the same time, somebody who can log in stays an administrator.
func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	admins := make([]User, 8)
	for i := range admins {
		admins[i] = mustAdd(t, a, NewUser{Name: fmt.Sprint("root", i), Admin: true})
	}
	errs := make([]error, len(admins))
	var all sync.WaitGroup
	for i, u := range admins {
		all.Go(func() {
			if i%2 == 0 {
				_, errs[i] = a.Demote(t.Context(), Actor{}, u.ID, KeepLastAdmin)
			} else {
				_, errs[i] = a.Disable(t.Context(), Actor{}, u.ID, KeepLastAdmin)
			}
		})
	}
	all.Wait()
	kept := -1
	for i, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, ErrLastAdmin) && kept < 0:
			kept = i
		default:
			t.Errorf("of administrator %d: %v", i, err)
		}
	}
	if kept < 0 {
		t.Fatal("nobody is an administrator any more")
	}
	if found, err := a.st.HasAdmin(t.Context()); !found || err != nil {
		t.Fatalf("hasAdmin = %t, %v", found, err)
	}
	if _, err := a.Demote(t.Context(), Actor{}, admins[kept].ID, SpareLastAdmin); err != nil {
		t.Errorf("if it is wanted: %v", err)
	}
	if token, err := a.Setup(t.Context()); token == "" || err != nil {
		t.Errorf("Setup = %q, %v, want a link for the next", token, err)
	}
}

func TestNobodyIsChangedWhoIsNotThere(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	id := ID{1}
	for what, change := range map[string]func() error{
		"SetPassword": func() error { _, err := a.SetPassword(t.Context(), Actor{}, id, goodPassword); return err },
		"Disable":     func() error { _, err := a.Disable(t.Context(), Actor{}, id, KeepLastAdmin); return err },
		"Enable":      func() error { _, err := a.Enable(t.Context(), Actor{}, id); return err },
		"Promote":     func() error { _, err := a.Promote(t.Context(), Actor{}, id); return err },
		"Demote":      func() error { _, err := a.Demote(t.Context(), Actor{}, id, SpareLastAdmin); return err },
	} {
		if err := change(); !errors.Is(err, ErrNoUser) {
			t.Errorf("%s of nobody: %v", what, err)
		}
	}
}
