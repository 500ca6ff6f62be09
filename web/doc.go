// Package web is what people and their programs see of Snug: pages, sockets and health.
//
// A [Server] is an http.Handler. These rules hold for every address:
//
//   - Pages are forms and lists that work without a script; only the chat screen needs one. Addresses in them are
//     relative, so that Snug may stand under any name, port or path.
//   - Nothing changes state for a page of another site: forms are checked by http.CrossOriginProtection, sockets by
//     their origin, and the Host header must be a name of ours, an address in numbers or localhost.
//   - Text is text. Templates escape it, no script or style stands in a page, and the content security policy has no
//     exception.
//   - One table in errors.go says what each error means to a browser and to a socket.
//   - A socket ends with its session: at once where somebody ends it, soon where it runs out. Until then it is a listener on the channel layer, a member of the groups
//     of its room and its person, and a visit in the presence tracker; all of that is undone when it closes.
//
// The three socket protocols are in docs/protocol.md, whose examples are held against this package by its tests.
package web
