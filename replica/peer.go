package replica

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// peer is what is known of another node, from one Up to the next. The lock of the Replica guards it.
type peer struct {
	id      string
	heard   time.Time
	feed    Feed   // its running feed
	vector  Vector // what it has; nil until it has told all
	version uint64 // of what it has, all that it told up to this one is in the vector
	latest  uint64 // and this is the greatest that it told of
	gate    Vector // what it had when it told all, until that is here too: before, its live rows must wait
	held    held
	calm    bool   // it need not be told at once what is on disk of its feed
	told    uint64 // version of the knowledge that it was told
	given   bool   // it asked for all, and got it, since the last tick
	lags    map[Feed]lag
	mark    *mark
	serve   *serve
	asked   uint64 // number of its last pull

	bad     int   // frames that made no sense since that was logged
	badLast error // about the last of them

	failures int       // pulls in a row that came to nothing
	failed   time.Time // the last of them
}

// trusted reports whether it is asked like any other. Of somebody who claims more than it gives, or does not answer, others that can be asked must not
// suffer.
func (p *peer) trusted(now time.Time) bool {
	return p.failures == 0 || now.Sub(p.failed) > min(time.Second<<min(p.failures, 20), distrust)
}

// failure notes that a pull came to nothing. The lock is held.
func (r *Replica) failure(peer string) {
	if p := r.peers[peer]; p != nil {
		p.failures++
		p.failed = time.Now()
	}
}

// patience is how long the pull may stand still. The lock is held.
func (r *Replica) patience() time.Duration {
	if p := r.peers[r.pull.peer]; p != nil && p.failures > 0 {
		return stall / 5
	}
	return stall
}

// lag says that the peer has had a row for some time that was to come live from its writer.
type lag struct {
	seq   uint64
	since time.Time
}

// mark says that whoever covers the vector has all that the peer has up to a place.
type mark struct {
	place  int64
	vector Vector
}

// handler is told what happens on the port.
type handler struct{ *Replica }

// Up begins anew with a peer.
func (h handler) Up(id string) {
	r := h.Replica
	r.mu.Lock()
	defer r.mu.Unlock()

	r.forget(id)
	p := &peer{id: id, heard: time.Now(), lags: map[Feed]lag{}}
	r.peers[id] = p
	// From here on Committed sends to this peer, so it gets all rows but those in this vector.
	r.tell(p, true)
	if r.calm {
		r.send(id, encode(&calmFrame{}))
	}
}

// Down forgets a peer.
func (h handler) Down(id string) {
	r := h.Replica
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(id)
	r.look = true
	r.rouse()
}

// forget ends all that was under way with a peer. The lock is held.
func (r *Replica) forget(id string) {
	p := r.peers[id]
	if p == nil {
		return
	}
	if p.serve != nil {
		p.serve.cancel()
	}
	if r.pull != nil && r.pull.peer == id {
		r.pull = nil
	}
	delete(r.peers, id)
}

// tell sends a peer what this node has: all, or what has changed since the last time. The lock is held.
func (r *Replica) tell(p *peer, full bool) {
	f := &vectorFrame{Full: full, Feed: r.secured.feed, Version: r.secured.version, Place: r.place}
	if full {
		f.Vector = r.secured.vector
	} else {
		f.Want = p.vector == nil || p.version < p.latest
		f.Since, f.Vector = p.told, r.secured.since(p.told)
	}
	p.told = r.secured.version
	r.send(p.id, encode(f))
}

// Received does what a frame of a peer says. It keeps nobody waiting: rows are put where Run finds them.
func (h handler) Received(id string, b []byte) {
	r := h.Replica
	f, err := decode(b)
	r.mu.Lock()
	defer r.mu.Unlock()

	p := r.peers[id]
	if p == nil {
		return
	}
	p.heard = time.Now()
	if errors.Is(err, errKind) {
		r.stats.BadFrames++ // a newer version may have more to say
		f := r.ignored[id]
		f.Newer++
		r.ignored[id] = f
		return
	}
	if err != nil {
		r.bad(p, err)
		return
	}
	switch f := f.(type) {
	case *vectorFrame:
		r.vectorReceived(p, f)
	case *liveFrame:
		if p.vector != nil && f.Feed != p.feed {
			r.stats.Dropped += uint64(len(f.Bodies)) // of a new feed that it has not told of yet: they are pulled
			return
		}
		r.stats.Dropped += uint64(p.held.add(f))
		r.rouse()
	case *pullFrame:
		r.pullReceived(p, f)
	case *ackFrame:
		if p.serve != nil && p.serve.number == f.Number {
			p.serve.acknowledged(f.Chunks)
		}
	case *chunkFrame:
		r.chunkReceived(p, chunk{number: f.Number, index: f.Index, rows: f.Rows, place: f.Place})
	case *doneFrame:
		r.chunkReceived(p, chunk{number: f.Number, index: f.Index, place: f.Place, done: f.Vector})
	case *stopFrame:
		r.stopReceived(p, f)
	case *calmFrame:
		p.calm = true
	}
}

