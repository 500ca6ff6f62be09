package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"snug/account"
	"snug/chat"
)

// talk holds people to the number of messages that one of them may send in a second, over all their sockets. Twice as
// many are let through at once: people paste.
type talk struct {
	perSecond int // 0: no limit

	mu      sync.Mutex
	buckets map[account.ID]*rate.Limiter
}

func newTalk(perSecond int) *talk {
	return &talk{perSecond: perSecond, buckets: make(map[account.ID]*rate.Limiter)}
}

// take lets one message through, or says when to try again.
func (t *talk) take(user account.ID, now time.Time) error {
	if t.perSecond <= 0 {
		return nil
	}
	t.mu.Lock()
	bucket := t.buckets[user]
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Limit(t.perSecond), 2*t.perSecond)
		t.buckets[user] = bucket
	}
	t.mu.Unlock()
	return take(bucket, now, "you are sending messages too fast")
}

// clean forgets people who have not sent anything for so long that their bucket is full again.
func (t *talk) clean(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for user, bucket := range t.buckets {
		if bucket.TokensAt(now) >= float64(bucket.Burst()) {
			delete(t.buckets, user)
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
