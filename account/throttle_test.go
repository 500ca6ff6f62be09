package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logIn gives "ok", "wrong" or "wait".
func logIn(t testing.TB, a *Accounts, name, password, address string) string {
	t.Helper()
	_, err := a.LogIn(t.Context(), name, password, address)
	throttled, ok := errors.AsType[*ThrottledError](err)
	switch {
	case err == nil:
		return "ok"
	case ok && throttled.Wait > 0 && throttled.Wait <= time.Minute:
		return "wait"
	case errors.Is(err, ErrCredentials):
		return "wrong"
	}
	t.Fatalf("log in as %q: %v", name, err)
	return ""
}

func TestGuessingFromOneAddressIsThrottled(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 5})
	mustSignUp(t, a, "ada")
	for i := range 5 {
		if got := logIn(t, a, fmt.Sprint("somebody", i), "wrong", "192.0.2.9"); got != "wrong" {
			t.Fatalf("attempt %d: %s", i+1, got)
		}
	}
	if got := logIn(t, a, "ada", goodPassword, "192.0.2.9"); got != "wait" {
		t.Errorf("attempt 6 from the address: %s, want wait", got)
	}
	if got := logIn(t, a, "a b", goodPassword, "192.0.2.9"); got != "wait" {
		t.Errorf("attempt 7 with no name: %s, want wait", got)
	}
	if got := logIn(t, a, "ada", goodPassword, "192.0.2.10"); got != "ok" {
		t.Errorf("from another address: %s, want ok", got)
	}
}

func TestAnIPv6CustomerIsOneAddress(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 5})
	for i := range 5 {
		logIn(t, a, fmt.Sprint("somebody", i), "wrong", fmt.Sprintf("2001:db8:1:2::%x", i))
	}
	if got := logIn(t, a, "ada", "wrong", "2001:db8:1:2:ffff::1"); got != "wait" {
		t.Errorf("from the same /64: %s, want wait", got)
	}
	if got := logIn(t, a, "ada", "wrong", "2001:db8:1:3::1"); got != "wrong" {
		t.Errorf("from the next /64: %s, want wrong", got)
	}
}

func TestRightPasswordsAreFree(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 2})
	for i := range 20 {
		name := fmt.Sprint("person", i)
		mustSignUp(t, a, name)
		if logIn(t, a, name, goodPassword, "192.0.2.1") != "ok" || logIn(t, a, "person0", goodPassword, "192.0.2.1") != "ok" {
			t.Fatalf("person %d of one address has to wait", i)
		}
	}
}

func TestPeopleOfOneAddressLogInAtTheSameMoment(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 2})
	for i := range 5 {
		mustSignUp(t, a, fmt.Sprint("person", i))
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if got := logIn(t, a, fmt.Sprint("person", i%5), goodPassword, "192.0.2.1"); got != "ok" {
				t.Errorf("log-in %d: %s, want ok", i+1, got)
			}
		})
	}
	all.Wait()
}

func TestManyAddressesCannotGuessAtOneAccountNorLockItsOwnerOut(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 5})
	owner := mustSignUp(t, a, "ada")
	if _, _, err := a.StartSession(t.Context(), owner.ID, Client{Address: "198.51.100.1:4444"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ada", "nobody"} {
		wrong := 0
		for i := range 100 {
			if logIn(t, a, name, "wrong", fmt.Sprintf("203.0.113.%d", i)) == "wrong" {
				wrong++
			}
		}
		if wrong != 5 {
			t.Errorf("%d guesses at %s were answered, want 5 whether the account exists or not", wrong, name)
		}
	}
	for range 20 {
		if got := logIn(t, a, "ADA", goodPassword, "198.51.100.1"); got != "ok" {
			t.Fatalf("the owner, from where they were before: %s, want ok", got)
		}
	}
	if got := logIn(t, a, "ada", goodPassword, "198.51.100.2"); got != "wait" {
		t.Errorf("from where nobody was: %s, want wait", got)
	}
	// Who shares the owner's address has no more guesses than from any other.
	wrong := 0
	for range 20 {
		if logIn(t, a, "ada", "wrong", "198.51.100.1") == "wrong" {
			wrong++
		}
	}
	if wrong != 5 {
		t.Errorf("%d guesses from the owner's address were answered, want 5", wrong)
	}
}

func TestSimultaneousGuessesAreThrottledToo(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 5})
	mustSignUp(t, a, "ada")
	var wrong int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if logIn(t, a, "ada", "wrong", fmt.Sprintf("203.0.113.%d", i)) == "wrong" {
				mu.Lock()
				wrong++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if wrong != 5 {
		t.Errorf("%d guesses were answered, want 5", wrong)
	}
}

func TestThrottledLogInCanBeTriedAfterTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{LoginsPerMinute: 2})
		mustSignUp(t, a, "ada")
		for range 2 {
			logIn(t, a, "ada", "wrong", "192.0.2.1")
		}
		_, err := a.LogIn(t.Context(), "ada", goodPassword, "192.0.2.1")
		throttled, ok := errors.AsType[*ThrottledError](err)
		if !ok || throttled.Wait > 30*time.Second {
			t.Fatalf("attempt 3: %v, want a wait of at most 30 s", err)
		}
		time.Sleep(throttled.Wait)
		if got := logIn(t, a, "ada", goodPassword, "192.0.2.1"); got != "ok" {
			t.Errorf("after the wait: %s, want ok", got)
		}
	})
}

func TestAttemptThatNeverRanIsFree(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 1})
	mustSignUp(t, a, "ada")
	for range cap(a.hasher.slots) {
		a.hasher.slots <- struct{}{} // all processors hash
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 5 {
		if _, err := a.LogIn(ctx, "ada", goodPassword, "192.0.2.1"); !errors.Is(err, context.Canceled) {
			t.Fatalf("log in without a slot: %v, want context.Canceled", err)
		}
	}
	for range cap(a.hasher.slots) {
		<-a.hasher.slots
	}
	if got := logIn(t, a, "ada", goodPassword, "192.0.2.1"); got != "ok" {
		t.Errorf("log in afterwards: %s, want ok", got)
	}
}

func TestLimitsOfZeroAreOff(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	for i := range 30 {
		mustSignUp(t, a, fmt.Sprint("person", i))
		if got := logIn(t, a, "person0", "wrong", "192.0.2.1"); got != "wrong" {
			t.Fatalf("attempt %d: %s", i+1, got)
		}
	}
}

func TestSignUpsOfOneAddressAreThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{SignupsPerHour: 3})
		signUp := func(name, address string) error {
			_, err := a.SignUp(t.Context(), SignUp{Name: name, Password: goodPassword, Address: address})
			return err
		}
		for i := range 3 {
			if err := signUp("a b", "192.0.2.1:1"); err == nil {
				t.Fatal("a name with a space is accepted")
			}
			if err := signUp(fmt.Sprint("person", i), "192.0.2.1:2"); err != nil {
				t.Fatalf("sign-up %d: %v", i+1, err)
			}
		}
		throttled, ok := errors.AsType[*ThrottledError](signUp("person4", "192.0.2.1:3"))
		if !ok || throttled.Wait <= 19*time.Minute || throttled.Wait > 20*time.Minute+time.Second {
			t.Fatalf("sign-up 4: %v, want a wait of 20 minutes", throttled)
		}
		if err := signUp("person4", "192.0.2.2"); err != nil {
			t.Errorf("from another address: %v", err)
		}
		time.Sleep(throttled.Wait)
		if err := signUp("person5", "192.0.2.1"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}