// bad counts a frame that makes no sense. The link stays: what it lacks is pulled. The next tick says so. The lock is held.
func (r *Replica) bad(p *peer, err error) {
	r.stats.BadFrames++
	f := r.ignored[p.id]
	f.Bad++
	r.ignored[p.id] = f
	p.bad++
	p.badLast = err
}

// vectorReceived learns what a peer has. The lock is held.
func (r *Replica) vectorReceived(p *peer, f *vectorFrame) {
	if f.Want && !p.given { // it asks once a tick, and a whole vector can be large
		p.given = true
		r.tell(p, true)
	}
	p.latest = max(p.latest, f.Version)
	switch {
	case p.vector == nil || f.Feed != p.feed:
		if p.vector != nil && f.Version <= p.version {
			return // of a feed that has ended
		}
		if !f.Full {
			return // a full one is on its way, or will be asked for
		}
		if r.pull != nil && r.pull.peer == p.id && r.pull.cursor.Log != f.Feed {
			r.pull = nil
		}
		p.feed, p.vector, p.version, p.gate, p.mark = f.Feed, f.Vector, f.Version, f.Vector.clone(), nil
		clear(p.lags)
	case len(p.vector)+len(f.Vector) > maxFeeds && len(p.vector)+f.Vector.beyond(p.vector) > maxFeeds:
		r.bad(p, fmt.Errorf("it has more than %d feeds", maxFeeds))
		return
	default:
		p.vector.raise(f.Vector)
	}
	if f.Since <= p.version {
		p.version = max(p.version, f.Version)
		if f.Place > 0 && p.mark == nil {
			p.mark = &mark{f.Place, p.vector.clone()}
		}
	}
	r.confirm(f.Vector[r.feed], f.Full)
	for feed, seq := range f.Vector {
		if seq > r.known[feed] {
			r.look = true
		}
	}
	r.rouse()
}

// tick tells all peers what is new, and sees what time has done.
func (r *Replica) tick(ctx context.Context) {
	vector, place, err := r.store.Vector(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.logger.Error("vector could not be read", "error", err)
		}
		return
	}
	r.mu.Lock()
	synced := r.secured.vector.Covers(vector)
	r.mu.Unlock()
	if !synced {
		if err := r.store.Sync(ctx); err != nil {
			if ctx.Err() == nil {
				r.logger.Error("rows of peers could not be brought to the disk", "error", err)
			}
			return
		}
	}
	r.mu.Lock()
	r.known.raise(vector)
	r.secured.raise(vector)
	for feed, seq := range r.loose {
		if vector[feed] >= seq {
			delete(r.loose, feed)
		}
	}
	if r.surveyed && len(r.loose) == 0 {
		r.place = place
	}
	for _, p := range r.peers {
		if p.bad > 0 {
			r.logger.Warn("frames of a peer ignored", "peer", p.id, "frames", p.bad, "error", p.badLast)
			p.bad = 0
		}
		p.given = false
		r.tell(p, false)
		r.advance(p)
		r.suspect = r.suspect || p.vector[r.feed] > r.known[r.feed]
	}
	switch {
	case r.pull == nil:
	case time.Since(r.pull.moved) > r.patience():
		r.failPull("peer sends nothing")
	case time.Since(r.pull.news) > barren && r.others(r.pull.peer):
		r.failPull("others are to be asked, too")
	}
	r.look = true
	save := r.unsaved()
	r.mu.Unlock()

	for _, c := range save {
		if err := r.store.SaveCursor(ctx, c); err != nil {
			r.logger.Warn("cursor could not be saved", "error", err)
		}
	}
	r.rouse()
}

// advance moves the cursor of a peer's order to where nothing before it is missing here. The lock is held.
func (r *Replica) advance(p *peer) {
	if p.mark == nil || !r.known.Covers(p.mark.vector) {
		return
	}
	if c := r.cursors[p.feed]; c == nil {
		r.cursors[p.feed] = &cursor{place: p.mark.place}
	} else {
		c.place = max(c.place, p.mark.place)
	}
	p.mark = nil
}

// unsaved gives the cursors that have moved far. The lock is held.
func (r *Replica) unsaved() (save []Cursor) {
	for log, c := range r.cursors {
		if c.place-c.saved >= saveAfter {
			c.saved = c.place
			save = append(save, Cursor{log, c.place})
		}
	}
	return save
}

// survey finds the rows which an earlier process merged in a pull that it did not finish: nothing in the vector speaks of them.
func (r *Replica) survey(ctx context.Context, vector Vector) {
	var place int64
	for end := false; !end; {
		rows, next, last, err := r.store.RowsAfter(ctx, place, vector, chunkRows)
		if err != nil {
			if ctx.Err() == nil {
				r.logger.Warn("store could not be surveyed", "error", err)
			}
			return // the cursors then move by pulls alone
		}
		r.mu.Lock()
		r.loosen(rows)
		r.mu.Unlock()
		place, end = next, last
	}
	r.mu.Lock()
	r.surveyed = true
	r.mu.Unlock()
}

// loosen notes rows that are here, or are about to be, and are not covered. The lock is held.
func (r *Replica) loosen(rows []Row) {
	for _, row := range rows {
		if row.Seq > max(r.loose[row.Feed], r.known[row.Feed]) {
			r.loose[row.Feed] = row.Seq
		}
	}
}
