package mesh

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// ErrEntry means that a key or a value is too long for a [Set], or that it holds [MaxKeys] already.
var ErrEntry = errors.New("mesh: no room for the entry")

// Options say how a [Set] uses its port. The zero value is good.
type Options struct {
	// Rest gets what happens on the port besides: Up after the Set knows of the peer, Down after the copy is dropped, and
	// those frames whose first byte is RestKind or more. So the owner of the Set can send frames of its own over the same
	// port, in order with the changes of the Set. It may be nil.
	Rest Handler
}

// Change is a change of what another node publishes.
type Change struct {
	// Node is who publishes it.
	Node string
	Key  string
	// Value must not be changed. It is nil if Gone.
	Value []byte
	// Gone is true where the key was deleted, or its node is gone.
	Gone bool
}

// Set is a keyed set that each node publishes to all others. A node writes its own part alone, and holds a copy of the part of
// every peer. It is for what a node owns and what ends with it: who is connected to it, who listens on it.
//
// These rules hold:
//
//   - A copy follows its owner within [Pace] and the time that a frame takes, while there is a link.
//   - After any faults, once there is a link, the copy is the same as what the owner publishes within seconds. It is never a mixture:
//     every key has a value that its owner gave it, none older than what was seen before.
//   - A node that starts anew replaces all of what it published before, in one step. Nothing from before comes back.
//   - The copy of a peer that is down is dropped at once. So is that of a peer with a link that says nothing for [Silence].
//   - Nothing here grows with time: a copy has at most [MaxKeys] keys, and what was not sent yet is kept as a list of keys or sent
//     anew as a whole.
//
// It works so: a version is the life of its owner, a number that grows at every start, a counter of changes, and a hash of all entries.
// The owner sends its version on every new link and every [DigestEvery]. A peer that has another one says which, and the owner sends
// the changes since then if it remembers them, or everything, in chunks of 64 KiB of which a few are under way. After that
// it sends changes as they come, collected for Pace. A peer has everything when what came has the hash, and takes changes only on top of what it has and not after later
// ones: so frames that come twice or overtake each other make a copy late at most, though a [Port] has none.
//
// The methods may be called from any goroutine, also by a watcher unless it says otherwise.
type Set struct {
	port  Port
	rest  Handler
	leave func()
	wake  chan struct{} // something is to be sent
	quit  chan struct{}
	done  chan struct{}

	// telling is held while watchers are called, so that they hear one change at a time, in order. It is taken before mu.
	telling sync.Mutex

	mu       sync.RWMutex // guards the fields below
	own      own
	peers    map[string]*peer
	owners   map[string][]string // nodes that have the key; replaced, never changed
	peak     int                 // the most that owners held
	watchers []*watcher          // replaced, never changed
	changes  time.Time           // when changes were sent last
	raised   time.Time           // when a peer last made life grow
	stats    Stats
	started  bool
	closed   bool
}

type watcher struct{ fn func(Change) }

// Stats is what a Set holds now and what it has counted since it was made.
type Stats struct {
	// Keys are those that this node publishes.
	Keys int
	// Copies are the nodes of which there is a copy, and CopiedKeys the keys in all of them.
	Copies, CopiedKeys int
	// Frames and Bytes were sent, to all peers together.
	Frames, Bytes uint64
	// Snapshots were begun to be sent.
	Snapshots uint64
	// Refused are frames that were damaged, or had more than the limits allow.
	Refused uint64
}

// NewSet returns a Set without entries. Put and Watch may be called before [Set.Start]: a watcher from before misses nothing.
func NewSet(port Port, opts Options) *Set {
	return &Set{
		port:   port,
		rest:   opts.Rest,
		wake:   make(chan struct{}, 1),
		quit:   make(chan struct{}),
		done:   make(chan struct{}),
		own:    own{version: version{life: newLife()}, entries: map[string][]byte{}},
		peers:  map[string]*peer{},
		owners: map[string][]string{},
	}
}

// newLife grows from one start to the next, and differs between starts in one millisecond.
func newLife() uint64 { return uint64(time.Now().UnixMilli())<<16 | rand.Uint64N(1<<16) }

