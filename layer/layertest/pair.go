package layertest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"snug/layer"
	"snug/layer/mesh"
)

// Sender is what [Pair] needs of the node that sends: a [layer.Gossip] has it, also one in another process behind a few calls to there.
type Sender interface {
	Send(ctx context.Context, channel string, m *layer.Message) error
	GroupSend(ctx context.Context, group string, m *layer.Message) error
	Flush(ctx context.Context) error
	Close() error
	Version(node string) mesh.Version
	Traffic() layer.Traffic
}

// Pair makes one layer of two nodes of a mesh, so that the suite can be run with a link in between. All channels are those of owner; sender
// sends the messages to groups, once it knows who has members, and those to channels that NewChannel has made. A send returns when the message has arrived.
//
// The two must be linked, have no other peers, and not be used otherwise. Pair closes both.
func Pair(sender Sender, owner *layer.Gossip) Layer {
	return &pair{Gossip: owner, sender: sender, routed: make(map[string]bool)}
}

type pair struct {
	*layer.Gossip // the owner
	sender        Sender
	closed        atomic.Bool

	mu     sync.Mutex      // guards routed
	routed map[string]bool // the channels that NewChannel has made
}

// errLate says that something did not come to the other node, though it should have long ago.
var errLate = errors.New("the other node does not know of it")

// until waits for something to be true of both nodes. It looks soon, because some rules are about milliseconds, and then less and less
// often, because others wait a hundred thousand times.
func (p *pair) until(holds func() bool) error {
	deadline := time.Now().Add(arrival)
	for pause := 50 * time.Microsecond; !holds(); pause *= 2 {
		if p.closed.Load() {
			return nil
		}
		if time.Now().After(deadline) {
			return errLate
		}
		time.Sleep(min(pause, 10*time.Millisecond))
	}
	return nil
}

// agree waits until the sender knows all that the owner has told of its groups. To know that there are members is not enough: it may know of those
// of a moment ago, and have yet to hear that they left before others came.
func (p *pair) agree() error {
	owner := p.Self()
	told := p.Gossip.Version(owner)
	return p.until(func() bool { return !p.sender.Version(owner).Before(told) })
}

// arrive waits until the owner has all that was sent to it.
func (p *pair) arrive() error {
	sent := p.sender.Traffic().Sent
	return p.until(func() bool { return p.Gossip.Traffic().Received >= sent })
}

func (p *pair) NewChannel(ctx context.Context, prefix string) (string, error) {
	name, err := p.Gossip.NewChannel(ctx, prefix)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.routed[name] = true
	return name, nil
}

func (p *pair) Send(ctx context.Context, channel string, m *layer.Message) error {
	p.mu.Lock()
	routed := p.routed[channel]
	p.mu.Unlock()
	if !routed {
		return p.Gossip.Send(ctx, channel, m)
	}
	if err := p.sender.Send(ctx, channel, m); err != nil {
		return err
	}
	return p.arrive()
}

func (p *pair) GroupSend(ctx context.Context, group string, m *layer.Message) error {
	if err := p.agree(); err != nil {
		return err
	}
	if err := p.sender.GroupSend(ctx, group, m); err != nil {
		return err
	}
	return p.arrive()
}

func (p *pair) Flush(ctx context.Context) error {
	if err := p.sender.Flush(ctx); err != nil {
		return err
	}
	return p.Gossip.Flush(ctx)
}

func (p *pair) Close() error {
	p.closed.Store(true)
	return errors.Join(p.sender.Close(), p.Gossip.Close())
}
