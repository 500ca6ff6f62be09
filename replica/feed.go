package replica

import (
	"context"
	"fmt"
	"time"
)

// waiter waits for a peer to have a row of the running feed.
type waiter struct {
	feed Feed
	seq  uint64
	done chan error // one place
}

// Wait waits until at least one peer has the row of this node's running feed on its disk. Without a peer that is until ctx ends.
func (r *Replica) Wait(ctx context.Context, feed Feed, seq uint64) error {
	w := &waiter{feed, seq, make(chan error, 1)}
	r.mu.Lock()
	r.waiters = append(r.waiters, w)
	r.answerWaiters()
	r.mu.Unlock()

	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.waiters {
		if other == w {
			r.waiters = append(r.waiters[:i], r.waiters[i+1:]...)
			return ctx.Err()
		}
	}
	return <-w.done // it was answered in the same moment
}

// answerWaiters answers those whose row some peer has. The lock is held.
func (r *Replica) answerWaiters() {
	if len(r.waiters) == 0 {
		return
	}
	kept := r.waiters[:0]
	for _, w := range r.waiters {
		switch {
		case w.feed != r.feed:
			w.done <- ErrNewFeed
		case r.atPeer >= w.seq:
			w.done <- nil
		default:
			kept = append(kept, w)
		}
	}
	clear(r.waiters[len(kept):])
	r.waiters = kept
}

// confirm learns how much of the running feed a peer has. first says that it is the first that it tells on its link. The lock is held.
func (r *Replica) confirm(seq uint64, first bool) {
	if seq > r.known[r.feed] {
		r.suspect = true
		return
	}
	if !first {
		r.sure = max(r.sure, seq)
	}
	if seq > r.atPeer {
		r.atPeer = seq
		r.answerWaiters()
	}
}

// checkFeed opens a new feed if a peer has rows of the running one that are not here: then this machine was set back while it
// ran, and the numbers that it gives out have been used before.
func (r *Replica) checkFeed(ctx context.Context) error {
	r.mu.Lock()
	suspect, told := r.suspect, r.secured.feed
	r.suspect = false
	r.mu.Unlock()
	if !suspect {
		return nil
	}
	if r.store.Feed() != told {
		return r.tellFeed(ctx) // it was opened before, and then the disk failed
	}
	vector, _, err := r.store.Vector(ctx)
	if err != nil {
		return err
	}

	r.mu.Lock()
	r.known.raise(vector) // a peer may know of a row before Committed is told
	var teller *peer
	for _, p := range r.peers {
		if p.vector[r.feed] > r.known[r.feed] {
			teller = p
		}
	}
	sure, pause := r.sure, !r.newFeed.IsZero() && time.Since(r.newFeed) < min(newFeedPause<<min(r.stats.NewFeeds, 20)/2, newFeedMax)
	if teller != nil && !pause {
		r.newFeed = time.Now()
		r.stopPull("this node was set back")
	}
	r.mu.Unlock()
	if teller == nil || pause {
		return nil
	}

	r.logger.Warn("this node was set back while it ran: a peer has rows that it wrote and no longer has. A new feed begins, and what is missing is fetched",
		"peer", teller.id, "sure", sure)
	if err := r.store.NewFeed(ctx, sure); err != nil {
		r.mu.Lock()
		r.newFeed, r.suspect = time.Time{}, true
		r.mu.Unlock()
		return fmt.Errorf("new feed: %w", err)
	}
	return r.tellFeed(ctx)
}

// tellFeed begins anew with all peers after the store has opened a new feed. Until then they are told of the old one.
func (r *Replica) tellFeed(ctx context.Context) error {
	vector, _, err := r.store.Vector(ctx)
	if err == nil {
		err = r.store.Sync(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.suspect = true // comes here again
		return fmt.Errorf("tell of the new feed: %w", err)
	}
	r.takeFeed()
	r.stats.NewFeeds++
	r.known, r.secured, r.fresh = vector.clone(), newKnowledge(r.feed, r.secured.version+1), Vector{}
	r.secured.raise(vector)
	r.place, r.look = 0, true
	clear(r.cursors) // as the store did
	for _, p := range r.peers {
		if p.serve != nil {
			p.serve.cancel()
			p.serve = nil
		}
		p.mark = nil
		r.tell(p, true)
	}
	return nil
}

// takeFeed notices that the store has a new running feed. The lock is held.
func (r *Replica) takeFeed() {
	if feed := r.store.Feed(); feed != r.feed {
		r.feed, r.sure, r.atPeer = feed, 0, 0
		r.answerWaiters()
	}
}
