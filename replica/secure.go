package replica

import (
	"context"
	"time"
)

// merge notes what is here now, and has it brought to the disk. The lock is held.
func (r *Replica) merge(known Vector) {
	for feed, seq := range known {
		if seq > r.known[feed] {
			r.known[feed], r.fresh[feed] = seq, seq
		}
	}
	if len(r.fresh) == 0 {
		return
	}
	select {
	case r.merged <- struct{}{}:
	default:
	}
}

// secure brings to the disk what was merged, and tells each peer how far its own feed is there, if somebody may wait for that. People hear of merged rows before: their writer has
// them. While one sync is under way the next rows are merged, and the sync after it is for all of them.
func (r *Replica) secure(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-r.merged:
		case <-ctx.Done():
			return
		}
		if err := r.secureNow(ctx); err != nil && ctx.Err() == nil {
			r.logger.Error("rows of peers could not be brought to the disk", "error", err)
			select { // then the tick tries again
			case <-time.After(r.every):
			case <-ctx.Done():
			}
		}
	}
}

func (r *Replica) secureNow(ctx context.Context) error {
	r.mu.Lock()
	feed, fresh := r.feed, r.fresh
	r.fresh = Vector{}
	r.mu.Unlock()
	if err := r.store.Sync(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.feed != feed {
		return nil // a new feed begins with all anew
	}
	r.secured.raise(fresh)
	for id, p := range r.peers {
		if seq, ok := fresh[p.feed]; ok && p.vector != nil && !p.calm {
			// Of its own feed only: the rest has time until the next tick, as has all for a peer where nobody waits.
			r.send(id, encode(&vectorFrame{Feed: r.feed, Vector: Vector{p.feed: seq}}))
		}
	}
	return nil
}
