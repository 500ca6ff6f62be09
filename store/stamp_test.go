package store

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestStampKeepsItsMillisecond(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, int(123*time.Millisecond), time.UTC)
	if s := StampAt(at) + 0xffff; !s.Time().Equal(at) || s.Millis() != at.UnixMilli() {
		t.Errorf("stamp of %v says %v, %d", at, s.Time(), s.Millis())
	}
	if s := StampAt(time.Time{}); s != 0 {
		t.Errorf("stamp of the zero time = %d, want 0", s)
	}
}

// The wall clock jumps as it likes; stamps grow, and each is later than the row
// it replaces.
func TestStampsOnlyGrow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c clock
		now := day
		var last Stamp
		for range rapid.IntRange(1, 50).Draw(t, "writes") {
			jump := rapid.Int64Range(-48*3600_000, 48*3600_000).Draw(t, "jump")
			if rapid.Bool().Draw(t, "jumps") {
				now = now.Add(time.Duration(jump) * time.Millisecond)
			}
			after := Stamp(0)
			if last > 0 && rapid.Bool().Draw(t, "replaces") {
				after = Stamp(rapid.Uint64Range(1, uint64(last)).Draw(t, "after"))
			}
			s := c.next(now, after)
			if s <= last || s <= after || s < StampAt(now) {
				t.Fatalf("stamp %d after %d, replacing %d, at %d", s, last, after, StampAt(now))
			}
			last = s
		}
	})
}

func TestClockDoesNotFollowFarAhead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		ahead  time.Duration
		follow bool
	}{
		{"a little", 59 * time.Second, true},
		{"too far", 61 * time.Second, false},
		{"a year", 365 * 24 * time.Hour, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c clock
			theirs := StampAt(day.Add(tt.ahead))
			if s := c.next(day, theirs); s != theirs+1 {
				t.Errorf("stamp = %v, want just after %v", s.Time(), theirs.Time())
			}
			next := c.next(day, 0)
			if followed := next > theirs; followed != tt.follow {
				t.Errorf("followed = %v, want %v: next stamp at %v", followed, tt.follow, next.Time())
			}
		})
	}
}

func TestStampCounterCarriesOver(t *testing.T) {
	t.Parallel()
	c := clock{last: StampAt(day) + 0xffff}
	if s := c.next(day, 0); s != StampAt(day.Add(time.Millisecond)) {
		t.Errorf("stamp = %x, want the next millisecond", s)
	}
}
