package account

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	"snug/account/passkeytest"
)

func newCodes(t testing.TB, a *Accounts, user ID) []string {
	t.Helper()
	codes, err := a.NewRecoveryCodes(t.Context(), user, "")
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

func wantCodesLeft(t testing.TB, a *Accounts, user ID, want int) {
	t.Helper()
	if n, err := a.RecoveryCodesLeft(t.Context(), user); n != want || err != nil {
		t.Errorf("%d codes left, %v, want %d", n, err, want)
	}
}

func TestRecoveryCodesLogInOnceEach(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	codes := newCodes(t, a, ada.ID)
	form := regexp.MustCompile(`^[0-9a-z]{4}(-[0-9a-z]{4}){3}$`)
	seen := map[string]bool{}
	for i, code := range codes {
		if !form.MatchString(code) || seen[code] {
			t.Errorf("code %q", code)
		}
		seen[code] = true
		if _, err := a.LogInByCode(t.Context(), "grace", code, ""); !errors.Is(err, ErrCredentials) {
			t.Errorf("another's code: %v", err)
		}
		// As people write it.
		typed := []string{code, strings.ToUpper(code), strings.ReplaceAll(code, "-", " "), strings.ReplaceAll(code, "-", ""), strings.NewReplacer("0", "o", "1", "l").Replace(code)}[i%5]
		if u, err := a.LogInByCode(t.Context(), "Ada", typed, ""); err != nil || u.ID != ada.ID {
			t.Errorf("log in with %q: %+v, %v", typed, u, err)
		}
		if _, err := a.LogInByCode(t.Context(), "ada", code, ""); !errors.Is(err, ErrCredentials) {
			t.Errorf("used twice: %v", err)
		}
		wantCodesLeft(t, a, ada.ID, RecoveryCodes-1-i)
	}
	wantCodesLeft(t, a, grace.ID, 0)
	for _, name := range []string{"nobody", "", "two words"} {
		if _, err := a.LogInByCode(t.Context(), name, codes[0], ""); !errors.Is(err, ErrCredentials) {
			t.Errorf("log in as %q: %v", name, err)
		}
	}
}

func TestRecoveryCodeLetsOneOfManyIn(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	code := newCodes(t, a, ada.ID)[0]
	var all sync.WaitGroup
	results := make(chan error, 50)
	for range cap(results) {
		all.Go(func() {
			_, err := a.LogInByCode(t.Context(), "ada", code, "")
			results <- err
		})
	}
	all.Wait()
	close(results)
	in := 0
	for err := range results {
		if err == nil {
			in++
		} else if !errors.Is(err, ErrCredentials) {
			t.Errorf("refused: %v", err)
		}
	}
	if in != 1 {
		t.Errorf("one code let %d in", in)
	}
}

func TestNewRecoveryCodesVoidTheOldOnes(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	ada := mustSignUp(t, a, "ada")
	old := newCodes(t, a, ada.ID)
	fresh := newCodes(t, a, ada.ID)
	wantCodesLeft(t, a, ada.ID, RecoveryCodes)
	if _, err := a.LogInByCode(t.Context(), "ada", old[0], ""); !errors.Is(err, ErrCredentials) {
		t.Errorf("an old code: %v", err)
	}
	mustDisable(t, st, ada.ID)
	if _, err := a.LogInByCode(t.Context(), "ada", fresh[0], ""); !errors.Is(err, ErrDisabled) {
		t.Errorf("a disabled user: %v", err)
	}
	wantCodesLeft(t, a, ada.ID, RecoveryCodes)
}

func TestRecoveryCodesAreThrottledAsPasswordsAre(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 3})
	ada := mustSignUp(t, a, "ada")
	code := newCodes(t, a, ada.ID)[0]
	for range 3 {
		if _, err := a.LogInByCode(t.Context(), "ada", "0000-0000-0000-0000", "192.0.2.9"); !errors.Is(err, ErrCredentials) {
			t.Fatal(err)
		}
	}
	for _, try := range []struct{ name, address string }{{"ada", "192.0.2.10"}, {"grace", "192.0.2.9"}} {
		if _, err := a.LogInByCode(t.Context(), try.name, code, try.address); !isThrottled(err) {
			t.Errorf("one too many as %s from %s: %v", try.name, try.address, err)
		}
	}
	wantCodesLeft(t, a, ada.ID, RecoveryCodes)
}

func TestPasswordIsTurnedOffOnlyWithAnotherWayIn(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	d := &passkeytest.Device{Origin: localOrigin}
	token, here := startSession(t, a, ada.ID)
	elsewhere, there := startSession(t, a, ada.ID)
	off := func(want error) {
		t.Helper()
		if err := a.TurnPasswordOff(t.Context(), ada.ID, here.ID, ""); !errors.Is(err, want) {
			t.Errorf("turn the password off: %v, want %v", err, want)
		}
	}
	remove := func(n int, want error) {
		t.Helper()
		all, err := a.Passkeys(t.Context(), ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.RemovePasskey(t.Context(), ada.ID, all[n].ID, ""); !errors.Is(err, want) {
			t.Errorf("remove a passkey: %v, want %v", err, want)
		}
	}
	off(ErrNeeded)
	newCodes(t, a, ada.ID)
	off(ErrNeeded)
	addPasskey(t, a, ada.ID, d)
	wantSession(t, a, elsewhere, there.ID)
	off(nil)
	wantSession(t, a, token, here.ID)
	wantNoSession(t, a, elsewhere) // somebody may have come there with the password
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); !errors.Is(err, ErrCredentials) {
		t.Errorf("log in with a password that is off: %v", err)
	}
	remove(0, ErrNeeded) // codes alone are used up one day
	addPasskey(t, a, ada.ID, d)
	remove(0, nil)
	if err := a.ChangePassword(t.Context(), PasswordChange{User: ada.ID, New: goodPassword}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); err != nil {
		t.Errorf("log in: %v", err)
	}
	remove(0, nil)
}
