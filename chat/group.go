package chat

// The groups of the layer that everybody may read.
const (
	UsersGroup = "users" // PresenceEvent
	RoomsGroup = "rooms" // CountEvent, GoneEvent
)

// RoomGroup is the group of the layer that gets what happens in a room: Event, RoomEvent and GoneEvent.
func RoomGroup(room ID) string {
	return "room." + room.Hex()
}

// UserGroup is the group of the layer that gets the private messages of a person: Event.
func UserGroup(user ID) string {
	return "user." + user.Hex()
}
