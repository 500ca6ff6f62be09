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
package presence
