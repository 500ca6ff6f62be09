package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"snug/store"
)

// MaxRooms is how many rooms a list of rooms holds at most.
const MaxRooms = 500

// Room is a place to talk.
type Room struct {
	ID      ID
	Name    string
	Creator ID
	Created time.Time
	Guests  bool // people without an account may read
}

// ModeratedBy reports whether a person may change the room's settings: who made it, and admins.
func (r Room) ModeratedBy(who Person, admin bool) bool {
	return !who.Guest() && (admin || who.ID == r.Creator)
}

// RoomInfo is a room in a list of rooms.
type RoomInfo struct {
	Name  string `json:"room"`
	Users int    `json:"users"`
}

// OpenRoom returns the room of that name, and makes it if it is new and who is logged in. One that was deleted does not
// come back by a link or a page that was left open: it is CodeGone. MakeRoom is for who wants it on purpose.
func (c *Chat) OpenRoom(ctx context.Context, who Person, name string) (Room, error) {
	room, _, err := c.openRoom(ctx, who, name, c.store.OpenRoom)
	if errors.Is(err, store.ErrGone) {
		err = roomGone(name)
	}
	return room, err
}

// MakeRoom is OpenRoom, makes another room where one of that name was deleted, and says whether one was made.
func (c *Chat) MakeRoom(ctx context.Context, who Person, name string) (room Room, made bool, err error) {
	return c.openRoom(ctx, who, name, c.store.ReopenRoom)
}

// openRoom finds a room, or has it made.
func (c *Chat) openRoom(
	ctx context.Context, who Person, name string, open func(context.Context, store.Room) (store.Room, bool, error),
) (room Room, made bool, err error) {
	room, err = c.RoomByName(ctx, name)
	var refusal *Error
	switch {
	case err == nil:
		return room, false, c.mayRead(who, room)
	case who.Guest() || !errors.As(err, &refusal) || (refusal.Code != CodeNotFound && refusal.Code != CodeGone):
		return Room{}, false, err
	}
	now := c.now()
	giveBack, err := c.making.take(who.ID, now)
	if err != nil {
		return Room{}, false, err
	}
	shown, key, err := roomName(name)
	if err != nil {
		return Room{}, false, err
	}
	row, created, err := open(ctx, store.Room{Name: shown, Key: key, Creator: who.ID, Created: now})
	if err != nil || !created {
		giveBack()
	}
	if err != nil {
		return Room{}, false, fromStore(err, "open a room")
	}
	room = c.rooms.put(&row)
	if created {
		c.note(ctx, AuditRoomMade, who, room, room.Name)
	}
	return room, created, nil
}

// RoomByName returns the room of that name.
func (c *Chat) RoomByName(ctx context.Context, name string) (Room, error) {
	key, err := RoomName(name)
	if err != nil {
		return Room{}, err
	}
	room, err := c.rooms.byKey(ctx, key)
	return room, noRoom(err, name)
}

// noRoom says of a room that was looked for why there is none.
func noRoom(err error, name string) error {
	switch {
	case errors.Is(err, store.ErrGone):
		return roomGone(name)
	case errors.Is(err, store.ErrNotFound):
		return refuse(CodeNotFound, "there is no room called %.64q", name)
	}
	return fromStore(err, "look up a room")
}

func roomGone(name string) *Error {
	return &Error{Code: CodeGone, Message: fmt.Sprintf("the room %.64q was deleted, with all that was said in it", name), cause: store.ErrGone}
}

// AddRoom makes a room that is nobody's: only administrators moderate it. One that there is already is CodeConflict.
func (c *Chat) AddRoom(ctx context.Context, name string) (Room, error) {
	shown, key, err := roomName(name)
	if err != nil {
		return Room{}, err
	}
	row, created, err := c.store.ReopenRoom(ctx, store.Room{Name: shown, Key: key, Created: c.now()})
	if err != nil {
		return Room{}, fromStore(err, "add a room")
	}
	if !created {
		return Room{}, refuse(CodeConflict, "there is a room called %.64q already", row.Name)
	}
	return c.rooms.put(&row), nil
}

