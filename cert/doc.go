// Package cert has the certificates by which browsers know this server.
//
// There are three sources of them, and each is a [Source]:
//
//   - [Files] reads a certificate and its key, and reads them again when they change.
//   - [ACME] asks a public certificate authority, such as Let's Encrypt.
//   - [Internal] signs them with an authority of its own, for networks that no public authority can see.
//
// What always holds: a source that has once had a good certificate goes on with it while a new one cannot be had, and says so in the log;
// a new one takes effect with the next connection, and no open one is dropped. Nothing below TLS 1.2 is spoken.
//
// The package knows nothing of the rest of Snug. The authority of [Internal] is kept by a [Keeper], which makes it the same on all nodes.
package cert
