package chat

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxRoomLimiters bounds the people whose making of rooms is counted; those who have not made one for an hour are
// forgotten first.
const maxRoomLimiters = 10_000

// roomLimit counts the rooms that each person makes.
type roomLimit struct {
	perHour int

	mu       sync.Mutex // guards limiters
	limiters map[ID]*rate.Limiter
}

func newRoomLimit(perHour int) *roomLimit {
	return &roomLimit{perHour: perHour, limiters: make(map[ID]*rate.Limiter)}
}

// take counts one room; giveBack takes that back where none was made.
func (l *roomLimit) take(user ID, now time.Time) (giveBack func(), err error) {
	if l.perHour <= 0 {
		return func() {}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.limiters[user]
	if limiter == nil {
		if len(l.limiters) >= maxRoomLimiters {
			l.prune(now)
		}
		limiter = rate.NewLimiter(rate.Every(time.Hour/time.Duration(l.perHour)), l.perHour)
		l.limiters[user] = limiter
	}
	taken := limiter.ReserveN(now, 1)
	if wait := taken.DelayFrom(now); wait > 0 {
		taken.CancelAt(now)
		refusal := refuse(CodeRateLimited, "you are making rooms too fast: wait %s and try again", wait.Round(time.Second))
		refusal.RetryAfter = int(math.Ceil(wait.Seconds()))
		return nil, refusal
	}
	return func() { taken.CancelAt(now) }, nil
}

// prune forgets who has all of their rooms to make again, and everybody if that is nobody.
func (l *roomLimit) prune(now time.Time) {
	for user, limiter := range l.limiters {
		if limiter.TokensAt(now) >= float64(l.perHour) {
			delete(l.limiters, user)
		}
	}
	if len(l.limiters) >= maxRoomLimiters {
		clear(l.limiters)
	}
}