// DeleteRoom deletes the room of that name, and all that was said in it, for good. Who may is for the caller to know.
func (c *Chat) DeleteRoom(ctx context.Context, name string) (Room, error) {
	found, err := c.RoomByName(ctx, name)
	if err != nil {
		return Room{}, err
	}
	return found, c.DeleteFound(ctx, found)
}

// DeleteFound is [Chat.DeleteRoom] for a room that was found before, and never deletes another one of its name that was made since.
func (c *Chat) DeleteFound(ctx context.Context, room Room) error {
	row, err := c.store.DeleteRoom(ctx, room.ID)
	if err != nil {
		return noRoom(err, room.Name)
	}
	c.rooms.put(&row)
	return nil
}

// SetGuests says whether people without an account may read a room. Only who made the room and admins may.
func (c *Chat) SetGuests(ctx context.Context, who Person, admin bool, room string, allowed bool) (Room, error) {
	found, err := c.moderated(ctx, who, admin, room)
	if err != nil {
		return Room{}, err
	}
	row, err := c.store.UpdateRoom(ctx, found.ID, func(r *store.Room) error {
		r.Guests = allowed
		return nil
	})
	if err != nil {
		return Room{}, fromStore(err, "change a room")
	}
	changed := c.rooms.put(&row)
	if allowed != found.Guests {
		detail := changed.Name + ": people without an account may not read it"
		if allowed {
			detail = changed.Name + ": people without an account may read it"
		}
		c.note(ctx, AuditRoomChanged, who, changed, detail)
	}
	return changed, nil
}

// Rooms lists at most limit rooms (and at most MaxRooms): those with people in them first, then those where something
// was said last.
func (c *Chat) Rooms(ctx context.Context, limit int) ([]RoomInfo, error) {
	if limit <= 0 || limit > MaxRooms {
		limit = MaxRooms
	}
	rows, err := c.store.Rooms(ctx, limit)
	if err != nil {
		return nil, fromStore(err, "list rooms")
	}
	occupied := c.observer.occupied()
	var full, empty []RoomInfo
	for i := range rows {
		room := c.rooms.put(&rows[i])
		delete(occupied, room.ID)
		if n := c.presence.Count(room.ID.Hex()); n > 0 {
			full = append(full, RoomInfo{room.Name, n})
		} else {
			empty = append(empty, RoomInfo{room.Name, 0})
		}
	}
	// A room can have people in it and be so quiet that it is not among the rows.
	for id := range occupied {
		if len(full) >= limit {
			break
		}
		room, err := c.rooms.byID(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fromStore(err, "list rooms")
		}
		if n := c.presence.Count(id.Hex()); n > 0 {
			full = append(full, RoomInfo{room.Name, n})
		}
	}
	list := slices.Concat(full, empty)
	return list[:min(len(list), limit)], nil
}

// RoomsByName lists rooms in the order of their keys, at most limit of them (and at most MaxRooms). Next is the after of
// the next page, empty on the last.
func (c *Chat) RoomsByName(ctx context.Context, after string, limit int) (rooms []Room, next string, err error) {
	if limit <= 0 || limit > MaxRooms {
		limit = MaxRooms
	}
	rows, err := c.store.RoomsByKey(ctx, after, limit+1)
	if err != nil {
		return nil, "", fromStore(err, "list rooms")
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Key
	}
	for i := range rows {
		rooms = append(rooms, c.rooms.put(&rows[i]))
	}
	return rooms, next, nil
}

// Here is how many people are in a room.
func (c *Chat) Here(room Room) int { return c.presence.Count(room.ID.Hex()) }

// mayRead refuses guests where the room is not open to them.
func (c *Chat) mayRead(who Person, room Room) error {
	if who.Guest() && !room.Guests {
		return refuse(CodeForbidden, "log in to read this room")
	}
	return nil
}

// readable looks at the room as it is now, because a caller may hold one from long ago.
func (c *Chat) readable(ctx context.Context, who Person, room Room) (Room, error) {
	now, err := c.rooms.byID(ctx, room.ID)
	if err != nil {
		return Room{}, noRoom(err, room.Name)
	}
	return now, c.mayRead(who, now)
}
