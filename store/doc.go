/*
Package store keeps everything durable in one SQLite file: users, sessions,
rooms, messages, last-seen times, and records: passkeys, tokens, invitations and
other small things that share a table ([Record]).

# Rows

A replicated row is whole state, not a change. It carries its [Origin]: who wrote
it last, and when. A feed is one life of one process; [Open] starts a new one with a
random ID, so a restored backup or a copied disk can never use a number twice. Seq
counts the rows of a feed without gaps, and (feed, seq) names a write for ever. The
[Stamp] is a hybrid logical clock: stamps only grow, over restarts too, and a write
is stamped later than the row it replaces, whatever the wall clock says. So the
later stamp is always the newer state.

Nothing undoes a deleted message, a revoked session or the end of a record. There
are no foreign keys: a message may come before its room.

# Merging

Nodes that each write alone come to the same tables by exchanging rows, in any
order and any number of times. [Store.Merge] joins a row with the one that is here:
a final state stays before others, then the later stamp (of a setting, which is made
once, the earlier; of a ruling on a user that which stands later), then the origin. What is not in the rows follows from them: who
of two has a name that both claimed, what counts of a user after all that was decided of
them ([Standing]), the last message of a conversation, the activity of a room.

[Store.Vector] says what a node has, [Store.RowsAfter] gives what another lacks of
it, [EncodeRow] and [DecodeRow] put rows into the form in which they travel, and
[Store.Adopt] notes that all of it has come. Fields and kinds of rows that only a
newer version knows are kept and passed on. [Store.Fingerprint] tells whether two
nodes have the same.

# Places

Each write of a replicated row gets the next place in this node's own order of
events, one order over all kinds of rows. Places are not replicated, and are only
compared under the same [Store.Log]. A reader that remembers a place asks
[Store.Since] for all that came after it; a watcher ([Store.Watch]) is told in
exactly that order.

# Group commit

All writes pass through one goroutine with one connection. It takes the writes that
wait, runs them in one transaction, syncs it to disk, tells the watchers, and
then answers the callers: a write that returned without error is on disk. Rows that
are merged are not waited for: others have them, and a power cut takes only the end of
the log, with what the vector says of it. [Store.Sync] brings them to the disk. Nothing
waits for company: a lone write is committed at once, and while it syncs the next
ones gather. The queue is bounded; when it is full, callers wait for a place or for
the end of their context. A write whose context ends while it waits may or may not
happen.

A write that is refused ([ErrNameTaken], [ErrConflict], [ErrNotFound]) has changed
nothing. If SQLite fails in the middle, the transaction is rolled back and its writes
are repeated one by one, so that only the culprit gets the error. On a full disk
writes return [ErrDiskFull], reads go on, and writes work again when there is space.

Reads use connections of their own, see the last commit, and never wait for a write.

# Files

The directory holds snug.db with its -wal and -shm, and snug.lock, which keeps
a second process out. Before an upgrade of the schema a copy is left beside the
database, named after the version it has. Deleted text is overwritten in the
database and leaves the write-ahead log a second later, or at [Store.Close].
*/
package store
