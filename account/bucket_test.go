package account

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// spendOne makes an attempt that counts.
func spendOne(t *throttle, key string, now time.Time) (wait time.Duration, ok bool) {
	wait, _, ok = t.try(key, now)
	if ok {
		t.settle(key, 0, now)
	}
	return wait, ok
}

func TestThrottleLetsThroughItsLimitAndRefills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newThrottle(10, time.Minute)
		for i := range 10 {
			if _, ok := spendOne(b, "ada", time.Now()); !ok {
				t.Fatalf("attempt %d is refused", i+1)
			}
		}
		wait, ok := spendOne(b, "ada", time.Now())
		if ok || wait <= 5*time.Second || wait > 6*time.Second+time.Millisecond {
			t.Fatalf("attempt 11: %t, wait %v, want false and 6 s", ok, wait)
		}
		if _, ok := spendOne(b, "grace", time.Now()); !ok {
			t.Error("another key is refused")
		}
		time.Sleep(wait)
		if _, ok := spendOne(b, "ada", time.Now()); !ok {
			t.Error("refused after the wait that was said")
		}
		if _, ok := spendOne(b, "ada", time.Now()); ok {
			t.Error("two attempts after a wait for one")
		}
		time.Sleep(time.Hour)
		for i := range 11 {
			if _, ok := spendOne(b, "ada", time.Now()); ok != (i < 10) {
				t.Fatalf("after an hour attempt %d: %t", i+1, ok)
			}
		}
	})
}

func TestThrottleTakesBack(t *testing.T) {
	t.Parallel()
	b := newThrottle(2, time.Minute)
	now := time.Now()
	for range 100 {
		if _, _, ok := b.try("ada", now); !ok {
			t.Fatal("refused although all was given back")
		}
		b.settle("ada", 1, now)
		b.settle("ada", 1, now) // one too many never makes more than the limit
	}
	b.settle("grace", 1, now)
	for i := range 3 {
		if _, ok := spendOne(b, "ada", now); ok != (i < 2) {
			t.Fatalf("attempt %d: %t", i+1, ok)
		}
	}
}

func TestTakeWaitsForWhatMayComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newThrottle(2, time.Hour)
		mustTake := func() {
			if err := b.take(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
		}
		mustTake()
		mustTake()
		results := make(chan error, 2)
		for range 2 {
			go func() { results <- b.take(t.Context(), "ada") }()
		}
		synctest.Wait()
		if len(results) != 0 {
			t.Fatalf("an attempt did not wait: %v", <-results)
		}
		b.giveBack("ada")
		if err := <-results; err != nil {
			t.Fatalf("the attempt that got a token back: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.take(ctx, "ada"); !errors.Is(err, context.Canceled) {
			t.Errorf("an attempt that cannot wait: %v, want context.Canceled", err)
		}
		b.spend("ada")
		synctest.Wait()
		if len(results) != 0 {
			t.Fatalf("an attempt did not wait for the last: %v", <-results)
		}
		b.spend("ada")
		if _, ok := errors.AsType[*ThrottledError](<-results); !ok {
			t.Error("the attempt for which nothing came back is let through")
		}
	})
}

func TestForgottenBucketLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newThrottle(1, time.Minute)
		if err := b.take(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() { result <- b.take(t.Context(), "ada") }()
		synctest.Wait()
		time.Sleep(time.Hour)
		b.sweep(time.Now())
		if err := <-result; err != nil {
			t.Errorf("after the sweep: %v", err)
		}
	})
}

func TestThrottleOfZeroIsOff(t *testing.T) {
	t.Parallel()
	b := newThrottle(0, time.Minute)
	for range 1000 {
		if _, ok := spendOne(b, "ada", time.Now()); !ok {
			t.Fatal("refused")
		}
	}
	b.giveBack("ada")
	if b.size() != 0 {
		t.Error("something is remembered")
	}
}

