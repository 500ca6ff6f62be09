// Package layer is a channel layer: it passes messages between the parts of a program that know each other only by
// name. Use it when the part that has news (a request that changed something, a person who wrote a line) must not know who
// wants to hear of it (the sockets that are open at this moment).
//
// A channel is a line of messages under a name. Whoever knows the name may [Layer.Send] to it; its owner takes the messages
// out with [Layer.Receive], or has them handed over by [Layer.Listen]. A group is a set of channels under a name:
// [Layer.GroupSend] sends one message to all of them. Neither is declared or deleted: a channel and a group exist while they hold something.
//
// [Memory] is the layer of a single process, [Gossip] that of several nodes. Package layertest has every rule below as a test that other implementations can run.
//
// # What it is not
//
// It is not a store and not a log. A message may be lost: when the channel is full, when nobody reads it in time,
// when the process ends. Write down first what must not be lost, then send. It is not for answers that somebody waits for either:
// call a function.
//
// # What always holds
//
//   - A message arrives at most once: it may be lost, it is never doubled.
//   - Messages of one sender to one channel keep their order, whether sent to the channel or to groups it is in.
//   - Of several receivers of one channel, each message reaches one.
//   - A message never changes: [Message] is bytes that all receivers share.
//   - A full channel never slows anybody down. Send returns [ErrChannelFull]; GroupSend skips the member, counts it in
//     [Stats], and tells its owner: [Listener.Full] for a listener, [Options.OnFull] otherwise.
//   - A Receive that is cancelled loses no message.
//   - No channel and no group outlives its last use, and neither costs a goroutine.
//
// # Several nodes
//
// [Gossip] joins the layers of several processes, over links that others make: package mesh says what it needs of them.
//
//   - Groups are common to all nodes. A message to a group crosses once to each node that has members of it, and to no other; there the members get it as
//     from a sender of their own node. The members here have it before anything crosses, and nobody ever waits for another node.
//   - Which nodes have members is told as it changes: GroupAdd returns when this node knows, the others do a few hundredths of a
//     second later. What is sent in between misses the new member.
//   - Channels belong to one node. A name without `!` is that of a channel of the node on which it is used, so each node has its own. [Gossip.NewChannel] puts
//     the id of its node into the name, `prefix!node.random`, and every node can Send to it; to receive, to listen, and to
//     change memberships is for its own node: anywhere else that is [ErrElsewhere].
//   - Send to a channel of another node is [ErrUnreachable] if there is no link to it. If there is, nil means that the message is on its way:
//     that the channel is full is known over there only, so the message is counted there and the owner of the channel told, as for a group.
//   - While a link is broken, what would go over it is lost, counted in [Traffic], and not sent again. What comes after
//     keeps its order, and nothing is doubled. A node that dies is out of all groups when the mesh says so.
//   - Flush and Stats are of this node. [Gossip.Local] is this node without the others, for news that each node hears of by itself.
//
// # Names
//
// Names have ASCII letters, digits, `-`, `_` and `.`, at most [MaxName] characters. The name of a channel may have one `!` inside: then
// the channel is local to the process, and [Layer.NewChannel] makes such names, which nobody can guess. Groups have no `!`.
// Anything else is [ErrName].
//
// # Limits
//
//	unread messages in a channel     100     Options.Capacity, Options.Capacities
//	time a message may wait          60 s    Options.Expiry
//	time a membership lasts          24 h    Options.GroupExpiry; GroupAdd renews it
//	size of a message                1 MiB   MaxMessage
//	length of a name                 99      MaxName
//	groups of a node                 131,072 mesh.MaxKeys, those that other nodes know of
//
// A channel with a listener has no queue here, so neither capacity nor expiry concerns it: the listener has a queue and limits of its own.
// Its memberships expire like all others, unless they are renewed.
//
// # Goroutines and locks
//
// All methods may be called from any number of goroutines. Only Receive waits. Listeners and OnFull are called on the
// goroutine of the sender, without any lock held, and by several senders at once; since the senders wait for them, they must
// return at once and must not send. A listener may still be called for a moment after its stop has returned, by a send that was under way.
//
// A message to a group of listeners costs one walk through a list, in which nothing is locked, looked up or allocated for each member.
package layer
