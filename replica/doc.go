/*
Package replica keeps the stores of all nodes equal. Each node accepts writes alone, and sends them to the others; whatever one of
them missed, it fetches. There is no leader and no quorum: two nodes that cannot see each other both go on, and are equal again a moment after they can.

It is a core without files or sockets: the rows are in a [Store], the peers behind a [mesh.Port].

# Rows, feeds, vectors

A row is whole state, and merging is a join: in any order, and however often, the same rows give the same tables. A feed is one life of one process; it
numbers its writes from 1. So a [Vector], a number for each feed, can tell what a node has. It promises this, and all else rests on it:

  - If a node's vector has a feed at n, then of each row that the first n writes of the feed wrote, the node has that state or a later one.

Where a row has been written twice, the first write exists nowhere any more, so a feed has holes, and having write 8 says nothing about write 7. Hence the two
ways in which a vector grows:

  - A row whose number follows the known one makes it known.
  - Whoever has merged all that a peer has takes over that peer's vector.

# Live

What a node commits it sends to all peers at once, before its disk has it. A peer merges these rows only in order and without a gap, and only when it has everything
that the writer had when their link began. Others are held, up to 4 MiB for each writer, of which the oldest are dropped. Nothing is sent again: a gap is closed by a pull.

People hear of a row when it is merged; the disk follows. What a node tells of itself is what it has on disk, so a power cut takes back nothing that a peer was told.
What is lost all the same, rows that were merged or sent a moment before, is fetched from who has it, like all that a node lacks.

# Pulls

Nodes tell each other their vectors: all of it when a link begins, what changed every two seconds, and, of the writer's own feed, as soon as its live rows are on disk, unless the writer has said that nobody waits for that. Who sees
that a peer has more asks it for all rows behind a place in its order of events, without those that the asker's vector covers. Rows on their way from their
writer do not count as missing, unless they have been for two seconds.

The peer reads the rows in order of place and sends them in chunks, four of which may be unacknowledged. When it sees the end, it sends the vector that it
had read before it looked: each row that this covers has been sent in its last state, or the asker had it. Only now the asker adopts that vector. Before, a row that was
replaced at the peer would be believed to be here, and if the one that replaced it were lost with the peer's disk, for ever.

The place is the cursor. It is saved now and then, so a pull that is cut off goes on where it was. It also moves without a pull: a peer sends the place up to which its
vector speaks for all that it has, and who covers the one is beyond the other. A node that has merged part of a pull has rows for which its vector does not speak, so
it sends no place until that is mended; a new process looks through its store for such rows first. Places are compared only under the same running feed, because a restored database counts
places anew. A node that was away for months, or is new, is nothing special: its vector covers less.

There is one pull at a time. It costs the asker four chunks of memory, and the peer as much for each asker. It gives way to others that have something when its peer sends nothing,
or for a minute no news, and it is not begun again at once where it gained nothing.

# What people may rely on

Of what one node wrote, every other has a beginning at every moment: no write is merged before an earlier one, whichever way they come, and over restarts of that node too. So

  - messages of an author who stays on one node arrive in his order everywhere, and are news once;
  - what was acknowledged is on all nodes at last, if one disk that had it remains;
  - what was deleted or revoked does not come back: that is in the join.

Not promised:

  - A message that was edited or deleted before it reached a node has the position of its last change there.
  - Messages of one author on two nodes, or of two authors, may arrive in either order, at most some seconds apart while there is any way
    between the nodes. They are shown in the order of their stamps.
  - A node that was restored from a backup accepts writes at once. What it had lost and gets back from others comes after them.

# Order

A [mesh.Port] hands frames over once and in order, but nothing that people rely on rests on that: where frames come twice or overtake each other, rows only come later.

  - The chunks of a pull are numbered, and merged in that order. Its end has a number as well, so it speaks only for chunks that are here. What is acknowledged is how many were
    merged, so an old acknowledgement says nothing new.
  - A pull is answered once. Its end, when the asker gives it up, may come before it.
  - What a node tells of itself has a version, and says on which one it builds. A vector only grows as long as the feed of its writer is the same, and of two feeds the later version counts. Where
    something between was not heard, the place is not believed, and all is asked for at the next tick.
  - Live rows out of order are a gap like any other.

# A machine set back

A node whose peer knows more of its running feed than itself is a machine that was set back to an earlier moment while it ran. It has given out numbers twice. It
opens a new feed, into which go all rows that no peer is sure to have, forgets its cursors, and fetches its own lost rows like any others. Until that is done it tells of the old feed. This is seen by numbers alone: it must reach a peer before
it has written more than it lost. What is signed anew has the position of that moment, like an edit. A node does it once a minute at most, lest a peer that talks nonsense fill the vectors.

# Strangers

A frame that cannot be read is counted and ignored; newer versions may have more kinds of them. What cannot be read of a row is the business of the store, which keeps it
aside, counts it, and passes it on.
*/
package replica
