package chat

import "context"

// rename is somebody who has another name from now on: because they chose it, or because somebody on another node had
// claimed it before.
type rename struct {
	user     ID
	from, to string
}

// takeRenames gives the renames that nobody was told of, in the order in which they came.
func (p *people) takeRenames() []rename {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.renames
	p.renames = nil
	return taken
}

// renamed tells everybody of a new name: clients of our own by a field, those of the tutorial as if one went and another
// came.
func (o *observer) renamed(ctx context.Context, r rename) {
	o.telling.Lock()
	defer o.telling.Unlock()
	user, now := r.user.Hex(), o.chat.now()
	o.chat.send(ctx, UsersGroup, PresenceEvent{
		Type: TypePresence, Username: r.from, LastSeen: now.UnixMilli(), RenamedTo: r.to,
	})
	if !o.chat.presence.Present(server, user) {
		return
	}
	o.chat.send(ctx, UsersGroup, PresenceEvent{Type: TypePresence, Username: r.to, IsLoggedIn: true})
	for id := range o.occupied() {
		if !o.chat.presence.Present(id.Hex(), user) {
			continue
		}
		if room, ok := o.chat.knownRoom(ctx, id); ok {
			o.chat.send(ctx, RoomGroup(id), RoomEvent{Type: TypeLeave, Room: room.Name, User: r.from})
			o.chat.send(ctx, RoomGroup(id), RoomEvent{Type: TypeJoin, Room: room.Name, User: r.to})
		}
	}
}
