package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"snug/account"
	"snug/chat"
)

// allowance holds people to how often one of them may do something, over all their sockets. It lets some through at
// once: people paste, and open many tabs.
type allowance struct {
	perSecond, atOnce int    // perSecond 0: no limit
	refusal           string // what is said to who does more

	mu      sync.Mutex // guards what follows
	buckets map[account.ID]*rate.Limiter
}

func newAllowance(perSecond, atOnce int, refusal string) *allowance {
	return &allowance{perSecond: perSecond, atOnce: atOnce, refusal: refusal, buckets: make(map[account.ID]*rate.Limiter)}
}

// newTalk is how many messages people may send.
func newTalk(perSecond int) *allowance {
	return newAllowance(perSecond, 2*perSecond, "you are sending messages too fast")
}

const (
	// asksPerSecond is how much one person may ask, beside messages. An answer takes up to 2 ms, so this is some
	// hundredths of a core.
	asksPerSecond = 20
	// asksAtOnce is for the tabs of one person that all come back after a break: twenty of them ask five times each, and
	// may do it again a moment later.
	asksAtOnce = 300
)

func newAsks() *allowance {
	return newAllowance(asksPerSecond, asksAtOnce, "you are asking for too much at once")
}

// take lets somebody do it once, or says when to try again.
func (a *allowance) take(user account.ID, now time.Time) error {
	if a.perSecond <= 0 {
		return nil
	}
	a.mu.Lock()
	bucket := a.buckets[user]
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Limit(a.perSecond), a.atOnce)
		a.buckets[user] = bucket
	}
	a.mu.Unlock()
	return take(bucket, now, a.refusal)
}

// clean forgets people who have not done it for so long that their bucket is full again.
func (a *allowance) clean(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for user, bucket := range a.buckets {
		if bucket.TokensAt(now) >= float64(bucket.Burst()) {
			delete(a.buckets, user)
		}
	}
}

// take takes one token, or refuses and says how long to wait for one.
func take(bucket *rate.Limiter, now time.Time, what string) error {
	reservation := bucket.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now)
	return &chat.Error{
		Code:       chat.CodeRateLimited,
		Message:    what + ": wait " + words(wait) + " and try again",
		RetryAfter: (&trouble{wait: wait}).seconds(),
	}
}
