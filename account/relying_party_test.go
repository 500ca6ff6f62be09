package account

import (
	"errors"
	"strings"
	"testing"

	"snug/account/passkeytest"
	"snug/store"
)

func wantParty(t testing.TB, a *Accounts, want string) {
	t.Helper()
	if got, err := a.RelyingParty(t.Context()); got != want || err != nil {
		t.Errorf("the relying party is %q, %v, want %q", got, err, want)
	}
}

func TestRelyingPartyIsFixedAtTheFirstStart(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	fix := func(configured, derived string) error {
		return a.FixRelyingParty(t.Context(), configured, derived, false)
	}
	wantParty(t, a, "localhost")
	if err := fix("", "attic.example"); err != nil {
		t.Fatal(err)
	}
	wantParty(t, a, "attic.example")
	for _, same := range []struct{ configured, derived string }{{"", ""}, {"attic.example", ""}, {"", "cellar.example"}} {
		if err := fix(same.configured, same.derived); err != nil {
			t.Errorf("%+v: %v", same, err)
		}
		wantParty(t, openAccounts(t, st, Options{}), "attic.example")
	}
	// Nobody loses anything by another one while there are no passkeys.
	if err := fix("localhost", ""); err != nil {
		t.Fatal(err)
	}
	wantParty(t, a, "localhost")
	ada := mustSignUp(t, a, "ada")
	key := addPasskey(t, a, ada.ID, &passkeytest.Device{Origin: localOrigin})
	err := fix("cellar.example", "")
	wrong, ok := errors.AsType[*RelyingPartyError](err)
	if !ok || wrong.Stored != "localhost" || !strings.Contains(err.Error(), `set auth.rp_id = "localhost"`) {
		t.Errorf("a changed one: %v", err)
	}
	wantParty(t, openAccounts(t, st, Options{}), "localhost")
	if _, _, err := usePasskey(t, a, &passkeytest.Device{Origin: localOrigin}, key); err != nil {
		t.Errorf("log in: %v", err)
	}
	all, err := a.Passkeys(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RemovePasskey(t.Context(), ada.ID, all[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := fix("cellar.example", ""); err != nil {
		t.Errorf("without passkeys: %v", err)
	}
	wantParty(t, a, "cellar.example")
}

func TestFirstPasskeyFixesLocalhost(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	if err := a.FixRelyingParty(t.Context(), "", "", false); err != nil {
		t.Fatal(err)
	}
	if id, _, err := a.storedParty(t.Context()); id != "" || err != nil {
		t.Errorf("fixed without need: %q, %v", id, err)
	}
	addPasskey(t, a, mustSignUp(t, a, "ada").ID, &passkeytest.Device{Origin: localOrigin})
	if id, _, err := a.storedParty(t.Context()); id != "localhost" || err != nil {
		t.Errorf("fixed: %q, %v", id, err)
	}
}

func TestNewNodeTakesTheRelyingPartyOfTheOthers(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	if err := a.FixRelyingParty(t.Context(), "mine.example", "", true); err != nil {
		t.Fatal(err)
	}
	wantParty(t, a, "localhost")
	b := localBrowser()
	ada := mustSignUp(t, a, "ada")
	session := store.NewID()
	asked, err := a.BeginAddPasskey(t.Context(), ada.ID, session, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.st.Setting(t.Context(), partyKey(0), `{"id":"theirs.example"}`); err != nil { // as if it came from there
		t.Fatal(err)
	}
	wantParty(t, a, "theirs.example")
	_, made := (&passkeytest.Device{Origin: localOrigin}).Make(t, asked.Options)
	if _, err := a.AddPasskey(t.Context(), ada.ID, session, b, Answer{asked.ID, made}, ""); !errors.Is(err, ErrCeremony) {
		t.Errorf("a passkey for a name that is none any more: %v", err)
	}
}
