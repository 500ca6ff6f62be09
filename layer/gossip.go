package layer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"snug/layer/mesh"
)

var (
	// ErrElsewhere says that a channel belongs to another node: one can send to it, and nothing else.
	ErrElsewhere = errors.New("channel of another node")

	// ErrUnreachable says that a message was for a channel of a node to which there is no link, or too slow a link, now.
	ErrUnreachable = errors.New("node of the channel out of reach")
)

// Gossip is a [Layer] over several nodes: groups are common to all, channels belong to the node that uses them. Each node has
// a [Memory] for its own channels, and tells the others in which groups these are; a message to a group crosses once to each node that has members of it.
//
// What holds between nodes is in the package documentation. Make it with [NewGossip] and close it when it is no longer used.
type Gossip struct {
	local  *Memory
	port   mesh.Port
	groups *mesh.Set // of each node, the groups that it has members of

	publishing sync.Mutex // held while the set is made to agree with local about one group

	sent, received, lost, strange, untold atomic.Uint64
}

// Traffic is what has gone between this node and the others since the layer was made.
type Traffic struct {
	// Sent are the frames given to a link: one for each message and node.
	Sent uint64
	// Received are the frames from other nodes that were delivered here.
	Received uint64
	// Lost are the frames that no link took, because there was none or too much waited for it.
	Lost uint64
	// Strange are the frames from other nodes that were no frames of this layer, or not for this node.
	Strange uint64
	// Untold are the groups of which the other nodes could not be told, because this node had [mesh.MaxKeys] already. Their members here
	// miss what others send, until the group has ended and begun anew.
	Untold uint64
}

var _ Layer = (*Gossip)(nil)

// NewGossip returns the layer of one node of a mesh, which bears the same port on all nodes. It goes on from what local holds, and local is its
// own from now on: it is closed with it.
func NewGossip(local *Memory, port mesh.Port) *Gossip {
	g := &Gossip{local: local, port: port}
	g.groups = mesh.NewSet(port, mesh.Options{Rest: (*ear)(g)})
	local.watch(g.publish)
	g.groups.Start()
	return g
}

// Close ends the layer and the [Memory] under it, as [Memory.Close] does. It waits for messages from other nodes that are being
// delivered, so it must not be called by a listener.
func (g *Gossip) Close() error {
	err := g.local.Close()
	g.groups.Close()
	return err
}

// Local is the layer of this node alone, without the others: what is sent to a group there reaches the members on this node only. It is for
// news that every node hears of in another way, such as rows that are replicated, and would tell twice if it went through the mesh.
// Channels and groups are the same: a channel added to a group through either is a member for both.
func (g *Gossip) Local() Layer { return g.local }

// Stats is what this node holds.
func (g *Gossip) Stats() Stats { return g.local.Stats() }

// Traffic counts what went to the other nodes and came from them.
func (g *Gossip) Traffic() Traffic {
	return Traffic{Sent: g.sent.Load(), Received: g.received.Load(), Lost: g.lost.Load(), Strange: g.strange.Load(), Untold: g.untold.Load()}
}

// Nodes are the nodes that have members of a group, as far as this node knows: itself first, if it has any.
func (g *Gossip) Nodes(group string) []string {
	others := g.groups.Owners(group)
	if !g.local.hasGroup(group) {
		return others
	}
	return append([]string{g.port.Self()}, others...)
}

// Self is the id of this node.
func (g *Gossip) Self() string { return g.port.Self() }

// Version is how far a node, which may be this one, has told of its groups, as known here: messages to groups go by what was told up to there.
func (g *Gossip) Version(node string) mesh.Version { return g.groups.Version(node) }

// publish makes what the other nodes are told about a group what holds now. One at a time, or an older answer could come last.
func (g *Gossip) publish(group string) {
	g.publishing.Lock()
	defer g.publishing.Unlock()
	if !g.local.hasGroup(group) {
		g.groups.Delete(group)
		return
	}
	if g.groups.Put(group, nil) != nil {
		g.untold.Add(1)
	}
}

// NewChannel implements [Layer]. The name is `prefix!node.random`: every node can send to it. The id of the node and the random part leave 39
// characters for the prefix.
func (g *Gossip) NewChannel(ctx context.Context, prefix string) (string, error) {
	return g.local.newChannel(ctx, prefix, g.port.Self()+"."+rand.Text())
}

// Send implements [Layer]. To a channel of another node it is [ErrUnreachable] if there is no link to that node that takes the message now. Otherwise the message is
// on its way and the error nil, whatever becomes of it: a link may break, and that the channel is full or its listener gone is known only
// on its node, where the message is counted in [Stats], and the owner of a full channel told, as if it had come to a group.
func (g *Gossip) Send(ctx context.Context, channel string, m *Message) error {
	node := g.elsewhere(channel)
	if node == "" {
		return g.local.Send(ctx, channel, m)
	}
	if err := g.usable(ctx.Err()); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	if err := g.post(node, encodeFrame(channelFrame, channel, m)); err != nil {
		return fmt.Errorf("send to channel %q: %w: %w", channel, ErrUnreachable, err)
	}
	return nil
}

