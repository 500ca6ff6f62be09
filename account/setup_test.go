package account

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestFirstAdminIsMadeByTheTokenAlone(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{SignupsPerHour: 1})
	if u := mustSignUp(t, a, "first"); u.Admin {
		t.Fatal("the first to sign up is an administrator")
	}
	old, err := a.Setup(t.Context())
	if err != nil || len(old) != tokenLength {
		t.Fatalf("Setup = %q, %v", old, err)
	}
	token, err := a.Setup(t.Context())
	if err != nil || token == old {
		t.Fatalf("Setup = %q, %v, want a new token", token, err)
	}
	for _, wrong := range []string{old, token[1:], token + "x", strings.ToUpper(token), "x"} {
		if ok, err := a.SetupValid(t.Context(), wrong); ok || err != nil {
			t.Errorf("SetupValid(%q) = %t, %v", wrong, ok, err)
		}
		if _, err := a.SignUp(t.Context(), SignUp{Name: "mallory", Password: goodPassword, Setup: wrong}); !errors.Is(err, ErrSetup) {
			t.Errorf("sign up with %q: %v, want ErrSetup", wrong, err)
		}
	}
	if value, _, _ := st.Meta(t.Context(), setupMeta); value == "" || strings.Contains(value, token) {
		t.Errorf("the store holds %q", value)
	}
	// What the person can mend does not use the token up, and the throttle does not hold: the address has had its one.
	for range 3 {
		_, err = a.SignUp(t.Context(), SignUp{Name: "first", Password: "short", Address: "192.0.2.1", Setup: token})
		if faults, ok := errors.AsType[FieldErrors](err); !ok || len(faults) != 2 {
			t.Fatalf("a form with errors: %v", err)
		}
	}
	if ok, err := a.SetupValid(t.Context(), token); !ok || err != nil {
		t.Fatalf("SetupValid = %t, %v", ok, err)
	}
	u, err := a.SignUp(t.Context(), SignUp{Name: "root", Password: goodPassword, Address: "192.0.2.1", Setup: token})
	if err != nil || !u.Admin {
		t.Fatalf("sign up with the token: %+v, %v", u, err)
	}
	if _, err := a.SignUp(t.Context(), SignUp{Name: "root2", Password: goodPassword, Setup: token}); !errors.Is(err, ErrSetup) {
		t.Errorf("the token makes a second account: %v", err)
	}
	if token, err := a.Setup(t.Context()); token != "" || err != nil {
		t.Errorf("Setup with an administrator = %q, %v, want none", token, err)
	}
	mustDisable(t, st, u.ID)
	if token, err := a.Setup(t.Context()); token == "" || err != nil {
		t.Errorf("Setup when no administrator can log in = %q, %v, want a token", token, err)
	}
}

func TestHundredAttemptsWithOneTokenMakeOneAdmin(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	token, err := a.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 100)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			<-start
			_, errs[i] = a.SignUp(t.Context(), SignUp{Name: fmt.Sprint("root", i), Password: goodPassword, Setup: token})
		})
	}
	close(start)
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, ErrSetup) {
			t.Errorf("a loser gets %v, want ErrSetup", err)
		}
	}
	if n, _ := a.Count(t.Context()); made != 1 || n != 1 {
		t.Errorf("%d succeeded and %d accounts exist, want 1", made, n)
	}
}

func TestTokenIsVoidOnceThereIsAnAdmin(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	token, err := a.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u := mustSignUp(t, a, "ada")
	if _, err := a.Promote(t.Context(), Actor{}, u.ID); err != nil {
		t.Fatal(err)
	}
	if ok, err := a.SetupValid(t.Context(), token); ok || err != nil {
		t.Errorf("SetupValid = %t, %v", ok, err)
	}
	if _, err := a.SignUp(t.Context(), SignUp{Name: "root", Password: goodPassword, Setup: token}); !errors.Is(err, ErrSetup) {
		t.Errorf("sign up: %v", err)
	}
}
