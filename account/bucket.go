package account

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"time"
)

const (
	bucketShards = 16
	// maxBuckets is how many buckets a throttle remembers: about 16 MiB at worst. Beyond it, full ones are forgotten first.
	maxBuckets = 1 << 16
	// evictionSample is how many buckets are looked at to find one to forget.
	evictionSample = 16
)

// throttle is a token bucket for each key. It holds limit tokens and refills in the time of one period. The buckets of
// golang.org/x/time/rate cannot take a token back, which is what a success does here.
type throttle struct {
	limit  float64 // tokens; 0: no limit
	rate   float64 // tokens a second
	max    int     // buckets in one shard
	seed   maphash.Seed
	shards [bucketShards]bucketShard
}

type bucketShard struct {
	mu      sync.Mutex
	buckets map[string]*bucket // guarded by mu
}

type bucket struct {
	tokens  float64
	at      time.Time     // when tokens was right
	pending int           // tokens taken by attempts that are under way, and may come back
	settled chan struct{} // closed when one of them ends; nil while nobody waits for it
}

func newThrottle(limit int, period time.Duration) *throttle {
	t := &throttle{
		limit: float64(limit),
		rate:  float64(limit) / period.Seconds(),
		max:   maxBuckets / bucketShards,
		seed:  maphash.MakeSeed(),
	}
	for i := range t.shards {
		t.shards[i].buckets = make(map[string]*bucket)
	}
	return t
}

func (t *throttle) shard(key string) *bucketShard {
	return &t.shards[maphash.String(t.seed, key)%bucketShards]
}

// take takes a token, for giveBack or spend, or returns a *ThrottledError. While attempts that are under way may bring
// a token back it waits for them, so that people who log in at the same moment are not taken for somebody who guesses.
func (t *throttle) take(ctx context.Context, key string) error {
	for {
		wait, settled, ok := t.try(key, time.Now())
		switch {
		case ok:
			return nil
		case settled == nil:
			return &ThrottledError{Wait: wait}
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return fmt.Errorf("wait for other attempts: %w", context.Cause(ctx))
		}
	}
}

// try takes a token if there is one. If not, it says how long it takes until there is one, and what to wait for if
// one may come back sooner.
func (t *throttle) try(key string, now time.Time) (wait time.Duration, settled <-chan struct{}, ok bool) {
	if t.limit <= 0 {
		return 0, nil, true
	}
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[key]
	if b == nil {
		if len(s.buckets) >= t.max {
			t.evict(s, now)
		}
		b = &bucket{tokens: t.limit, at: now}
		s.buckets[strings.Clone(key)] = b
	}
	b.tokens, b.at = t.level(b, now), now
	if b.tokens >= 1 {
		b.tokens--
		b.pending++
		return 0, nil, true
	}
	if b.pending > 0 {
		if b.settled == nil {
			b.settled = make(chan struct{})
		}
		settled = b.settled
	}
	return time.Duration(math.Ceil((1 - b.tokens) / t.rate * float64(time.Second))), settled, false
}

// giveBack ends an attempt that does not count.
func (t *throttle) giveBack(key string) { t.settle(key, 1, time.Now()) }

// spend ends an attempt that counts.
func (t *throttle) spend(key string) { t.settle(key, 0, time.Now()) }

func (t *throttle) settle(key string, back float64, now time.Time) {
	if t.limit <= 0 {
		return
	}
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[key]
	if b == nil {
		return
	}
	b.tokens, b.at = min(t.level(b, now)+back, t.limit), now
	b.pending = max(b.pending-1, 0) // a bucket that was forgotten and made anew knows nothing of it
	b.wake()
}

// wake lets those who wait look again.
func (b *bucket) wake() {
	if b.settled != nil {
		close(b.settled)
		b.settled = nil
	}
}

// forget drops a bucket.
func (s *bucketShard) forget(key string) {
	if b := s.buckets[key]; b != nil {
		b.wake()
		delete(s.buckets, key)
	}
}

// level is how many tokens the bucket holds by now.
func (t *throttle) level(b *bucket, now time.Time) float64 {
	return min(b.tokens+max(now.Sub(b.at).Seconds(), 0)*t.rate, t.limit)
}

// evict forgets the fullest of a few buckets: a full one says nothing, and somebody who fills the table with keys that
// were used once cannot push out the empty bucket that stops them.
func (t *throttle) evict(s *bucketShard, now time.Time) {
	var fullest string
	most, seen := -1.0, 0
	for key, b := range s.buckets { // in random order
		if level := t.level(b, now); level > most {
			fullest, most = key, level
		}
		if seen++; seen == evictionSample {
			break
		}
	}
	s.forget(fullest)
}

// sweep forgets the buckets that are full again.
func (t *throttle) sweep(now time.Time) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for key, b := range s.buckets {
			if t.level(b, now) >= t.limit {
				s.forget(key)
			}
		}
		s.mu.Unlock()
	}
}

func (t *throttle) size() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.buckets)
		s.mu.Unlock()
	}
	return n
}
