// Package chat holds the rules of rooms, messages and private messages: who may say, change and read what, and who is
// told.
//
// A [Chat] stands over a store, which keeps what was said, a channel layer, which carries what happens to those who
// listen, and a presence tracker, which knows who is where. What happens goes to these groups of the layer, as the
// frames of docs/protocol.md:
//
//   - [RoomGroup]: an [Event] for each state of each message in the room, and a [RoomEvent] when somebody comes or goes.
//   - [TypingGroup]: a [TypingNews] while somebody writes in the room.
//   - [UserGroup]: an [Event] for each state of each private message to and from a person, and a [TypingEvent] while somebody writes to them.
//   - [UsersGroup]: a [PresenceEvent] when somebody comes online or goes offline.
//   - [RoomsGroup]: a [CountEvent] when a room is made or the number of people in it changes.
//
// These rules always hold:
//
//   - A [Receipt] means that the message is on the disk. Posting the same id again gives a receipt again, and never a
//     second message.
//   - Every state of a message has a Seq, its place in the order of events, which only grows. Each group gets its
//     messages in that order, each state once, after it is on the disk.
//   - Whoever is in a room's group and then asks for its [Chat.Window] has missed nothing: a state of a message that
//     comes both ways has the same Seq, and the one with the greatest Seq is the message. After a break, a window
//     asked for with the greatest Seq that was seen holds exactly what was missed, or says that it does not.
//   - Nobody learns of private messages of others, not even that one exists. Guests read only rooms that are open to
//     them, and write nothing.
//   - Text is kept exactly as it came. What is marked up in it travels beside it, as spans, see [Parse].
//   - When publishing cannot keep up, posting becomes slower. Nothing that waits here grows without bound.
//
// Refusals are an [*Error] with a code of the protocol and words for the person; any other error is the server's fault.
package chat
