package account

import (
	"errors"
	"strings"
	"testing"

	"snug/store"
)

func TestKeyOfAMarkedName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Ada~3F2a": "ada~3f2a", "Zoë~0123456789abcdef0123456789abcdef": "zoë~0123456789abcdef0123456789abcdef"} {
		if key, err := Key(name); key != want || err != nil {
			t.Errorf("Key(%q) = %q, %v, want %q", name, key, err, want)
		}
	}
	for _, name := range []string{"ada~", "ada~3f2", "ada~3f2g", "~3f2a", "a~3f2a~3f2a", "ada~" + strings.Repeat("0", 33)} {
		if key, err := Key(name); err == nil {
			t.Errorf("Key(%q) = %q, want an error", name, key)
		}
	}
}

// Ada signed up here, and somebody else with the same name signed up elsewhere before her.
func TestWhoLostTheNameLogsInWithTheMark(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	mine := mustSignUp(t, a, "ada")
	token, _, err := a.StartSession(ctx, mine.ID, Client{})
	if err != nil {
		t.Fatal(err)
	}
	row, err := st.UserByID(ctx, mine.ID)
	if err != nil {
		t.Fatal(err)
	}
	earlier := row
	earlier.ID, earlier.Said.Password, earlier.Claimed = store.NewID(), "!", row.Claimed-1
	earlier.Origin = store.Origin{Stamp: row.Stamp - 1, Feed: store.NewID(), Seq: 1}
	if _, err := st.Merge(ctx, []store.Row{&earlier}); err != nil {
		t.Fatal(err)
	}
	session, err := a.Session(ctx, token)
	if err != nil || !strings.HasPrefix(session.User.Name, "ada~") {
		t.Fatalf("session = %+v, %v", session, err)
	}
	if u, err := a.LogIn(ctx, session.User.Name, goodPassword, "192.0.2.1"); err != nil || u.ID != mine.ID {
		t.Errorf("log in as %s: %+v, %v", session.User.Name, u, err)
	}
	if _, err := a.LogIn(ctx, "ada", goodPassword, "192.0.2.1"); !errors.Is(err, ErrCredentials) {
		t.Errorf("log in as ada: %v", err)
	}
	if _, err := a.SignUp(ctx, SignUp{Name: "ada~3f2a", Password: goodPassword, Address: "192.0.2.1"}); err == nil {
		t.Error("somebody signed up with a mark")
	}
}
