package web

import (
	"encoding/json"

	"snug/chat"
)

// Frames of /ws/, see docs/protocol.md. First what clients send.

// envelope is what every frame of a client may have.
type envelope struct {
	Type string
	Ref  json.RawMessage // a number or a string as it was sent, nil without one
}

type joinFrame struct {
	Room  string `json:"room"`
	After int64  `json:"after"`
	Log   string `json:"log"`
}

type leaveFrame struct {
	Room string `json:"room"`
}

type postFrame struct {
	Room    string  `json:"room"`
	ID      *string `json:"id"`
	Message *string `json:"message"`
}

type privateFrame struct {
	User    string  `json:"user"`
	ID      *string `json:"id"`
	Message *string `json:"message"`
}

// typingFrame says that the person is writing, in a room or to somebody.
type typingFrame struct {
	Room string `json:"room"`
	User string `json:"user"`
}

type editFrame struct {
	ID      *string `json:"id"`
	Message *string `json:"message"`
}

type deleteFrame struct {
	ID *string `json:"id"`
}

type historyFrame struct {
	Room   string  `json:"room"`
	User   string  `json:"user"`
	Before *string `json:"before"`
}

type inboxFrame struct {
	After int64  `json:"after"`
	Log   string `json:"log"`
}

// Then what the server sends, beside the events of package chat.

type helloFrame struct {
	Type    string      `json:"type"`
	User    string      `json:"user"`
	Version string      `json:"version"`
	Log     string      `json:"log"`
	Limits  limitsFrame `json:"limits"`
}

// limitsFrame tells a client what it may send.
type limitsFrame struct {
	MessageCharacters int `json:"message_characters"`
	// TypingSeconds is how often one typing frame for one conversation is of use.
	TypingSeconds int `json:"typing_seconds"`
}

type ackFrame struct {
	Type string          `json:"type"`
	Ref  json.RawMessage `json:"ref,omitempty"`
	ID   string          `json:"id,omitempty"`
	Time int64           `json:"time,omitempty"`
	Seq  int64           `json:"seq,omitempty"`
	// OnlyHere is set where the message should be on another node too, and is not yet.
	OnlyHere bool `json:"only_here,omitempty"`
}

type joinedFrame struct {
	Type        string          `json:"type"`
	Ref         json.RawMessage `json:"ref,omitempty"`
	Room        string          `json:"room"`
	Users       []string        `json:"users"`
	Messages    []chat.Event    `json:"messages"`
	More        bool            `json:"more"`
	Seq         int64           `json:"seq"`
	Log         string          `json:"log"`
	Recovered   bool            `json:"recovered"`
	CanModerate bool            `json:"can_moderate,omitempty"`
}

type historyAnswer struct {
	Type     string          `json:"type"`
	Ref      json.RawMessage `json:"ref,omitempty"`
	Room     string          `json:"room,omitempty"`
	User     string          `json:"user,omitempty"`
	Messages []chat.Event    `json:"messages"`
	More     bool            `json:"more"`
}

type roomsAnswer struct {
	Type  string          `json:"type"`
	Ref   json.RawMessage `json:"ref,omitempty"`
	Rooms []chat.RoomInfo `json:"rooms"`
}

type usersAnswer struct {
	Type  string          `json:"type"`
	Ref   json.RawMessage `json:"ref,omitempty"`
	Users []string        `json:"users"`
	Total int             `json:"total"`
}

type inboxAnswer struct {
	Type          string              `json:"type"`
	Ref           json.RawMessage     `json:"ref,omitempty"`
	Conversations []chat.Conversation `json:"conversations"`
	Messages      []chat.Event        `json:"messages"`
	Seq           int64               `json:"seq"`
	Log           string              `json:"log"`
	Recovered     bool                `json:"recovered"`
}

// nodesFrame tells where else this place can be opened, in case this node dies.
type nodesFrame struct {
	Type      string          `json:"type"`
	Ref       json.RawMessage `json:"ref,omitempty"`
	Node      string          `json:"node,omitempty"` // the name of this one
	Nodes     []nodeFrame     `json:"nodes"`
	Move      string          `json:"move,omitempty"`       // the pass with which another node lets this session in
	ExpiresIn int             `json:"expires_in,omitempty"` // seconds, of the pass
}

type nodeFrame struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// errorFrame is the same on all sockets.
type errorFrame struct {
	Type       string          `json:"type"`
	Ref        json.RawMessage `json:"ref,omitempty"`
	Code       string          `json:"code"`
	Message    string          `json:"message"`
	RetryAfter int             `json:"retry_after,omitempty"`
}

// list makes an absent list an empty one: [] on the wire, not null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
