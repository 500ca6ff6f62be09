// Package account knows who people are: users, passwords and sessions.
//
// A person signs up with a name and a password, logs in with them, and is known from then on by the token of a
// session. Rules that always hold:
//
//   - Two names that differ only in case, width or Unicode form are one name ([Key]).
//   - A password is kept only as an argon2id hash and a session token only as its SHA-256. Neither is ever in a
//     [User] or a [Session].
//   - A log-in with an unknown name costs the same hash, and gets the same answer, as one with a wrong password.
//   - At most as many passwords are hashed at once as there are processors; the others wait, until their context ends.
//   - A session that was revoked, and every session of a disabled user, is refused from the moment that the change is
//     committed, whoever made it: the cache follows the store.
//   - A token of another site ([Pass]) is believed only under the algorithm of that site's key, and never for longer than
//     it says. Why one is refused is for the log ([TokenError]).
//   - The first administrator is made with a one-time token, never by being the first to sign up.
//
// # Throttling
//
// Log-ins take from two buckets: one of the account, one of the address. Each holds Options.LoginsPerMinute and refills
// at that rate. A log-in that succeeds gives back what it took, so only failures count, and people behind one address
// do not spend each other's: when the bucket is empty only because others are logging in just now, one waits for them. An IPv6 address counts by its /64, which is what one customer has.
//
// Somebody with many addresses is stopped by the bucket of the account. That must not lock the owner out, so two things
// soften it: the bucket refills a little every few seconds and never locks for longer; and an address from which
// that account has a session is not held by it, but has a bucket of its own for that account.
//
// Sign-ups that make an account take from a bucket of the address that refills over an hour. A form that comes
// back with errors costs nothing.
package account
