package layer

import (
	"context"
	"errors"
)

var (
	// ErrChannelFull says that a channel holds as many unread messages as its capacity allows; the message was not taken.
	ErrChannelFull = errors.New("channel full")

	// ErrInUse says that a channel has a listener, or that somebody waits in Receive where a listener was to be.
	ErrInUse = errors.New("channel in use")

	// ErrClosed says that the layer was closed.
	ErrClosed = errors.New("layer closed")
)

// Layer passes messages between the parts of a program that know each other only by the names of channels and groups.
// The rules that every implementation keeps are those of the package documentation. All methods may be called by any
// number of goroutines at once; none of them blocks, but Receive. Each of them returns the context's error if the context has ended before.
type Layer interface {
	// Send puts a message at the end of a channel. It is [ErrChannelFull] if the channel is at its capacity. If the
	// channel has a listener, what the listener says is returned.
	Send(ctx context.Context, channel string, m *Message) error

	// Receive takes the oldest message of a channel, or waits for one until the context ends. When the context ends,
	// no message is lost: either the message that has just arrived is returned, or the context's error, and then the
	// next Receive gets whatever arrives. Of several goroutines that receive from one channel, each message reaches one.
	// A channel with a listener is [ErrInUse].
	Receive(ctx context.Context, channel string) (*Message, error)

	// NewChannel returns a name `prefix!random` that nobody else has, of a channel local to this process. Nothing is held for it until it is used.
	NewChannel(ctx context.Context, prefix string) (string, error)

	// GroupAdd makes a channel a member of a group, or renews its membership. A channel is in a group once, however often it was added.
	GroupAdd(ctx context.Context, group, channel string) error

	// GroupDiscard ends a membership. It is no error if there is none.
	GroupDiscard(ctx context.Context, group, channel string) error

	// GroupSend sends a message to each member of a group that has room for it. Full members are skipped and counted,
	// and their owners are told: the listener through Full, otherwise Options.OnFull. It is no error if nobody gets the message.
	GroupSend(ctx context.Context, group string, m *Message) error

	// Listen hands all messages of a channel to l instead of queueing them, starting with those that wait there already.
	// A channel has one listener at most, and not while somebody waits in Receive: that is [ErrInUse].
	//
	// Calling stop ends it, and the channel's membership in all groups with it. Sends that are under way at
	// that moment may still call l. Calling it again does nothing.
	Listen(channel string, l Listener) (stop func(), err error)

	// Flush forgets all messages and all groups of this node. Listeners stay, and so does who waits in Receive.
	Flush(ctx context.Context) error
}

// Listener is the owner of a channel that takes its messages at once, into a queue of its own. Both methods are called on the goroutine of
// the sender, with no lock held, by several senders at once: they must not block and must not send to the layer.
type Listener interface {
	// Deliver takes a message. It returns an error that wraps [ErrChannelFull] if its own queue is full, and any other if it
	// takes none any more. The messages of one sender come in the order in which they were sent.
	Deliver(m *Message) error

	// Full says that a message of a group was skipped because Deliver had no room for it. A listener that must not miss
	// any ends here.
	Full()
}