func TestThrottleIgnoresAClockThatGoesBack(t *testing.T) {
	t.Parallel()
	b := newThrottle(1, time.Minute)
	now := time.Now()
	spendOne(b, "ada", now)
	if _, ok := spendOne(b, "ada", now.Add(-time.Hour)); ok {
		t.Error("an earlier time filled the bucket")
	}
}

func TestThrottleIsBoundedAndKeepsWhatStopsSomebody(t *testing.T) {
	t.Parallel()
	b := newThrottle(10, time.Minute)
	b.max = 64
	now := time.Now()
	for range 10 {
		spendOne(b, "ada", now)
	}
	for i := range 50_000 {
		spendOne(b, fmt.Sprint("somebody", i), now)
		if i%100 == 0 {
			if _, ok := spendOne(b, "ada", now); ok {
				t.Fatalf("the empty bucket was forgotten after %d others", i)
			}
		}
	}
	if n := b.size(); n > 64*bucketShards {
		t.Errorf("%d buckets are kept, want at most %d", n, 64*bucketShards)
	}
}

func TestSweepForgetsFullBuckets(t *testing.T) {
	t.Parallel()
	b := newThrottle(10, time.Minute)
	now := time.Now()
	for i := range 100 {
		spendOne(b, fmt.Sprint(i), now)
	}
	for range 10 {
		spendOne(b, "ada", now)
	}
	b.sweep(now.Add(6 * time.Second))
	if n := b.size(); n != 1 {
		t.Errorf("%d buckets are left, want the one that is not full", n)
	}
	b.sweep(now.Add(time.Minute))
	if n := b.size(); n != 0 {
		t.Errorf("%d buckets are left, want none", n)
	}
}

func TestAddressKeyIsWhatOneCustomerHas(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7":                        "192.0.2.7",
		"192.0.2.7:1234":                   "192.0.2.7",
		"::ffff:192.0.2.7":                 "192.0.2.7",
		"[::ffff:192.0.2.7]:80":            "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":             "2001:db8:1:2::/64",
		"[2001:db8:1:2::1]:443":            "2001:db8:1:2::/64",
		"[2001:db8:1:2::1]":                "2001:db8:1:2::/64",
		"2001:DB8:1:2:FFFF::":              "2001:db8:1:2::/64",
		"2001:db8:1:3::1":                  "2001:db8:1:3::/64",
		"fe80::1%eth0":                     "fe80::/64",
		"::1":                              "::/64",
		"":                                 "",
		"@":                                "@",
		"somewhere else altogether: there": "somewhere else altogether: there",
	} {
		if got := AddressKey(address); got != want {
			t.Errorf("AddressKey(%q) = %q, want %q", address, got, want)
		}
	}
}

func BenchmarkThrottle(b *testing.B) {
	t := newThrottle(10, time.Minute)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		t.try("ada", now)
		t.settle("ada", 1, now)
	}
}

// A throttle that is forgotten where the others are swept grows until it is full.
func TestEveryThrottleIsSwept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := openAccounts(t, openStore(t), Options{LoginsPerMinute: 1, SignupsPerHour: 1})
		all := map[string]*throttle{}
		fields := reflect.ValueOf(a).Elem()
		for i := range fields.NumField() {
			if fields.Type().Field(i).Type == reflect.TypeFor[*throttle]() {
				all[fields.Type().Field(i).Name] = (*throttle)(fields.Field(i).UnsafePointer())
			}
		}
		if len(all) == 0 {
			t.Fatal("there are no throttles")
		}
		for name, throttle := range all {
			if err := throttle.take(t.Context(), "somebody"); err != nil {
				t.Fatal(name, err)
			}
			throttle.spend("somebody")
		}
		time.Sleep(time.Hour + housekeepingPeriod) // until the slowest has refilled
		synctest.Wait()
		for name, throttle := range all {
			if n := throttle.size(); n != 0 {
				t.Errorf("%s keeps %d buckets that are full", name, n)
			}
		}
	})
}
