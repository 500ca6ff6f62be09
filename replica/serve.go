package replica

import (
	"context"
	"sync/atomic"
)

// serve is the answering of one pull of a peer.
type serve struct {
	number uint64
	cancel context.CancelFunc
	over   bool // guarded by the lock of the Replica

	sent  atomic.Uint64 // chunks
	acked atomic.Uint64 // of them
	more  chan struct{} // one place: acked has grown
}

// acknowledged is called by one goroutine at a time.
func (s *serve) acknowledged(chunks uint64) {
	s.acked.Store(min(max(s.acked.Load(), chunks), s.sent.Load()))
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// room waits until another chunk may be sent.
func (s *serve) room(ctx context.Context) error {
	for s.sent.Load() >= s.acked.Load()+window && ctx.Err() == nil {
		select {
		case <-s.more:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// pullReceived begins to answer a pull. An earlier one of the same peer ends. The lock is held.
func (r *Replica) pullReceived(p *peer, f *pullFrame) {
	if f.Number <= p.asked {
		return // it came twice, or what ended it came first
	}
	p.asked = f.Number
	if p.serve != nil {
		p.serve.cancel()
		p.serve = nil
	}
	if f.Cursor.Log != r.feed {
		r.send(p.id, encode(&stopFrame{Number: f.Number})) // it has not heard of the new feed yet
		return
	}
	ctx, cancel := context.WithCancel(r.ctx)
	s := &serve{number: f.Number, cancel: cancel, more: make(chan struct{}, 1)}
	p.serve = s
	r.serves.Go(func() {
		defer cancel()
		defer func() {
			r.mu.Lock()
			s.over = true
			r.mu.Unlock()
		}()
		if err := r.answer(ctx, p, s, f); err != nil && ctx.Err() == nil {
			r.logger.Warn("pull of a peer not answered", "peer", p.id, "error", err)
			r.reply(ctx, p, s, &stopFrame{Number: f.Number})
		}
	})
}

// answer sends all behind the cursor that the vector does not cover, and then the vector of this node. That vector is read before the rows
// are seen to be at an end: then the last state of every row that it covers has been sent, or the peer had it.
func (r *Replica) answer(ctx context.Context, p *peer, s *serve, f *pullFrame) error {
	place := f.Cursor.Place
	var vector Vector
	for {
		rows, next, end, err := r.store.RowsAfter(ctx, place, f.Vector, chunkRows)
		if err != nil {
			return err
		}
		if err := r.sendRows(ctx, p, s, rows, place, next); err != nil {
			return err
		}
		place = next
		if !end {
			continue
		}
		if vector != nil {
			break
		}
		if vector, _, err = r.store.Vector(ctx); err != nil {
			return err
		}
	}
	return r.reply(ctx, p, s, &doneFrame{f.Number, s.sent.Load(), place, vector})
}

// sendRows sends rows in chunks, each when there is room for it. Only behind the last one all is there up to next.
func (r *Replica) sendRows(ctx context.Context, p *peer, s *serve, rows []Row, place, next int64) error {
	c := &chunkFrame{Number: s.number, Place: place}
	size := 0
	send := func() error {
		if err := s.room(ctx); err != nil {
			return err
		}
		c.Index = s.sent.Add(1) - 1
		err := r.reply(ctx, p, s, c)
		c.Rows, size = nil, 0
		return err
	}
	for _, row := range rows {
		if len(row.Body) > MaxBody {
			r.logger.Error("row too large for the peers", "feed", row.Feed, "seq", row.Seq, "bytes", len(row.Body))
			continue
		}
		if len(c.Rows) > 0 && size+len(row.Body) > chunkSize {
			if err := send(); err != nil {
				return err
			}
		}
		c.Rows = append(c.Rows, row)
		size += len(row.Body) + rowOverhead
	}
	if len(c.Rows) == 0 && next == place {
		return nil
	}
	c.Place = next
	return send()
}

// reply sends a frame, unless the link is a new one or the pull has ended.
func (r *Replica) reply(ctx context.Context, p *peer, s *serve, f frame) error {
	b := encode(f)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.peers[p.id] != p || p.serve != s {
		return context.Canceled
	}
	r.send(p.id, b)
	return nil
}
