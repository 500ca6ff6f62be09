package presence

import (
	"sync"
	"time"

	"snug/layer/mesh"
)

// DefaultLinger is how long somebody stays present after their last connection broke: long enough to reload a page.
const DefaultLinger = 5 * time.Second

// Options say how a Tracker behaves. The zero value is good.
type Options struct {
	// Linger is how long somebody stays present after their last connection broke. Zero is DefaultLinger, less than
	// zero is no linger.
	Linger time.Duration
	// Port leads to the trackers of other nodes, and makes this one of them. The Tracker joins it until Close. Nil is a
	// Tracker alone.
	Port mesh.Port
}

// Tracker counts the live connections of users in places, and tells its watchers who came and who left.
// Its methods may be called from any goroutine.
type Tracker struct {
	linger time.Duration
	news   *news
	nodes  *nodes // nil: alone

	mu sync.RWMutex // guards the fields below, and every stay and visit
	// present is what everybody sees, on all nodes together. It is kept apart from stays, which is what this process owns and
	// knows the reasons of.
	present roster
	stays   map[string]map[string]*stay // user, then place
	retired bool                        // the other nodes do not hear of stays here any more
	closed  bool
}

// stay is one user's being in one place, from the first connection to the end of the linger after the last.
type stay struct {
	key    key
	visits int         // live connections
	ended  time.Time   // when the last connection ended; meaningful while visits is 0
	timer  *time.Timer // ends the linger; nil before the first one
	over   bool        // no longer in the tracker: its visits do not count any more
}

// key is a user in a place.
type key struct{ place, user string }

// New returns a Tracker with nobody present. It runs one goroutine until Close, and another with a port.
func New(opts Options) *Tracker {
	if opts.Linger == 0 {
		opts.Linger = DefaultLinger
	}

	t := &Tracker{
		linger:  opts.Linger,
		news:    newNews(),
		present: roster{},
		stays:   map[string]map[string]*stay{},
	}
	go t.news.run()
	if opts.Port != nil {
		t.nodes = newNodes(t, opts.Port)
		t.nodes.start()
	}
	return t
}

// Retire tells the other nodes that everybody who is only here leaves, and no more of who comes here. Here nobody leaves by it, and what happens on
// other nodes is still heard: it is for a node that is about to stop, and may have to wait for connections to end.
func (t *Tracker) Retire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.retired || t.nodes == nil {
		return
	}
	t.retired = true
	for _, places := range t.stays {
		for _, s := range places {
			t.nodes.withdraw(s.key)
		}
	}
}

// Close ends the Tracker: nobody leaves by linger any more, watchers hear what happened before, and when Close
// returns none of them is running or will be called again. On other nodes everybody who was only here leaves. It must not
// be called by a watcher.
func (t *Tracker) Close() {
	t.mu.Lock()
	t.closed = true
	for _, places := range t.stays {
		for _, s := range places {
			if s.timer != nil {
				s.timer.Stop()
			}
		}
	}
	t.mu.Unlock()

	if t.nodes != nil {
		t.nodes.close()
	}
	t.news.close()
}

// Enter counts one more live connection of the user in the place.
func (t *Tracker) Enter(place, user string) *Visit {
	t.mu.Lock()
	defer t.mu.Unlock()

	s := t.stays[user][place]
	if s == nil {
		s = &stay{key: key{place, user}}
		t.begin(s)
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.visits++
	return &Visit{tracker: t, stay: s}
}

// Drop makes the user leave every place at once, on all nodes that there is a link to. Visits that still exist no longer
// count; a later Enter begins anew.
func (t *Tracker) Drop(user string) {
	t.drop(user)
	if t.nodes != nil {
		t.nodes.drop(user)
	}
}

// drop ends what this node owns.
func (t *Tracker) drop(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()

	now := time.Now()
	for _, s := range t.stays[user] {
		t.end(s, now)
	}
}

// Present reports whether the user is in the place.
func (t *Tracker) Present(place, user string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.present.has(key{place, user})
}

// Users returns who is in the place, in no particular order.
func (t *Tracker) Users(place string) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.present.users(place)
}

// Count returns how many users are in the place.
func (t *Tracker) Count(place string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.present.count(place)
}

// Watch calls fn for everything that happens from now on, until stop is called. One call may still be under way, or
// just beginning, when stop returns. To follow a place from its present state, call Watch first and Users then, and
// take an event that says what is already known for what it is.
func (t *Tracker) Watch(fn func(Event)) (stop func()) {
	return t.news.watch(fn)
}

// begin puts a new stay in the tracker. The lock is held.
func (t *Tracker) begin(s *stay) {
	places := t.stays[s.key.user]
	if places == nil {
		places = map[string]*stay{}
		t.stays[s.key.user] = places
	}
	places[s.key.place] = s
	if t.nodes != nil && !t.retired {
		t.nodes.publish(s.key)
	}
	t.review(s.key, time.Now())
}

// end takes a stay out of the tracker. The lock is held.
func (t *Tracker) end(s *stay, at time.Time) {
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}

	places := t.stays[s.key.user]
	delete(places, s.key.place)
	if len(places) == 0 {
		delete(t.stays, s.key.user)
	}
	if t.nodes != nil {
		t.nodes.withdraw(s.key)
	}
	t.review(s.key, at)
}

// review makes known who came or left, if that follows from a change of the stays here, or of those on other nodes. The
// lock is held.
func (t *Tracker) review(k key, at time.Time) {
	present := t.stays[k.user][k.place] != nil || t.nodes != nil && t.nodes.have(k)
	if present == t.present.has(k) {
		return
	}
	if present {
		t.present.add(k)
	} else {
		t.present.remove(k)
	}
	t.news.tell(Event{Place: k.place, User: k.user, Present: present, At: at})
}

// wait keeps a stay for the linger. The lock is held.
func (t *Tracker) wait(s *stay) {
	s.ended = time.Now()
	switch {
	case t.linger < 0:
		t.end(s, s.ended)
	case t.closed:
		// Nobody is told any more.
	case s.timer == nil:
		s.timer = time.AfterFunc(t.linger, func() { t.expire(s) })
	default:
		s.timer.Reset(t.linger)
	}
}

// expire is called when a linger may be over. A timer that could no longer be stopped when its user returned finds
// live connections, or, if they are gone again, a linger that began later and has its own call to come.
func (t *Tracker) expire(s *stay) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if s.over || s.visits > 0 || t.closed || time.Since(s.ended) < t.linger {
		return
	}
	t.end(s, s.ended)
}
