package chat

// The types of frames that chat publishes; docs/protocol.md shows each.
const (
	TypeMessage   = "chat_message"
	TypePrivate   = "private_message"
	TypeDelivered = "private_message_delivered"
	TypeEdited    = "message_edited"
	TypeDeleted   = "message_deleted"
	TypeJoin      = "user_join"
	TypeLeave     = "user_leave"
	TypePresence  = "presence"
	TypeRoom      = "room"
	TypeRoomGone  = "room_deleted"
	TypeTyping    = "typing"
)

// Event is one state of a message, as a frame: TypeMessage, TypePrivate, TypeDelivered, TypeEdited or TypeDeleted.
// Either Room or Target is set.
type Event struct {
	Type    string `json:"type"`
	Room    string `json:"room,omitempty"`
	User    string `json:"user"`
	Target  string `json:"target,omitempty"`
	Message string `json:"message"`
	Body    Body   `json:"body,omitempty"` // only where the text is more than plain words
	ID      ID     `json:"id"`
	Time    int64  `json:"time"`
	Edited  int64  `json:"edited,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
	Hook    string `json:"hook,omitempty"` // the name of the webhook that posted it; User is then made of it, and nobody's
	Seq     int64  `json:"seq"`
}

// RoomEvent says that somebody came into a room or left it: TypeJoin or TypeLeave.
type RoomEvent struct {
	Type string `json:"type"`
	Room string `json:"room"`
	User string `json:"user"`
}

// PresenceEvent says that somebody came online or went offline: TypePresence.
type PresenceEvent struct {
	Type       string `json:"type"`
	Username   string `json:"username"`
	IsLoggedIn bool   `json:"is_logged_in"`
	LastSeen   int64  `json:"last_seen,omitempty"`  // only of those who went offline
	RenamedTo  string `json:"renamed_to,omitempty"` // the name that the person has from now on: nobody has this one any more
}

// TypingEvent says that somebody is writing in a room, or to Target: TypeTyping. Either Room or Target is set.
type TypingEvent struct {
	Type   string `json:"type"`
	Room   string `json:"room,omitempty"`
	User   string `json:"user"`
	Target string `json:"target,omitempty"`
}

// TypingNews is what a TypingGroup gets: what is to be told, of whom, and where. The ids are not for clients.
type TypingNews struct {
	Type   string      `json:"type"`
	Room   ID          `json:"room_id"`
	Person ID          `json:"person_id"` // who is not told
	Event  TypingEvent `json:"event"`
}

// GoneEvent says that a room was deleted: TypeRoomGone.
type GoneEvent struct {
	Type string `json:"type"`
	Room string `json:"room"`
}

// CountEvent says how many people are in a room: TypeRoom.
type CountEvent struct {
	Type  string `json:"type"`
	Room  string `json:"room"`
	Users int    `json:"users"`
}
