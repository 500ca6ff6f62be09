package account

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestCeremonyExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCeremonies(3, 2)
		var browser [32]byte
		begin := func(address string) string { return c.begin(&ceremony{aim: aimLogIn, address: address}, time.Now()) }
		late := begin("a")
		time.Sleep(ceremonyLife - time.Second)
		early := begin("a")
		time.Sleep(time.Second)
		if _, ok := c.take(late, aimLogIn, browser, time.Now()); ok {
			t.Error("an expired ceremony was taken")
		}
		if _, ok := c.take(early, aimLogIn, browser, time.Now()); !ok {
			t.Error("a ceremony was lost")
		}
		first, second := begin("a"), begin("a")
		other := begin("b")
		third := begin("a") // pushes out the first of its own address
		for id, want := range map[string]bool{first: false, second: true, third: true, other: true} {
			if _, ok := c.take(id, aimLogIn, browser, time.Now()); ok != want {
				t.Errorf("ceremony taken: %v, want %v", ok, want)
			}
		}
		oldest := begin("a")
		begin("b")
		begin("c")
		begin("d") // pushes out the oldest of all
		if _, ok := c.take(oldest, aimLogIn, browser, time.Now()); ok {
			t.Error("more ceremonies are open than may be")
		}
		time.Sleep(ceremonyLife)
		c.sweep(time.Now())
		if len(c.byID) != 0 || c.queue.Len() != 0 || len(c.count) != 0 {
			t.Errorf("%d, %d and %d are left", len(c.byID), c.queue.Len(), len(c.count))
		}
	})
}

func TestCeremoniesAreThrottledByAddress(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 1})
	b := localBrowser()
	for range ceremoniesPerLogin {
		if _, err := a.BeginPasskeyLogIn(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	_, err := a.BeginPasskeyLogIn(t.Context(), b)
	if throttled, ok := errors.AsType[*ThrottledError](err); !ok || throttled.Wait <= 0 {
		t.Errorf("one too many: %v", err)
	}
	b.Address = "192.0.2.8"
	if _, err := a.BeginPasskeyLogIn(t.Context(), b); err != nil {
		t.Errorf("another address: %v", err)
	}
}
