package web

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"snug/chat"
)

// maxCallers bounds those whose calls are counted, at about 200 bytes each. Somebody with a great many addresses who
// fills it makes the counts begin anew, and no more.
const maxCallers = 100_000

// calls counts calls of the API. Everybody may make as many at once as in a minute, and gets them back evenly.
type calls struct {
	perMinute int // 0: no limit

	mu      sync.Mutex // guards what follows
	buckets map[string]*rate.Limiter
}

func newCalls(perMinute int) *calls {
	return &calls{perMinute: perMinute, buckets: make(map[string]*rate.Limiter)}
}

// take counts one call, and writes into the header how many are left and when all will be there again. One too many
// is refused.
func (c *calls) take(h http.Header, who string, now time.Time) error {
	if c.perMinute <= 0 {
		return nil
	}
	bucket := c.bucket(who, now)
	good := bucket.AllowN(now, 1)
	left := max(0, bucket.TokensAt(now))
	perSecond := float64(bucket.Limit())
	h.Set("RateLimit-Limit", strconv.Itoa(c.perMinute))
	h.Set("RateLimit-Remaining", strconv.Itoa(int(left)))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil((float64(c.perMinute)-left)/perSecond))))
	if good {
		return nil
	}
	wait := (&trouble{wait: time.Duration((1 - left) / perSecond * float64(time.Second))}).seconds()
	return &chat.Error{
		Code:       chat.CodeRateLimited,
		Message:    "too many calls: wait " + words(time.Duration(wait)*time.Second) + " and try again",
		RetryAfter: max(1, wait),
	}
}

func (c *calls) bucket(who string, now time.Time) *rate.Limiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	bucket := c.buckets[who]
	if bucket == nil {
		if len(c.buckets) >= maxCallers {
			c.forget(now)
		}
		if len(c.buckets) >= maxCallers {
			clear(c.buckets)
		}
		bucket = rate.NewLimiter(rate.Limit(float64(c.perMinute)/time.Minute.Seconds()), c.perMinute)
		c.buckets[who] = bucket
	}
	return bucket
}

// clean forgets who has all of their calls again.
func (c *calls) clean(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
}

// forget is clean with the lock held.
func (c *calls) forget(now time.Time) {
	for who, bucket := range c.buckets {
		if bucket.TokensAt(now) >= float64(bucket.Burst()) {
			delete(c.buckets, who)
		}
	}
}