// Receive implements [Layer]. A channel of another node is [ErrElsewhere].
func (g *Gossip) Receive(ctx context.Context, channel string) (*Message, error) {
	if err := g.own(ctx.Err(), "receive from", channel); err != nil {
		return nil, err
	}
	return g.local.Receive(ctx, channel)
}

// Listen implements [Layer]. A channel of another node is [ErrElsewhere].
func (g *Gossip) Listen(channel string, l Listener) (stop func(), err error) {
	if err := g.own(nil, "listen to", channel); err != nil {
		return nil, err
	}
	return g.local.Listen(channel, l)
}

// GroupAdd implements [Layer]. The other nodes hear of it a moment later, and only if the channel is the first of this node in the group.
// A channel of another node is [ErrElsewhere]: only its own node can put it into groups.
func (g *Gossip) GroupAdd(ctx context.Context, group, channel string) error {
	if err := g.own(ctx.Err(), "add", channel); err != nil {
		return err
	}
	return g.local.GroupAdd(ctx, group, channel)
}

// GroupDiscard implements [Layer]. A channel of another node is [ErrElsewhere].
func (g *Gossip) GroupDiscard(ctx context.Context, group, channel string) error {
	if err := g.own(ctx.Err(), "discard", channel); err != nil {
		return err
	}
	return g.local.GroupDiscard(ctx, group, channel)
}

// GroupSend implements [Layer]. The members on this node have the message when it returns; it never waits for another node, and it is no
// error if one misses the message. Members there that are full are counted, and told, on their node.
func (g *Gossip) GroupSend(ctx context.Context, group string, m *Message) error {
	if err := g.local.GroupSend(ctx, group, m); err != nil {
		return err
	}
	nodes := g.groups.Owners(group)
	if len(nodes) == 0 {
		return nil
	}
	frame := encodeFrame(groupFrame, group, m)
	for _, node := range nodes {
		// What a link did not take is counted; the sender can do nothing about it.
		_ = g.post(node, frame)
	}
	return nil
}

// Flush implements [Layer] for this node: its messages and the memberships of its channels are forgotten, and the other nodes hear that it has members
// of no group. What the others hold stays.
func (g *Gossip) Flush(ctx context.Context) error { return g.local.Flush(ctx) }

// post gives a frame to the link to a node.
func (g *Gossip) post(node string, frame []byte) error {
	if err := g.port.Send(node, frame); err != nil {
		g.lost.Add(1)
		return err
	}
	g.sent.Add(1)
	return nil
}

// usable says why a call cannot go on, if so; ended is the error of its context.
func (g *Gossip) usable(ended error) error {
	if ended != nil {
		return ended
	}
	if g.local.closed.Load() {
		return ErrClosed
	}
	return nil
}

// own refuses to do something with a channel of another node.
func (g *Gossip) own(ended error, what, channel string) error {
	if g.elsewhere(channel) == "" {
		return nil
	}
	if err := g.usable(ended); err != nil {
		return err
	}
	return fmt.Errorf("%s channel %q: %w", what, channel, ErrElsewhere)
}

// elsewhere returns the node that a channel belongs to, or nothing if that is this one.
func (g *Gossip) elsewhere(channel string) string {
	node := homeOf(channel)
	if node == g.port.Self() {
		return ""
	}
	return node
}

// nodeID is the length of the id of a node, in hexadecimal digits.
const nodeID = 32

// homeOf returns the node in the name `prefix!node.random` of a channel, and nothing for all other names, allowed or not.
func homeOf(channel string) string {
	_, rest, _ := strings.Cut(channel, "!")
	if len(rest) < nodeID+2 || rest[nodeID] != '.' || CheckChannel(channel) != nil {
		return ""
	}
	node := rest[:nodeID]
	if strings.Trim(node, "0123456789abcdef") != "" {
		return ""
	}
	return node
}

// ear hears the other nodes.
type ear Gossip

// Up implements [mesh.Handler].
func (*ear) Up(string) {}

// Down implements [mesh.Handler]. The groups of the node are forgotten by the set.
func (*ear) Down(string) {}

// Received implements [mesh.Handler]. A message from another node goes to channels of this one only, so none goes round in circles.
func (e *ear) Received(_ string, frame []byte) {
	kind, name, m, err := decodeFrame(frame)
	switch {
	case err != nil, kind == channelFrame && homeOf(name) != e.port.Self():
		e.strange.Add(1)
		return
	case kind == groupFrame:
		e.local.spread(name, m)
	case kind == channelFrame:
		e.local.accept(name, m)
	}
	e.received.Add(1)
}
