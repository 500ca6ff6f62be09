package account

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestThrottleLetsThroughItsLimitAndRefills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newThrottle(10, time.Minute)
		for i := range 10 {
			if _, ok := b.take("ada", time.Now()); !ok {
				t.Fatalf("attempt %d is refused", i+1)
			}
		}
		wait, ok := b.take("ada", time.Now())
		if ok || wait <= 5*time.Second || wait > 6*time.Second+time.Millisecond {
			t.Fatalf("attempt 11: %t, wait %v, want false and 6 s", ok, wait)
		}
		if _, ok := b.take("grace", time.Now()); !ok {
			t.Error("another key is refused")
		}
		time.Sleep(wait)
		if _, ok := b.take("ada", time.Now()); !ok {
			t.Error("refused after the wait that was said")
		}
		if _, ok := b.take("ada", time.Now()); ok {
			t.Error("two attempts after a wait for one")
		}
		time.Sleep(time.Hour)
		for i := range 11 {
			if _, ok := b.take("ada", time.Now()); ok != (i < 10) {
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
		if _, ok := b.take("ada", now); !ok {
			t.Fatal("refused although all was given back")
		}
		b.giveBack("ada", now)
		b.giveBack("ada", now) // one too many never makes more than the limit
	}
	b.giveBack("grace", now)
	for i := range 3 {
		if _, ok := b.take("ada", now); ok != (i < 2) {
			t.Fatalf("attempt %d: %t", i+1, ok)
		}
	}
}

func TestThrottleOfZeroIsOff(t *testing.T) {
	t.Parallel()
	b := newThrottle(0, time.Minute)
	for range 1000 {
		if _, ok := b.take("ada", time.Now()); !ok {
			t.Fatal("refused")
		}
	}
	b.giveBack("ada", time.Now())
	if b.size() != 0 {
		t.Error("something is remembered")
	}
}

func TestThrottleIgnoresAClockThatGoesBack(t *testing.T) {
	t.Parallel()
	b := newThrottle(1, time.Minute)
	now := time.Now()
	b.take("ada", now)
	if _, ok := b.take("ada", now.Add(-time.Hour)); ok {
		t.Error("an earlier time filled the bucket")
	}
}

func TestThrottleIsBoundedAndKeepsWhatStopsSomebody(t *testing.T) {
	t.Parallel()
	b := newThrottle(10, time.Minute)
	b.max = 64
	now := time.Now()
	for range 10 {
		b.take("ada", now)
	}
	for i := range 50_000 {
		b.take(fmt.Sprint("somebody", i), now)
		if i%100 == 0 {
			if _, ok := b.take("ada", now); ok {
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
		b.take(fmt.Sprint(i), now)
	}
	for range 10 {
		b.take("ada", now)
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
		if got := addressKey(address); got != want {
			t.Errorf("addressKey(%q) = %q, want %q", address, got, want)
		}
	}
}

func BenchmarkThrottle(b *testing.B) {
	t := newThrottle(10, time.Minute)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		t.take("ada", now)
		t.giveBack("ada", now)
	}
}
