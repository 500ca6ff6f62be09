// Package presence knows who is online, and where.
//
// Somebody is present in a place while at least one live connection of theirs is there, however many tabs and devices
// that is. A [Tracker] turns connections that come and go into people who come and go:
//
//   - [Tracker.Enter] counts one more connection and gives its [Visit]. The first one makes the user present.
//   - [Visit.Leave] is for a connection that broke. After the last one the user stays present for the linger, so that
//     reloading a page or losing the network for a moment does not flicker.
//   - [Visit.LeaveNow] is for somebody who said goodbye: no linger.
//   - [Tracker.Drop] is for somebody who logged out: gone from everywhere at once, whatever connections still exist.
//
// These rules always hold:
//
//   - [Tracker.Users], [Tracker.Count] and [Tracker.Present] are exact at every moment.
//   - Each watcher hears of a user in a place in turn: entered, left, entered, left; never the same twice.
//   - Watchers are called one at a time, in order, on a goroutine of the Tracker, and with no lock held, so they may
//     call the Tracker. A slow watcher delays other watchers and nobody else: what it has not heard yet is kept once for
//     each user and place, and a user who came and left meanwhile is not mentioned at all.
//   - A user and a place cost memory only while somebody is there.
//
// Places and users are opaque strings to this package. The place "" is by custom the whole server.
//
// # Several nodes
//
// Trackers on several nodes that are given an [Options.Port] are one: all know who is present on any of them. Each owns the
// connections to its node and tells the others who is there for them, and nobody else does. Then these rules hold besides:
//
//   - A user who is on several nodes is present once, and is gone when the last node says so.
//   - What happens on a node is known on all that it has a link to as soon as the news arrives, normally within
//     milliseconds, and within [mesh.Pace] more where much happens.
//   - Users who were only on a node that died, or that is out of reach, leave when the mesh says that it is down. On its return
//     exactly those are present who are there then: its new life replaces all that was known of the old.
//   - Watchers hear of a user in turn, as ever, and of the union of all nodes: somebody who changes from one node to another
//     while both are linked is not mentioned, if the new connection comes first or within the linger.
//   - Drop reaches those nodes that have a link at that moment. On others the user stays until their connections there end,
//     which is then the business of whoever knows why the user was dropped.
//
// A place and a user together may have [mesh.MaxKey] - 1 bytes, and the place no byte 0; others do not leave this node.
//
// Without a port none of this runs.
package presence
