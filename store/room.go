package store

import "time"

// Room is a place to talk. Its ID follows from its key, see [RoomID].
type Room struct {
	Header
	ID      ID
	Name    string
	Key     string
	Creator ID
	Created time.Time
	Guests  bool // people without an account may enter
}
