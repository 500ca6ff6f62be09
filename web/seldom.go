package web

import (
	"sync"
	"time"
)

// seldomEvery is how often something is logged that strangers can bring about as often as they like.
const seldomEvery = time.Minute

// seldom keeps lines of the log from becoming as many as there are requests. Its zero value is good.
type seldom struct {
	mu   sync.Mutex // guards what follows
	last time.Time
	held int // not logged since then
}

// log calls write for the first occurrence, and then at most once a minute, with how many there were since the call before.
func (s *seldom) log(now time.Time, write func(times int)) {
	s.mu.Lock()
	s.held++
	times := s.held
	due := s.last.IsZero() || now.Sub(s.last) >= seldomEvery
	if due {
		s.last, s.held = now, 0
	}
	s.mu.Unlock()
	if due {
		write(times)
	}
}
