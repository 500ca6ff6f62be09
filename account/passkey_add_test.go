package account

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unsafe"

	"snug/account/passkeytest"
	"snug/store"
)

func mustBegin(t testing.TB, a *Accounts, user ID) Ceremony {
	t.Helper()
	asked, err := a.BeginAddPasskey(t.Context(), user, store.NewID(), localBrowser())
	if err != nil {
		t.Fatal(err)
	}
	return asked
}

func TestPasskeyIsNotMadeOtherwiseThanAskedFor(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	good := &passkeytest.Device{Origin: localOrigin}
	session, b := store.NewID(), localBrowser()
	begin := func() Ceremony {
		asked, err := a.BeginAddPasskey(t.Context(), ada.ID, session, b)
		if err != nil {
			t.Fatal(err)
		}
		return asked
	}
	for name, device := range map[string]*passkeytest.Device{
		"another origin":       {Origin: "https://evil.example"},
		"another party":        {Origin: localOrigin, Party: "evil.example"},
		"no user verification": {Origin: localOrigin, Unproven: true},
	} {
		asked := begin()
		_, made := device.Make(t, asked.Options)
		if _, err := a.AddPasskey(t.Context(), ada.ID, session, b, Answer{asked.ID, made}, ""); !errors.Is(err, ErrPasskey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, try := range map[string]func(Ceremony, Answer) error{
		"another user": func(_ Ceremony, answer Answer) error {
			_, err := a.AddPasskey(t.Context(), grace.ID, session, b, answer, "")
			return err
		},
		"another session": func(_ Ceremony, answer Answer) error {
			_, err := a.AddPasskey(t.Context(), ada.ID, store.NewID(), b, answer, "")
			return err
		},
		"another browser": func(_ Ceremony, answer Answer) error {
			_, err := a.AddPasskey(t.Context(), ada.ID, session, localBrowser(), answer, "")
			return err
		},
		"a log-in": func(_ Ceremony, answer Answer) error {
			_, _, err := a.PasskeyLogIn(t.Context(), b, answer)
			return err
		},
		"a sign-up": func(_ Ceremony, answer Answer) error {
			_, err := a.PasskeySignUp(t.Context(), b, answer)
			return err
		},
	} {
		asked := begin()
		_, made := good.Make(t, asked.Options)
		if err := try(asked, Answer{asked.ID, made}); !errors.Is(err, ErrCeremony) {
			t.Errorf("answered as %s: %v", name, err)
		}
	}
	if all, err := a.Passkeys(t.Context(), ada.ID); len(all) != 0 || err != nil {
		t.Errorf("passkeys = %+v, %v", all, err)
	}
}

func TestPasskeyIsAddedOnce(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	d := &passkeytest.Device{Origin: localOrigin}
	key := addPasskey(t, a, ada.ID, d)
	b, session := localBrowser(), store.NewID()
	asked, err := a.BeginAddPasskey(t.Context(), grace.ID, session, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddPasskey(t.Context(), grace.ID, session, b, Answer{asked.ID, d.MakeAgain(t, key, asked.Options)}, ""); !errors.Is(err, ErrPasskeyKnown) {
		t.Errorf("a passkey with the id of another's: %v", err)
	}
	if u, _, err := usePasskey(t, a, d, key); err != nil || u.ID != ada.ID {
		t.Errorf("its owner: %+v, %v", u, err)
	}
}

func TestPasskeySignUpMakesAnAccountWithoutAPassword(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{SignupsPerHour: 1})
	d := &passkeytest.Device{Origin: localOrigin}
	b := localBrowser()
	if _, err := a.BeginPasskeySignUp(t.Context(), SignUp{Name: "two words"}, b); fieldOf(err) != FieldUsername {
		t.Errorf("a bad name: %v", err)
	}
	asked, err := a.BeginPasskeySignUp(t.Context(), SignUp{Name: "Ada", Address: b.Address}, b)
	if err != nil {
		t.Fatal(err)
	}
	key, made := d.Make(t, asked.Options)
	ada, err := a.PasskeySignUp(t.Context(), b, Answer{asked.ID, made})
	if err != nil || ada.Name != "Ada" || ada.Admin {
		t.Fatalf("sign up: %+v, %v", ada, err)
	}
	if has, err := a.HasPassword(t.Context(), ada.ID); has || err != nil {
		t.Errorf("has a password: %v, %v", has, err)
	}
	if u, _, err := usePasskey(t, a, d, key); err != nil || u.ID != ada.ID {
		t.Errorf("log in: %+v, %v", u, err)
	}
	for _, password := range []string{"", goodPassword} {
		if _, err := a.LogIn(t.Context(), "ada", password, ""); !errors.Is(err, ErrCredentials) {
			t.Errorf("log in with the password %q: %v", password, err)
		}
	}
	if _, err := a.BeginPasskeySignUp(t.Context(), SignUp{Name: "ada"}, b); fieldOf(err) != FieldUsername {
		t.Errorf("a name that is taken: %v", err)
	}
	asked, err = a.BeginPasskeySignUp(t.Context(), SignUp{Name: "grace", Address: b.Address}, b)
	if err != nil {
		t.Fatal(err)
	}
	_, made = d.Make(t, asked.Options)
	if _, err := a.PasskeySignUp(t.Context(), b, Answer{asked.ID, made}); !isThrottled(err) {
		t.Errorf("one account too many: %v", err)
	}
}

func fieldOf(err error) string {
	faults, _ := errors.AsType[FieldErrors](err)
	if len(faults) != 1 {
		return ""
	}
	return faults[0].Field
}

func isThrottled(err error) bool {
	_, ok := errors.AsType[*ThrottledError](err)
	return ok
}

func TestPasskeyMakesTheFirstAdmin(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{Admission: AdmitNobody})
	token, err := a.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, b := &passkeytest.Device{Origin: localOrigin}, localBrowser()
	if _, err := a.BeginPasskeySignUp(t.Context(), SignUp{Name: "root"}, b); !errors.Is(err, ErrSignupClosed) {
		t.Errorf("without the link: %v", err)
	}
	for _, want := range []error{nil, ErrSetup} {
		asked, err := a.BeginPasskeySignUp(t.Context(), SignUp{Name: "root", Setup: token}, b)
		if err != nil {
			if !errors.Is(err, want) {
				t.Errorf("begin: %v, want %v", err, want)
			}
			continue
		}
		_, made := d.Make(t, asked.Options)
		if u, err := a.PasskeySignUp(t.Context(), b, Answer{asked.ID, made}); !errors.Is(err, want) || !u.Admin {
			t.Errorf("sign up: %+v, %v, want %v", u, err, want)
		}
	}
}

func TestPasskeysAreRenamedAndRemovedByTheirOwner(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	d := &passkeytest.Device{Origin: localOrigin}
	key := addPasskey(t, a, ada.ID, d)
	all, err := a.Passkeys(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	id := all[0].ID
	if err := a.RenamePasskey(t.Context(), grace.ID, id, "mine", ""); !errors.Is(err, ErrNoPasskey) {
		t.Errorf("renamed by another: %v", err)
	}
	if err := a.RemovePasskey(t.Context(), grace.ID, id, ""); !errors.Is(err, ErrNoPasskey) {
		t.Errorf("removed by another: %v", err)
	}
	for _, bad := range []string{"", "  ", "a\x00b", "\u202egnirts", strings.Repeat("x", maxPasskeyName+1)} {
		if err := a.RenamePasskey(t.Context(), ada.ID, id, bad, ""); fieldOf(err) != FieldPasskey {
			t.Errorf("renamed to %q: %v", bad, err)
		}
	}
	if err := a.RenamePasskey(t.Context(), ada.ID, id, "  Ada’s   phone ", ""); err != nil {
		t.Fatal(err)
	}
	if all, err := a.Passkeys(t.Context(), ada.ID); err != nil || all[0].Name != "Ada’s phone" {
		t.Errorf("passkeys = %+v, %v", all, err)
	}
	if _, _, err := usePasskey(t, a, d, key); err != nil {
		t.Errorf("a renamed passkey: %v", err)
	}
	if err := a.RemovePasskey(t.Context(), ada.ID, id, ""); err != nil {
		t.Fatal(err)
	}
	if err := a.RenamePasskey(t.Context(), ada.ID, id, "again", ""); !errors.Is(err, ErrNoPasskey) {
		t.Errorf("renamed after its end: %v", err)
	}
}

func TestNobodyHasMorePasskeysThanMayBe(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	d := &passkeytest.Device{Origin: localOrigin}
	for range maxPasskeys {
		addPasskey(t, a, ada.ID, d)
	}
	if _, err := a.BeginAddPasskey(t.Context(), ada.ID, store.NewID(), localBrowser()); !errors.Is(err, ErrManyPasskeys) {
		t.Errorf("one too many: %v", err)
	}
}

// A stranger may begin many sign-ups, each with a form as long as forms may be.
func TestSignUpThatWasBegunKeepsNothingOfItsForm(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	form := strings.Repeat("x", 64<<10)
	b := localBrowser()
	asked, err := a.BeginPasskeySignUp(t.Context(), SignUp{Name: form[:5], Address: b.Address}, b)
	if err != nil {
		t.Fatal(err)
	}
	x, ok := a.ceremonies.take(asked.ID, aimSignUp, hashToken(b.Secret), time.Now())
	if !ok || x.signUp.Name != "xxxxx" {
		t.Fatalf("ceremony = %+v, %t", x, ok)
	}
	if unsafe.StringData(x.signUp.Name) == unsafe.StringData(form) {
		t.Error("the name keeps the whole form in memory")
	}
}
