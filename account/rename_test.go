package account

import (
	"errors"
	"fmt"
	"testing"
)

func TestRenamedPersonStaysTheSame(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	mustSignUp(t, a, "grace")
	token, _, err := a.StartSession(t.Context(), ada.ID, Client{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := a.Rename(t.Context(), Actor{User: ada.ID}, ada.ID, "Countess")
	if err != nil || u.ID != ada.ID || u.Name != "Countess" {
		t.Fatalf("Rename = %+v, %v", u, err)
	}
	if s, err := a.Session(t.Context(), token); err != nil || s.User.Name != "Countess" {
		t.Errorf("the session is %+v, %v", s, err)
	}
	if _, err := a.LogIn(t.Context(), "countess", goodPassword, ""); err != nil {
		t.Errorf("log in: %v", err)
	}
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); !errors.Is(err, ErrCredentials) {
		t.Errorf("log in with the old name: %v", err)
	}
	if _, err := a.SignUp(t.Context(), SignUp{Name: "ada", Password: goodPassword}); !errors.As(err, &FieldErrors{}) {
		t.Errorf("somebody else signs up with the old name: %v", err)
	}
	for _, bad := range []string{"GRACE", "two words", "", "ada~12ab"} {
		if _, err := a.Rename(t.Context(), Actor{}, ada.ID, bad); !errors.As(err, &FieldErrors{}) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if u, err := a.Rename(t.Context(), Actor{}, ada.ID, "COUNTESS"); err != nil || u.Name != "COUNTESS" {
		t.Errorf("one's own name in capitals: %+v, %v", u, err)
	}
	if _, err := a.Rename(t.Context(), Actor{}, ID{9}, "nobody"); !errors.Is(err, ErrNoUser) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestNobodyIsRenamedTooOften(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	for i := range RenamesPerHour {
		if _, err := a.Rename(t.Context(), Actor{}, ada.ID, fmt.Sprint("ada", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := a.Rename(t.Context(), Actor{}, ada.ID, "ada")
	if _, ok := errors.AsType[*ThrottledError](err); !ok {
		t.Errorf("once more: %v", err)
	}
}

func TestNameThatSomebodyElseHasIsRemembered(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"ada": "", "ada~3f2a": "ada", "a~b": ""} {
		if got := (User{Name: name}).Wanted(); got != want {
			t.Errorf("%q wanted %q, want %q", name, got, want)
		}
	}
}
