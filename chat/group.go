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

// TypingGroup is the group of the layer that gets who is typing in a room: TypingNews. It is not RoomGroup, for it is not for everybody there, as not for who types.
func TypingGroup(room ID) string {
	return "typing." + room.Hex()
}

// UserGroup is the group of the layer that gets the private messages of a person, and who is writing one: Event and TypingEvent.
func UserGroup(user ID) string {
	return "user." + user.Hex()
}
