// Package socket holds the WebSockets of a server, and delivers one message to thousands of them cheaply.
//
// A program calls [Hub.Serve] in an HTTP handler, with a function that makes a [Consumer] for the new [Conn]. The Conn
// is a listener of a channel layer: listen with it on a channel, add the channel to groups, and what is sent to the
// groups goes out on the socket.
//
// These rules always hold:
//
//   - Receive is called for one frame at a time, in order. Closed is called exactly once for each Consumer, after the
//     last Receive, however the socket ended.
//   - Messages go out in the order in which they were delivered, each as one text frame. None is skipped: a reader
//     that is so slow that its outbox fills, or that takes longer than WriteWait for one write, is cut off. Nobody ever
//     waits for it.
//   - A message to few sockets goes out at once. Where more than 64 get one, the next may wait for as long as that took, 5 ms
//     at most, so that messages share writes. What is for one socket alone (Send, Close), and the first message after a
//     frame of its client, never waits for that.
//   - After Close or CloseIf nothing that the client sends is received any more.
//   - A connection whose client does not answer pings ends after PongWait.
//   - A client that floods it with pings or pongs is cut off.
//   - The frame of a message is made once, however many sockets it goes to, and a delivery allocates nothing.
//
// The upgrade, the reading and the pings are done by melody. Data goes past it, to the network connection itself:
// melody writes every message on its own, and drops what does not fit in its queue, the close frame as well. See
// outbox.go for what waits, drainers.go for who writes it, and wire.go for how.
package socket
