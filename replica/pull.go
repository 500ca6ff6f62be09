package replica

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pull is the fetching of rows from one peer. The lock of the Replica guards it.
type pull struct {
	peer   string
	number uint64
	cursor Cursor // all up to here has been merged
	moved  time.Time
	rows   uint64           // merged so far
	gained bool             // its end made more known
	stale  uint64           // merged since they were news
	news   time.Time        // when they were
	next   uint64           // index of the chunk that follows those that came
	early  map[uint64]chunk // came before the next one
	chunks []chunk          // to be merged
	merged uint64           // chunks
	since  int              // of them, since the cursor was saved
}

// chunk is a part of a pull. The last one has the vector, and no rows.
type chunk struct {
	lies   bool // of the last one: the peer claimed to have more than it gave
	number uint64
	index  uint64
	rows   []Row
	place  int64
	done   Vector
}

// saveChunks is how many chunks a pull may have to repeat when this process ends.
const saveChunks = 16

// startPull asks the peer that has most for what is missing here, if anything is and nobody is asked yet.
func (r *Replica) startPull(ctx context.Context) (again bool, err error) {
	r.mu.Lock()
	var p *peer
	if r.pull == nil && r.look {
		r.look = false
		p = r.choose()
	}
	var log Feed
	if p != nil {
		log = p.feed
	}
	known := p == nil || r.cursors[log] != nil
	r.mu.Unlock()
	if p == nil {
		return false, nil
	}

	var place int64
	if !known {
		if place, err = r.store.Cursor(ctx, log); err != nil {
			r.mu.Lock()
			r.look = true
			r.mu.Unlock()
			return false, fmt.Errorf("read cursor: %w", err)
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.peers[p.id] != p || p.feed != log {
		r.look = true // a new link in between
		return true, nil
	}
	if r.cursors[log] == nil {
		r.cursors[log] = &cursor{place, place}
	}
	r.pulls++
	now := time.Now()
	r.pull = &pull{peer: p.id, number: r.pulls, cursor: Cursor{log, r.cursors[log].place}, moved: now, news: now, early: map[uint64]chunk{}}
	r.send(p.id, encode(&pullFrame{Number: r.pull.number, Cursor: r.pull.cursor, Vector: r.known}))
	return false, nil
}

// choose finds the peer that has most of what is not here. What is on its way here from the one who wrote it does not
// count, unless it has been so for a while. The lock is held.
func (r *Replica) choose() (best *peer) {
	live := map[Feed]bool{}
	for _, p := range r.peers {
		if r.flows(p) {
			live[p.feed] = true
		}
	}
	var most uint64
	now := time.Now()
	for _, p := range r.peers {
		var missing uint64
		due := false
		for feed, seq := range p.vector {
			here := r.known[feed]
			if seq <= here || feed == r.feed {
				delete(p.lags, feed)
				continue
			}
			missing += seq - here
			due = due || !live[feed] || p.lagging(feed, here, r.every)
		}
		if !due || now.Sub(p.failed) < r.every {
			continue
		}
		if best == nil || better(p.trusted(now), best.trusted(now), missing > most) {
			best, most = p, missing
		}
	}
	return best
}

// others reports whether another peer than that one has something that is missing here. The lock is held.
func (r *Replica) others(peer string) bool {
	for id, p := range r.peers {
		if id != peer && p.vector.ahead(r.known, &r.feed) > 0 {
			return true
		}
	}
	return false
}

// better compares two peers: trust goes before how much there is to get.
func better(trusted, other, more bool) bool {
	if trusted != other {
		return trusted
	}
	return more
}

// flows reports whether what this peer writes comes from itself, without a gap. The lock is held.
func (r *Replica) flows(p *peer) bool {
	if p.vector == nil {
		return false
	}
	if p.gate != nil && r.known.Covers(p.gate) {
		p.gate = nil
	}
	return p.gate == nil && !(p.held.feed == p.feed && p.held.gap(r.known[p.feed]))
}

// lagging reports whether what the peer had of a feed some time ago is still not here.
func (p *peer) lagging(feed Feed, here uint64, patience time.Duration) bool {
	l, ok := p.lags[feed]
	if !ok || here >= l.seq {
		p.lags[feed] = lag{p.vector[feed], time.Now()}
		return false
	}
	return time.Since(l.since) >= patience
}

// chunkReceived puts a chunk where it will be merged, behind those before it. The lock is held.
func (r *Replica) chunkReceived(p *peer, c chunk) {
	pl := r.pull
	if pl == nil || pl.peer != p.id || pl.number != c.number {
		return // of a pull that was given up
	}
	if c.index > pl.merged+window {
		r.bad(p, errors.New("more chunks than were to be under way"))
		r.stopPull("peer sends too much")
		return
	}
	if c.index < pl.next {
		return // it came twice
	}
	c.lies = c.done != nil && p.vector.ahead(c.done, &r.feed) > 0
	pl.early[c.index] = c
	for next, ok := pl.early[pl.next]; ok; next, ok = pl.early[pl.next] {
		delete(pl.early, pl.next)
		pl.next++
		pl.chunks = append(pl.chunks, next)
		pl.moved = time.Now()
	}
	r.rouse()
}

// stopReceived ends what the peer does not want to go on. The lock is held.
func (r *Replica) stopReceived(p *peer, f *stopFrame) {
	switch {
	case !f.Asker && r.pull != nil && r.pull.peer == p.id && r.pull.number == f.Number:
		r.pull = nil // the next tick looks for another
	case f.Asker && p.serve != nil && p.serve.number == f.Number:
		p.serve.cancel()
	case f.Asker:
		p.asked = max(p.asked, f.Number)
	}
}

// stopPull gives up, for the next tick to begin again. The lock is held.
func (r *Replica) stopPull(why string) {
	if r.pull == nil {
		return
	}
	r.logger.Info("pull given up", "peer", r.pull.peer, "why", why)
	r.send(r.pull.peer, encode(&stopFrame{Number: r.pull.number, Asker: true}))
	r.pull = nil
}

// failPull gives up a pull that came to nothing, for others to be asked first. The lock is held, and there is a pull.
func (r *Replica) failPull(why string) {
	r.failure(r.pull.peer)
	r.stopPull(why)
}
