// Package mesh says what the parts of a program that runs on several nodes need of the network between them: a [Port],
// over which frames go to each peer in order. It also has what several of them build on it: the [Set], a keyed set that each node
// publishes and all others hold copies of.
//
// There is no network in this package. Package meshtest has one in memory, for tests.
//
// A node is named by its node id, 32 hexadecimal digits.
package mesh

import "errors"

// MaxFrame is the largest frame in bytes: larger than what anybody sends in one piece, small enough for a queue to hold several.
const MaxFrame = 4 << 20

// ErrNoPeer means that there is no link to the peer now.
var ErrNoPeer = errors.New("mesh: no link to the peer")

// ErrBacklog means that too much waits to be sent to the peer. The link is dropped; Up follows when there is a new one.
var ErrBacklog = errors.New("mesh: too much waits for the peer")

// ErrFrameTooLarge means that a frame has more than [MaxFrame] bytes. The link is not affected.
var ErrFrameTooLarge = errors.New("mesh: frame too large")

// Port is one user's share of the links between this node and its peers. Each part of a program that talks to its like on
// other nodes has a port of its own, by name, and hears nothing of the other ports.
//
// While a link is up, frames arrive complete, once and in order. Nothing else is promised: a link may break at any moment, and what was
// under way is lost. Frames for a port that nobody has joined on the other side are lost without notice.
//
// All methods may be called from any goroutine, and by a Handler.
type Port interface {
	// Self is the id of this node.
	Self() string
	// Join starts the calls to h; at most one handler is joined at a time. Peers that have a link already are announced
	// by Up. When leave returns, no call is under way and none will come; so it must not be called by the handler.
	Join(h Handler) (leave func())
	// Send queues a frame of at most MaxFrame bytes to a peer, behind those queued before. It never blocks. The
	// frame must not be changed afterwards, and may be sent to any number of peers.
	//
	// The error is ErrBacklog when the queue is full, ErrNoPeer when there is no link now, ErrFrameTooLarge. No error is no
	// promise of arrival.
	Send(peer string, frame []byte) error
	// Peers are the ids of those that have a link now, in no particular order.
	Peers() []string
}

// Handler is told what happens on a Port.
//
// For each peer the calls are Up, then Received for each frame in order, then Down; never two at once. Calls for different peers
// may run at once.
type Handler interface {
	// Up says that there is a new link to the peer. Without a Down before it, the old link broke for a moment, or the peer is a
	// new process already: whatever was sent or received before may be lost, so start anew.
	Up(peer string)
	// Received hands over a frame, which now belongs to the handler. It may block only if the port is one for bulk; that is
	// back-pressure on this peer and no other.
	Received(peer string, frame []byte)
	// Down says that the peer is gone: it left, it is dead, or it was out of reach for longer than a short break of
	// a link, some seconds. Forget what only it can know.
	Down(peer string)
}
