package store

import "time"

// Stamp is a reading of the hybrid logical clock: 48 bits of milliseconds since
// 1970 and a 16-bit counter. Later writes have larger stamps.
type Stamp uint64

// maxLead is how far the clock follows the stamps of others past its own wall
// clock. A machine with a wrong clock must not drag the others after it.
const maxLead = 60 * time.Second

// StampAt is the first stamp of the millisecond of t.
func StampAt(t time.Time) Stamp {
	ms := t.UnixMilli()
	if ms < 0 {
		return 0
	}
	return Stamp(ms) << 16
}

// Millis is the wall-clock part: milliseconds since 1970.
func (s Stamp) Millis() int64 { return int64(s >> 16) }

// Time is the wall-clock part as a time.
func (s Stamp) Time() time.Time { return time.UnixMilli(s.Millis()).UTC() }

// clock gives out stamps. It belongs to the writer goroutine.
type clock struct {
	last Stamp
}

// follow notes a stamp of another node. One that is far ahead is not followed.
func (c *clock) follow(now time.Time, s Stamp) {
	if s > c.last && s < StampAt(now.Add(maxLead)) {
		c.last = s
	}
}

// next gives a stamp later than every one given before and later than after, the
// stamp of the row to be replaced (zero if there is none). A counter that runs
// over carries into the milliseconds: time then runs ahead a little, and stamps
// still grow. A row stamped far in the future gets its later stamp, but does not
// pull the clock along.
func (c *clock) next(now time.Time, after Stamp) Stamp {
	s := max(StampAt(now), c.last+1)
	if after < s {
		c.last = s
		return s
	}
	if after < StampAt(now.Add(maxLead)) {
		c.last = after + 1
	} else {
		c.last = s
	}
	return after + 1
}
