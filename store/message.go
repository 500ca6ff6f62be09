package store

import "time"

// Message is something said in a room or to one person. Deleted is sticky, and
// a deleted message has no text.
type Message struct {
	Header
	ID      ID
	Room    ID // the room, or the conversation ([PairID]) of a private message
	Author  ID
	Target  ID // the other person of a private message, else zero
	Posted  Stamp
	Text    string
	Edited  time.Time // zero: never
	Deleted bool
}

// Conversation is the private talk with one other person.
type Conversation struct {
	Other ID
	Last  Message
}
