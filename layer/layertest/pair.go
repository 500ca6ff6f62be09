package layertest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"snug/layer"
)

// Pair makes one layer of two nodes of a mesh, so that the suite can be run with a link in between. All channels are those of owner; sender
// sends the messages to groups, once it knows who has members, and those to channels that NewChannel has made. A send returns when the message has arrived.
//
// The two must be linked, have no other peers, and not be used otherwise. Pair closes both.
func Pair(sender, owner *layer.Gossip) Layer {
	return &pair{Gossip: owner, sender: sender, routed: make(map[string]bool)}
}

type pair struct {
	*layer.Gossip // the owner
	sender        *layer.Gossip
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

// agree waits until the sender knows whether the owner has members of a group.
func (p *pair) agree(group string) error {
	return p.until(func() bool { return len(p.sender.Nodes(group)) == len(p.Gossip.Nodes(group)) })
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
	if err := p.agree(group); err != nil {
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
