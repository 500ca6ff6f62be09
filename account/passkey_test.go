package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/account/passkeytest"
	"snug/store"
)

const localOrigin = "http://localhost:8000"

func localBrowser() Browser {
	return Browser{Origin: localOrigin, Secret: newToken(), Address: "192.0.2.7"}
}

// addPasskey goes through the whole ceremony.
func addPasskey(t testing.TB, a *Accounts, user ID, d *passkeytest.Device) *passkeytest.Key {
	t.Helper()
	b, session := localBrowser(), store.NewID()
	asked, err := a.BeginAddPasskey(t.Context(), user, session, b)
	if err != nil {
		t.Fatal(err)
	}
	key, made := d.Make(t, asked.Options)
	if _, err := a.AddPasskey(t.Context(), user, session, b, Answer{asked.ID, made}, ""); err != nil {
		t.Fatal(err)
	}
	return key
}

// usePasskey logs in with a key.
func usePasskey(t testing.TB, a *Accounts, d *passkeytest.Device, key *passkeytest.Key) (User, Passkey, error) {
	t.Helper()
	b := localBrowser()
	asked, err := a.BeginPasskeyLogIn(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return a.PasskeyLogIn(t.Context(), b, Answer{asked.ID, d.Use(t, key, asked.Options)})
}

func TestPasskeyLogsItsOwnerIn(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	d := &passkeytest.Device{Origin: localOrigin, Backed: true}
	hers, others := addPasskey(t, a, ada.ID, d), addPasskey(t, a, grace.ID, d)
	for key, want := range map[*passkeytest.Key]User{hers: ada, others: grace} {
		key.Counter++
		got, used, err := usePasskey(t, a, d, key)
		if err != nil || got.ID != want.ID || !used.Cloned.IsZero() {
			t.Errorf("%s's passkey: %+v, %+v, %v", want.Name, got, used, err)
		}
	}
	all, err := a.Passkeys(t.Context(), ada.ID)
	if err != nil || len(all) != 1 {
		t.Fatalf("passkeys = %+v, %v", all, err)
	}
	if p := all[0]; p.Name != "Passkey 1" || !p.Syncable || !p.Synced || time.Since(p.Used) > time.Minute || !bytes.Equal(p.Credential, hers.ID) {
		t.Errorf("passkey = %+v", p)
	}
	if len(all[0].Handle) != 64 || bytes.Contains(all[0].Handle, []byte("ada")) || bytes.Contains(all[0].Handle, ada.ID[:]) {
		t.Errorf("handle = %x", all[0].Handle)
	}
}

func TestPasskeyOptionsAskForWhatIsChecked(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	d := &passkeytest.Device{Origin: localOrigin}
	first := addPasskey(t, a, ada.ID, d)
	asked, err := a.BeginAddPasskey(t.Context(), ada.ID, store.NewID(), localBrowser())
	if err != nil {
		t.Fatal(err)
	}
	var creation struct {
		RP                     struct{ ID string }
		Attestation            string
		AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		ExcludeCredentials     []struct{ ID string }
	}
	if err := json.Unmarshal(asked.Options, &creation); err != nil {
		t.Fatal(err)
	}
	if creation.RP.ID != "localhost" || creation.AuthenticatorSelection.ResidentKey != "required" ||
		creation.AuthenticatorSelection.UserVerification != "required" || creation.Attestation != "none" || len(creation.ExcludeCredentials) != 1 {
		t.Errorf("options = %s", asked.Options)
	}
	asked, err = a.BeginPasskeyLogIn(t.Context(), localBrowser())
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{"allowCredentials", "ada", string(first.ID)} {
		if bytes.Contains(asked.Options, []byte(told)) {
			t.Errorf("the question at the log-in tells %q: %s", told, asked.Options)
		}
	}
	if !bytes.Contains(asked.Options, []byte(`"userVerification":"required"`)) {
		t.Errorf("options = %s", asked.Options)
	}
}

func TestAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	d := &passkeytest.Device{Origin: localOrigin}
	key := addPasskey(t, a, ada.ID, d) // its counter stays 0: no clone warning would tell
	b := localBrowser()
	asked, err := a.BeginPasskeyLogIn(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	answer := Answer{asked.ID, d.Use(t, key, asked.Options)}
	const tries = 20
	errs := make(chan error, tries)
	var all sync.WaitGroup
	for range tries {
		all.Go(func() {
			_, _, err := a.PasskeyLogIn(t.Context(), b, answer)
			errs <- err
		})
	}
	all.Wait()
	close(errs)
	in := 0
	for err := range errs {
		switch {
		case err == nil:
			in++
		case !errors.Is(err, ErrCeremony):
			t.Errorf("a second answer: %v", err)
		}
	}
	if in != 1 {
		t.Errorf("one answer logged in %d times", in)
	}
}

func TestSeveralCeremoniesGoOnAtOnce(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	d := &passkeytest.Device{Origin: localOrigin}
	key := addPasskey(t, a, ada.ID, d)
	b := localBrowser() // the list below the field, the button, and another tab
	var all []Ceremony
	for range 3 {
		asked, err := a.BeginPasskeyLogIn(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, asked)
	}
	for _, i := range []int{1, 2, 0} {
		if u, _, err := a.PasskeyLogIn(t.Context(), b, Answer{all[i].ID, d.Use(t, key, all[i].Options)}); err != nil || u.ID != ada.ID {
			t.Errorf("ceremony %d: %+v, %v", i, u, err)
		}
	}
}

func TestWrongAnswerEndsTheCeremonyToo(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	d := &passkeytest.Device{Origin: localOrigin}
	key := addPasskey(t, a, ada.ID, d)
	b := localBrowser()
	asked, err := a.BeginPasskeyLogIn(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.PasskeyLogIn(t.Context(), b, Answer{asked.ID, []byte("{}")}); !errors.Is(err, ErrPasskey) {
		t.Errorf("nonsense: %v", err)
	}
	if _, _, err := a.PasskeyLogIn(t.Context(), b, Answer{asked.ID, d.Use(t, key, asked.Options)}); !errors.Is(err, ErrCeremony) {
		t.Errorf("the right answer after a wrong one: %v", err)
	}
}

func TestAnswersThatProveNothingAreRefusedAlike(t *testing.T) {
	t.Parallel()
	var logged lockedBuffer
	st := openStore(t)
	a := openAccounts(t, st, Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	good := &passkeytest.Device{Origin: localOrigin}
	hers, theirs := addPasskey(t, a, ada.ID, good), addPasskey(t, a, grace.ID, good)
	removed := addPasskey(t, a, ada.ID, good)
	all, err := a.Passkeys(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RemovePasskey(t.Context(), ada.ID, all[1].ID, ""); err != nil {
		t.Fatal(err)
	}
	graces, err := a.Passkeys(t.Context(), grace.ID)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := good.Make(t, mustBegin(t, a, ada.ID).Options)
	for name, try := range map[string]struct {
		device *passkeytest.Device
		key    *passkeytest.Key
	}{
		"unknown":              {good, stranger},
		"removed":              {good, removed},
		"another's handle":     {good, hers.As(graces[0].Handle)},
		"no handle":            {good, theirs.As(nil)},
		"another origin":       {&passkeytest.Device{Origin: "http://localhost:9000"}, hers},
		"another party":        {&passkeytest.Device{Origin: localOrigin, Party: "evil.example"}, hers},
		"no user verification": {&passkeytest.Device{Origin: localOrigin, Unproven: true}, hers},
		"backup flag changed":  {&passkeytest.Device{Origin: localOrigin, Backed: true}, hers},
	} {
		u, p, err := usePasskey(t, a, try.device, try.key)
		if err != ErrPasskey || u.Name != "" || p.Name != "" { //nolint:errorlint // exactly this one, with nothing beside it
			t.Errorf("%s: %+v, %+v, %v", name, u, p, err)
		}
	}
	if !strings.Contains(logged.String(), "passkey not accepted") || strings.Count(logged.String(), EventLoginFailed) != 8 {
		t.Errorf("log:\n%s", logged.String())
	}
	mustDisable(t, st, ada.ID)
	if _, _, err := usePasskey(t, a, good, hers); !errors.Is(err, ErrDisabled) {
		t.Errorf("a disabled user: %v", err)
	}
}

func TestCounterThatDoesNotGrowIsTold(t *testing.T) {
	t.Parallel()
	var logged lockedBuffer
	a := openAccounts(t, openStore(t), Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	ada := mustSignUp(t, a, "ada")
	d := &passkeytest.Device{Origin: localOrigin}
	key := addPasskey(t, a, ada.ID, d)
	for _, step := range []struct {
		counter uint32
		cloned  bool
	}{{5, false}, {6, false}, {6, true}, {3, true}, {7, false}} {
		key.Counter = step.counter
		before := strings.Count(logged.String(), EventPasskeyCloned)
		u, _, err := usePasskey(t, a, d, key)
		if err != nil || u.ID != ada.ID {
			t.Fatalf("counter %d: %+v, %v", step.counter, u, err)
		}
		if told := strings.Count(logged.String(), EventPasskeyCloned) > before; told != step.cloned {
			t.Errorf("counter %d: told %v, want %v", step.counter, told, step.cloned)
		}
	}
	all, err := a.Passkeys(t.Context(), ada.ID)
	if err != nil || all[0].Cloned.IsZero() {
		t.Errorf("passkeys = %+v, %v", all, err)
	}
}

func TestPasskeyConfirmsItsOwnersSession(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
	d, b := &passkeytest.Device{Origin: localOrigin}, localBrowser()
	if _, err := a.BeginPasskeyConfirm(t.Context(), ada.ID, store.NewID(), b); !errors.Is(err, ErrNoPasskey) {
		t.Errorf("without a passkey: %v", err)
	}
	hers, theirs := addPasskey(t, a, ada.ID, d), addPasskey(t, a, grace.ID, d)
	token, started := startSession(t, a, ada.ID)
	session := started.ID
	for _, test := range []struct {
		key     *passkeytest.Key
		session ID
		want    error
	}{{theirs, session, ErrPasskey}, {hers, store.NewID(), ErrCeremony}, {hers, session, nil}} {
		asked, err := a.BeginPasskeyConfirm(t.Context(), ada.ID, session, b)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.PasskeyConfirm(t.Context(), ada.ID, test.session, b, Answer{asked.ID, d.Use(t, test.key, asked.Options)}); !errors.Is(err, test.want) {
			t.Errorf("confirm: %v, want %v", err, test.want)
		}
		s, err := a.Session(t.Context(), token)
		if proven := s.Proven.After(started.Proven); err != nil || proven != (test.want == nil) {
			t.Errorf("confirmed: %v, %v after %v", proven, err, test.want)
		}
	}
}
