package presence

import (
	"strings"
	"time"

	"snug/layer/mesh"
)

// dropFrame is the first byte of a frame that says that the user whose name follows was dropped.
const dropFrame = mesh.RestKind

// nodes is what a Tracker shares with those on other nodes: it publishes the stays here, and has copies of theirs.
type nodes struct {
	tracker *Tracker
	port    mesh.Port
	set     *mesh.Set // the keys are those of stays, without values
}

func newNodes(t *Tracker, port mesh.Port) *nodes {
	n := &nodes{tracker: t, port: port}
	n.set = mesh.NewSet(port, mesh.Options{Rest: (*drops)(n)})
	n.set.Watch(n.changed)
	return n
}

// start joins the port. The tracker must have its nodes by then: the first change asks for them.
func (n *nodes) start() { n.set.Start() }

// close tells the other nodes that everybody is gone from here.
func (n *nodes) close() { n.set.Close() }

// wire is the key of a stay as the other nodes know it. It is not ok for what does not leave this node.
func (k key) wire() (wire string, ok bool) {
	return k.place + "\x00" + k.user, !strings.Contains(k.place, "\x00")
}

// wireKey is the opposite. It is not ok for what no Tracker publishes.
func wireKey(wire string) (k key, ok bool) {
	k.place, k.user, ok = strings.Cut(wire, "\x00")
	return k, ok
}

// The three methods below are called with the lock of the tracker held. That is safe, since the set calls back without any lock that
// they take.

func (n *nodes) publish(k key) {
	if wire, ok := k.wire(); ok {
		// Who is too long or one too many is present on this node alone.
		_ = n.set.Put(wire, nil)
	}
}

func (n *nodes) withdraw(k key) {
	if wire, ok := k.wire(); ok {
		n.set.Delete(wire)
	}
}

// have reports whether another node has the user there.
func (n *nodes) have(k key) bool {
	wire, ok := k.wire()
	return ok && len(n.set.Owners(wire)) > 0
}

// changed is the watcher of the set. It looks at what the set has now, so that it does not matter whether a change here was
// faster.
func (n *nodes) changed(c mesh.Change) {
	k, ok := wireKey(c.Key)
	if !ok {
		return
	}
	n.tracker.mu.Lock()
	defer n.tracker.mu.Unlock()
	if !n.tracker.closed {
		n.tracker.review(k, time.Now())
	}
}

// drop tells all nodes with a link that the user was dropped.
func (n *nodes) drop(user string) {
	frame := append([]byte{dropFrame}, user...)
	for _, peer := range n.port.Peers() {
		// A peer that cannot be reached is not told: see the package comment.
		_ = n.port.Send(peer, frame)
	}
}

// drops is told by the port of what is not of the set.
type drops nodes

func (d *drops) Up(string)   {}
func (d *drops) Down(string) {}

func (d *drops) Received(_ string, frame []byte) {
	if frame[0] == dropFrame && len(frame) <= mesh.MaxKey {
		d.tracker.drop(string(frame[1:]))
	}
}
