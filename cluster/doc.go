// Package cluster makes one place of several machines: it knows who is there, and keeps a link to each of them.
//
// A [Mesh] is this node's part in it. Its [Mesh.Port]s are what the rest of a program needs of it; see package mesh.
//
// These rules always hold:
//
//   - Nothing is said to, and nothing believed from, somebody who has not proved to know the cluster's secret, in gossip as on links.
//     There is no cluster without a secret.
//   - A node is its id, a random number in its data directory: not its address, not its host name. It may return with
//     other ones. A second machine with the same id, as after cloning a disk, is shut out and says so.
//   - Each pair of nodes has one link: TLS 1.3, ordered, with heartbeats. Whatever is slow, frozen or hostile at the other end of
//     it delays no other link, and no other port of the same link. Queues are bounded in bytes; one that is full drops its link.
//   - Every node tries to reach every other one it has ever seen, for ever, until somebody calls [Mesh.Forget].
//   - What stands in the way of that is told in words, one for each cause: see [Trouble].
//
// Membership and failure detection are those of memberlist. Gossip (UDP and TCP) and links (TCP) share one port number; the first byte of a
// connection tells them apart. So one port is to be opened in a firewall, and whoever knows where a node gossips knows where to link.
//
// Both ends of a link prove the secret by a seal made with the TLS exporter value of that very connection (RFC 9266), so certificates mean
// nothing but encryption: each process makes itself one, and no authority or renewal is needed. Only the token of an
// [Mesh.Invite] pins one, because the one who joins has no secret yet.
package cluster
