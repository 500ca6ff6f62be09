package presence

import (
	"container/list"
	"slices"
	"sync"
	"time"
)

// Event says that a user entered a place or left it.
type Event struct {
	// Place is where: "" is the whole server, anything else one part of it.
	Place string
	// User is who.
	User string
	// Present is true where the user entered, and false where the user left.
	Present bool
	// At is when. For somebody whose connections broke it is when the last one did, before the linger; for what happened on
	// another node, when this one heard of it.
	At time.Time
}

// news holds what the watchers have not heard yet. What waits is bounded by the number of users in places: an event
// and its opposite cancel each other, so there is at most one for each.
type news struct {
	done chan struct{} // closed when run has ended

	mu       sync.Mutex // guards the fields below
	changed  *sync.Cond // something waits, or closed
	waiting  *list.List // of Event, the oldest first
	byKey    map[key]*list.Element
	watchers []*watcher // replaced, never changed
	closed   bool
}

type watcher struct{ fn func(Event) }

func newNews() *news {
	n := &news{
		done:    make(chan struct{}),
		waiting: list.New(),
		byKey:   map[key]*list.Element{},
	}
	n.changed = sync.NewCond(&n.mu)
	return n
}

// tell adds an event. For each place and user the calls must alternate between present and not.
func (n *news) tell(e Event) {
	n.mu.Lock()
	defer n.mu.Unlock()

	k := key{e.Place, e.User}
	if opposite, ok := n.byKey[k]; ok {
		n.waiting.Remove(opposite)
		delete(n.byKey, k)
		return
	}
	if n.closed || len(n.watchers) == 0 {
		return
	}
	n.byKey[k] = n.waiting.PushBack(e)
	n.changed.Signal()
}

func (n *news) watch(fn func(Event)) (stop func()) {
	n.mu.Lock()
	defer n.mu.Unlock()

	w := &watcher{fn}
	n.watchers = append(slices.Clip(n.watchers), w)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.watchers = slices.DeleteFunc(slices.Clone(n.watchers), func(other *watcher) bool { return other == w })
	}
}

// run calls the watchers until close.
func (n *news) run() {
	defer close(n.done)
	for {
		event, watchers, ok := n.next()
		if !ok {
			return
		}
		for _, w := range watchers {
			w.fn(event)
		}
	}
}

// next waits for an event; ok is false after close, when nothing waits any more.
func (n *news) next() (event Event, watchers []*watcher, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()

	for n.waiting.Len() == 0 {
		if n.closed {
			return Event{}, nil, false
		}
		n.changed.Wait()
	}
	event = n.waiting.Remove(n.waiting.Front()).(Event)
	delete(n.byKey, key{event.Place, event.User})
	return event, n.watchers, true
}

// close lets run end and waits for it.
func (n *news) close() {
	n.mu.Lock()
	n.closed = true
	n.changed.Signal()
	n.mu.Unlock()
	<-n.done
}
