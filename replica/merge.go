package replica

import (
	"context"
	"fmt"
	"time"
)

// batch is what is merged at once: live rows of all peers, and some of the running pull.
type batch struct {
	rows   []Row
	pulled int   // of them, by the pull
	pull   *pull // nil if there is nothing of it
	chunks []chunk
	done   *chunk
}

// mergeSome merges what waits, and says so to those who sent it.
func (r *Replica) mergeSome(ctx context.Context) (some bool, err error) {
	r.mu.Lock()
	b := r.gather()
	r.mu.Unlock()
	if len(b.rows) == 0 && b.pull == nil {
		return false, nil
	}
	defer func() {
		if err == nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.pull == b.pull {
			r.stopPull("rows could not be merged")
		}
	}()

	var merged Merged
	if len(b.rows) > 0 {
		if merged, err = r.store.Merge(ctx, b.rows); err != nil {
			return false, fmt.Errorf("merge %d rows: %w", len(b.rows), err)
		}
	}
	cursor, err := r.settle(ctx, b)
	if err != nil {
		return false, err
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if b.pull != nil {
		live := len(b.rows) - b.pulled // mostly news
		if b.pull.stale += uint64(b.pulled); 8*(merged.Applied-live) > b.pulled {
			b.pull.stale, b.pull.news = 0, time.Now()
		}
	}
	r.stats.Merged += uint64(merged.Applied)
	r.stats.Aside += uint64(merged.Aside)
	r.merge(merged.Known)
	r.acknowledge(b, cursor)
	return true, nil
}

// gather takes out what can be merged now. The lock is held.
func (r *Replica) gather() (b batch) {
	size := 0
	for _, p := range r.peers {
		if p.held.feed == r.feed {
			p.held = held{} // nobody but this node writes in it
		}
		if p.gate != nil && r.known.Covers(p.gate) {
			p.gate = nil
		}
		if p.gate != nil || p.vector == nil || size >= maxBatch {
			continue
		}
		before := p.held.bytes
		if !r.known.room(p.held.feed) {
			r.stats.Refused += uint64(len(p.held.rows))
			p.held = held{}
		}
		if rows := p.held.take(r.known[p.held.feed], maxBatch-size); len(rows) > 0 {
			b.rows = append(b.rows, rows...)
		}
		size += before - p.held.bytes
	}
	if size >= maxBatch {
		r.rouse() // the rest, and the pull, come next
		return b
	}

	pl := r.pull
	if pl == nil || len(pl.chunks) == 0 {
		return b
	}
	b.pull = pl
	for i := range pl.chunks {
		c := &pl.chunks[i]
		c.rows = r.foreign(c.rows)
		r.loosen(c.rows)
		b.chunks = append(b.chunks, *c)
		b.rows = append(b.rows, c.rows...)
		b.pulled += len(c.rows)
		if c.done != nil {
			b.done = c
			r.trim(c.done)
		}
	}
	pl.chunks = nil
	return b
}

// trim takes out of a vector what cannot be true: its sender cannot know the running feed of this node better, nor have more of another's than that one
// says itself. The lock is held.
func (r *Replica) trim(v Vector) {
	for _, p := range r.peers {
		switch told := p.vector[p.feed]; {
		case p.vector == nil || v[p.feed] <= told:
		case told == 0:
			delete(v, p.feed)
		default:
			v[p.feed] = told
		}
	}
	delete(v, r.feed)
}

// foreign leaves out rows of the running feed: either they are here, or this node was set back and will ask again. The lock is held.
func (r *Replica) foreign(rows []Row) []Row {
	kept := rows[:0]
	for _, row := range rows {
		if row.Feed != r.feed {
			if r.known.room(row.Feed) {
				kept = append(kept, row)
			} else {
				r.stats.Refused++
			}
		} else if row.Seq > r.known[r.feed] {
			r.suspect = true
		}
	}
	return kept
}

// settle writes down how far the pull is, now and then, and what follows from its end. Where rows of the running feed were among
// those pulled, they were left out, so nothing follows.
func (r *Replica) settle(ctx context.Context, b batch) (Cursor, error) {
	if b.pull == nil {
		return Cursor{}, nil
	}
	r.mu.Lock()
	cursor := b.pull.cursor
	cursor.Place = max(cursor.Place, b.chunks[len(b.chunks)-1].place)
	if r.suspect {
		r.stopPull("this node seems to be set back")
	}
	stopped := r.pull != b.pull
	crowded := b.done != nil && len(r.known)+b.done.done.beyond(r.known) > maxFeeds
	b.pull.since += len(b.chunks)
	save := b.pull.since >= saveChunks
	if save {
		b.pull.since = 0
	}
	r.mu.Unlock()

	switch {
	case stopped:
		return b.pull.cursor, nil
	case b.done != nil && crowded:
		r.logger.Error("a peer has more feeds than can be kept: nothing is taken over from it by vector", "peer", b.pull.peer, "most", maxFeeds)
	case b.done != nil:
		if err := r.store.Adopt(ctx, b.done.done, cursor); err != nil {
			return cursor, fmt.Errorf("adopt vector: %w", err)
		}
		r.mu.Lock()
		b.pull.gained = !r.known.Covers(b.done.done)
		r.known.raise(b.done.done)
		r.secured.raise(b.done.done)
		r.mu.Unlock()
	case save:
		if err := r.store.SaveCursor(ctx, cursor); err != nil {
			return cursor, fmt.Errorf("save cursor: %w", err)
		}
	}
	return cursor, nil
}

// acknowledge tells the peer that is pulled from how far that is. The lock is held.
func (r *Replica) acknowledge(b batch, cursor Cursor) {
	if b.pull == nil || r.pull != b.pull && b.pull.cursor == cursor {
		return
	}
	for _, c := range b.chunks {
		b.pull.rows += uint64(len(c.rows))
		b.pull.merged++
	}
	b.pull.cursor = cursor
	b.pull.moved = time.Now()
	if c := r.cursors[cursor.Log]; c != nil {
		c.place = max(c.place, cursor.Place)
	}
	switch {
	case r.pull != b.pull: // it was given up meanwhile, but this part is here
	case b.done != nil:
		r.pull = nil
		if p := r.peers[b.pull.peer]; p != nil && !b.done.lies {
			p.failures = 0
			// What this peer has and cannot give yet it would be asked for as often as it can answer. A vector, or the tick, looks again.
			r.look = r.look || b.pull.gained || b.pull.rows > 0
		} else {
			r.failure(b.pull.peer)
			r.look = true
		}
	case b.pull.stale > fruitless && r.others(b.pull.peer):
		r.failPull("others are to be asked, too")
	default:
		r.send(b.pull.peer, encode(&ackFrame{b.pull.number, b.pull.merged}))
	}
}