// Start joins the port. It runs one goroutine until Close, and may be called once.
func (s *Set) Start() {
	s.mu.Lock()
	s.started = true
	s.mu.Unlock()

	go s.run()
	s.leave = s.port.Join((*handler)(s))
}

// Close leaves the port; peers with a link hear that everything here is gone. When it returns, no watcher is running or
// will be called again. It must not be called by a watcher or by Rest.
func (s *Set) Close() {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.watchers = nil
	started := s.started
	s.mu.Unlock()
	if again || !started {
		return
	}

	close(s.quit)
	<-s.done
	s.sayGoodbye()
	s.leave()
}

// Put publishes a key with a value. The error is ErrEntry, wrapped.
func (s *Set) Put(key string, value []byte) error {
	if len(key) > MaxKey || len(value) > MaxValue {
		return fmt.Errorf("publish a key of %d bytes with a value of %d: %w", len(key), len(value), ErrEntry)
	}
	s.mu.Lock()
	defer s.mu.Unlock()

	if _, ok := s.own.entries[key]; !ok && len(s.own.entries) >= MaxKeys {
		return fmt.Errorf("publish more than %d keys: %w", MaxKeys, ErrEntry)
	}
	if s.own.put(key, value) {
		s.awake()
	}
	return nil
}

// Delete publishes a key no longer.
func (s *Set) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own.remove(key) {
		s.awake()
	}
}

// Owners are the other nodes that publish the key, in no particular order. The slice must not be changed. It costs
// nothing but a look into a map.
func (s *Set) Owners(key string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.owners[key]
}

// Nodes are the other nodes of which there is a copy, in no particular order.
func (s *Set) Nodes() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()

	var nodes []string
	for id, p := range s.peers {
		if p.copy != nil {
			nodes = append(nodes, id)
		}
	}
	return nodes
}

// Each calls fn for all that a node publishes, as known at the moment of the call; the node may be this one. The
// values must not be changed. No lock is held.
func (s *Set) Each(node string, fn func(key string, value []byte)) {
	for _, e := range s.entries(node) {
		fn(e.key, e.value)
	}
}

func (s *Set) entries(node string) []entry {
	s.mu.RLock()
	defer s.mu.RUnlock()

	if node == s.port.Self() {
		return difference(nil, s.own.entries)
	}
	if p := s.peers[node]; p != nil && p.copy != nil {
		return difference(nil, p.copy.entries)
	}
	return nil
}

// Version is how far something is published: the life of its owner, and how many changes it has made in that.
type Version struct{ Life, Changes uint64 }

// Before reports whether v is an earlier state than w.
func (v Version) Before(w Version) bool {
	return v.Life < w.Life || v.Life == w.Life && v.Changes < w.Changes
}

// Version is that of a node, which may be this one, as known here. It is zero for a node of which there is no copy.
func (s *Set) Version(node string) Version {
	s.mu.RLock()
	defer s.mu.RUnlock()

	if node == s.port.Self() {
		return Version{s.own.life, s.own.counter}
	}
	if p := s.peers[node]; p != nil && p.copy != nil {
		return Version{p.copy.life, p.copy.counter}
	}
	return Version{}
}

// Watch calls fn for each change of what other nodes publish, until stop is called. The calls come one at a time, in order,
// and after the change is made. They delay what comes from the network, so fn must be quick, and must not call Close. One call may
// still be under way when stop returns.
func (s *Set) Watch(fn func(Change)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()

	w := &watcher{fn}
	s.watchers = append(slices.Clip(s.watchers), w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watchers = slices.DeleteFunc(slices.Clone(s.watchers), func(other *watcher) bool { return other == w })
	}
}

// Stats returns counts of the moment.
func (s *Set) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()

	stats := s.stats
	stats.Keys = len(s.own.entries)
	for _, p := range s.peers {
		if p.copy != nil {
			stats.Copies++
			stats.CopiedKeys += len(p.copy.entries)
		}
	}
	return stats
}

// awake makes the sender look for something to send.
func (s *Set) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
