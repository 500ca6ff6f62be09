package cluster

import (
	"fmt"
	"sync"
	"time"
)

const (
	// maxNodes is how many other nodes are known at most: ten times what a cluster is made for. Each of them is asked for for ever, so whoever has
	// the key and makes up nodes would keep this one from the true ones.
	maxNodes = 128
	// rumour is how long memberlist may have known a node that is not heard of any more.
	rumour = 10 * time.Minute
)

func crowdedTrouble() Trouble {
	return Trouble{TooManyNodes, fmt.Sprintf("another node was turned away, because %d are known here already: forget those that will not return (snug forget)", maxNodes)}
}

// fullLocked says whether a node cannot be taken in because it is one too many.
func (m *Mesh) fullLocked(id string) bool {
	if m.records[id] != nil || len(m.records) < maxNodes {
		return false
	}
	m.setTrouble(&m.crowded, crowdedTrouble())
	return true
}

// rumours are the nodes that memberlist has been told of. It asks about each under its lock, so they have a lock of their own.
type rumours struct {
	mu    sync.Mutex // guards heard
	heard map[string]time.Time
}

// believe says whether a node may be known, at a time when somebody says that it is alive.
func (r *rumours) believe(id string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.heard[id]; !ok && len(r.heard) >= maxNodes {
		for other, last := range r.heard {
			if now.Sub(last) > rumour {
				delete(r.heard, other)
			}
		}
		if len(r.heard) >= maxNodes {
			return false
		}
	}
	r.heard[id] = now
	return true
}
