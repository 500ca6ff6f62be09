package chat

import (
	"context"
	"maps"
	"slices"

	"snug/presence"
)

// server is the place of the presence tracker that is everywhere; the other places are rooms, by the hex form of
// their ID.
const server = ""

// Enter says that a connection of who is in a room; the visit ends with it. Everybody in the room's group is told by a
// RoomEvent soon after the first connection. One who enters should be told too, as in the tutorial, so a socket joins
// the group before it calls Enter. A guest is nowhere: the visit is nil.
func (c *Chat) Enter(who Person, room Room) *presence.Visit {
	return c.enter(room.ID.Hex(), who)
}

// EnterServer says that a connection of who exists, wherever it is. Everybody in UsersGroup is told by a PresenceEvent
// soon after the first connection. A guest is not online: the visit is nil.
func (c *Chat) EnterServer(who Person) *presence.Visit {
	return c.enter(server, who)
}

func (c *Chat) enter(place string, who Person) *presence.Visit {
	if who.Guest() {
		return nil
	}
	c.people.know(who)
	return c.presence.Enter(place, who.ID.Hex())
}

// LogOut makes a person leave every room and go offline at once, without the linger of a connection that broke.
func (c *Chat) LogOut(user ID) {
	c.presence.Drop(user.Hex())
}

// Present returns the names of the people in a room, sorted.
func (c *Chat) Present(room Room) []string {
	ctx, cancel := queryContext(context.Background())
	defer cancel()
	names, err := c.namesAt(ctx, room.ID.Hex())
	if err != nil {
		c.log.Error("names of people in a room", "room", room.ID, "error", err)
	}
	return names
}

// Online returns the names of at most limit people who are online, sorted, and how many there are.
func (c *Chat) Online(ctx context.Context, limit int) (names []string, total int, err error) {
	names, err = c.namesAt(ctx, server)
	if err != nil {
		return nil, 0, fromStore(err, "list who is online")
	}
	return names[:min(len(names), max(limit, 0))], len(names), nil
}

// Recent calls tell for those who came online or went offline in the last half minute, at most a thousand, with the latest that was told of each. Nothing is told
// to UsersGroup meanwhile, so whoever joined that before has the last word. It is for pages: what happened between the making of one and
// its joining, nobody told it.
func (c *Chat) Recent(tell func(PresenceEvent)) {
	c.observer.telling.Lock()
	defer c.observer.telling.Unlock()
	told := make(map[string]struct{})
	for i := len(c.observer.recent) - 1; i >= 0; i-- {
		event := c.observer.recent[i]
		if _, again := told[event.Username]; again || c.now().Sub(c.observer.times[i]) > recentTime {
			continue
		}
		told[event.Username] = struct{}{}
		tell(event)
	}
}

// online returns who is online, of those who have an account here.
func (c *Chat) online() []ID {
	ctx, cancel := queryContext(context.Background())
	defer cancel()
	names, err := c.people.known(ctx, c.usersAt(server))
	if err != nil {
		c.log.Error("names of people online", "error", err)
	}
	return slices.Collect(maps.Keys(names))
}

func (c *Chat) usersAt(place string) []ID {
	users := c.presence.Users(place)
	ids := make([]ID, 0, len(users))
	for _, user := range users {
		if id, ok := parseHex(user); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// namesAt returns the names that it knows beside an error. Somebody whose row is not here yet, or never will be, is not among them: what another node
// says about who is there is not enough to be somebody.
func (c *Chat) namesAt(ctx context.Context, place string) ([]string, error) {
	byID, err := c.people.known(ctx, c.usersAt(place))
	names := make([]string, 0, len(byID))
	for _, name := range byID {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, err
}
