package chat

import "context"

// What is noted in an audit log, as kinds of events.
const (
	AuditRoomMade       = "room.made"
	AuditRoomChanged    = "room.changed"
	AuditMessageDeleted = "message.deleted" // by a moderator
)

// AuditNote is something that matters to whoever answers for this place.
type AuditNote struct {
	Kind   string // one of the Audit… constants
	Actor  ID     // who did it
	Target ID     // the room
	Detail string // for people: the name of the room, and what changed
}

func (c *Chat) note(ctx context.Context, kind string, who Person, room Room, detail string) {
	if c.audit != nil {
		c.audit(ctx, AuditNote{Kind: kind, Actor: who.ID, Target: room.ID, Detail: detail})
	}
}
