package replica

import (
	"cmp"
	"slices"
	"time"
)

// PeerStatus is how this node and a peer stand to each other.
type PeerStatus struct {
	Peer        string
	Behind      uint64 // rows that the peer has and this node has not
	Ahead       uint64 // rows that this node has and, as far as it knows, the peer has not
	Pulling     bool   // this node is fetching rows from it
	Pulled      uint64 // by that pull so far
	Serving     bool   // the peer is fetching rows from this node
	LastContact time.Time
	Frames      IgnoredFrames // of this peer, since the start of this node
}

// IgnoredFrames counts those that a peer sent for nothing.
type IgnoredFrames struct {
	Newer uint64 // of kinds that only newer versions know
	Bad   uint64 // that could not be read, or came when they must not
}

// Status tells of all peers that are there, in order of id.
func (r *Replica) Status() []PeerStatus {
	r.mu.Lock()
	defer r.mu.Unlock()

	all := []PeerStatus{}
	for id, p := range r.peers {
		s := PeerStatus{
			Peer:        id,
			Behind:      p.vector.ahead(r.known, &r.feed),
			Ahead:       r.known.ahead(p.vector, nil),
			Serving:     p.serve != nil && !p.serve.over,
			LastContact: p.heard,
			Frames:      r.ignored[id],
		}
		if r.pull != nil && r.pull.peer == id {
			s.Pulling, s.Pulled = true, r.pull.rows
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b PeerStatus) int { return cmp.Compare(a.Peer, b.Peer) })
	return all
}

// Stats returns the counts since the start.
func (r *Replica) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}
