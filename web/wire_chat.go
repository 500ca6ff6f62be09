package web

// Frames of /ws/chat/<room>/, see docs/protocol.md. What else the server sends are events of package chat.

// chatFrame is all that a client sends.
type chatFrame struct {
	Message *string `json:"message"`
	ID      *string `json:"id"`
}

// userListFrame comes first: who was already here.
type userListFrame struct {
	Type  string   `json:"type"`
	Room  string   `json:"room"`
	Users []string `json:"users"`
}
