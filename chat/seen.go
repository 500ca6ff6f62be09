package chat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"snug/store"
)

const (
	// maxSeen bounds the people whose time waits to be stored. A store that takes nothing loses the newest times, and
	// the log says so.
	maxSeen = 100_000
	// seenAtOnce is how many times are stored at once: they share a commit.
	seenAtOnce = 64
	// seenTime bounds the storing of one batch, and what Close waits for each.
	seenTime = 2 * time.Second
	// seenEvery is how often the time is stored of those who stay online, and so how wrong it is at most after a crash.
	seenEvery = 10 * time.Minute
)

// seenWriter stores when people were last seen, off the goroutine that tells it: a store that is slow must not delay
// who hears that they left.
type seenWriter struct {
	store   *store.Store
	log     *slog.Logger
	now     func() time.Time
	online  func() []ID // who is online now
	wake    chan struct{}
	closing chan struct{}
	done    chan struct{}

	mu      sync.Mutex // guards pending
	pending map[ID]time.Time
}

func newSeenWriter(st *store.Store, log *slog.Logger, now func() time.Time, online func() []ID) *seenWriter {
	s := &seenWriter{
		store:   st,
		log:     log,
		now:     now,
		online:  online,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		pending: make(map[ID]time.Time),
	}
	go s.run()
	return s
}

// refresh notes everybody who is online.
func (s *seenWriter) refresh() {
	now := s.now()
	for _, user := range s.online() {
		s.note(user, now)
	}
}

// note has the time stored soon, unless a later one waits.
func (s *seenWriter) note(user ID, at time.Time) {
	s.mu.Lock()
	before, known := s.pending[user]
	full := !known && len(s.pending) >= maxSeen
	if !full && at.After(before) {
		s.pending[user] = at
	}
	s.mu.Unlock()
	if full {
		s.log.Warn("last seen is lost: too many wait to be stored", "user", user)
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *seenWriter) close() {
	close(s.closing)
	<-s.done
}

func (s *seenWriter) run() {
	defer close(s.done)
	stay := time.NewTicker(seenEvery)
	defer stay.Stop()
	for {
		select {
		case <-s.wake:
			for s.writeBatch() {
			}
		case <-stay.C:
			s.refresh()
		case <-s.closing:
			s.refresh() // their connections end with the server
			for s.writeBatch() {
			}
			return
		}
	}
}

// writeBatch stores up to seenAtOnce times, and reports whether it may go on: there was something to store, and it
// worked. What failed is not tried again: the next time that somebody goes offline matters more.
func (s *seenWriter) writeBatch() bool {
	batch := s.take()
	if len(batch) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), seenTime)
	defer cancel()
	errs := make(chan error, len(batch))
	for user, at := range batch {
		go func() { errs <- s.store.SetSeen(ctx, user, at) }()
	}
	var failed int
	var last error
	for range batch {
		if err := <-errs; err != nil {
			failed, last = failed+1, err
		}
	}
	if failed > 0 {
		s.log.Error("store when people were last seen", "people", failed, "error", last)
	}
	return failed == 0
}

func (s *seenWriter) take() map[ID]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := make(map[ID]time.Time, min(len(s.pending), seenAtOnce))
	for user, at := range s.pending {
		if len(batch) == seenAtOnce {
			break
		}
		batch[user] = at
		delete(s.pending, user)
	}
	return batch
}
