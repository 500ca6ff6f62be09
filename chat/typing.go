package chat

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"snug/layer"
)

const (
	// TypingPause is how often somebody is told of as typing in one conversation. What comes sooner says nothing new.
	TypingPause = 2 * time.Second
	// maxTypingRoom is up to how many people in a room are told who types. In a larger one, everybody who types would cost a frame to everybody there every few
	// seconds, far more than what is said there, and nearly always several type at once, which is no news to anybody.
	maxTypingRoom = 50
	// maxTypingPlaces is in how many conversations one person can type within TypingPause: on a phone and a desk, and changing from one room to another.
	maxTypingPlaces = 4
	// maxTypists bounds the people whose last typing is remembered. One more is not told of.
	maxTypists = 10_000
)

// Typing says that somebody is writing in a room. It is only of the moment: nothing is stored, it has no place in the order of events, and it may be lost. Who may
// post may say it; said too often, or where too many people are, nobody is told, and that is no error.
func (c *Chat) Typing(ctx context.Context, who Person, room string) error {
	if who.Guest() {
		return refuse(CodeForbidden, "log in to write")
	}
	found, err := c.RoomByName(ctx, room)
	if err != nil || c.Here(found) > maxTypingRoom || !c.typing.take(who.ID, found.ID, c.now()) {
		return err
	}
	name, err := c.nameOf(ctx, who)
	if err != nil {
		return err
	}
	return c.sendCommon(ctx, TypingGroup(found.ID), TypingNews{
		Type: TypeTyping, Room: found.ID, Person: who.ID,
		Event: TypingEvent{Type: TypeTyping, Room: found.Name, User: name},
	})
}

// TypingTo is Typing in the conversation with one person, who alone is told. Nobody is told that they write to themselves.
func (c *Chat) TypingTo(ctx context.Context, who Person, target string) error {
	if who.Guest() {
		return refuse(CodeForbidden, "log in to write")
	}
	other, err := c.person(ctx, target)
	if err != nil || other.ID == who.ID || !c.typing.take(who.ID, other.ID, c.now()) {
		return err
	}
	name, err := c.nameOf(ctx, who)
	if err != nil {
		return err
	}
	return c.sendCommon(ctx, UserGroup(other.ID), TypingEvent{Type: TypeTyping, User: name, Target: other.Name})
}

// sendCommon tells the members of a group on all nodes: once each node that has some.
func (c *Chat) sendCommon(ctx context.Context, group string, event any) error {
	m, err := layer.NewMessage(event)
	if err == nil {
		err = c.common.GroupSend(ctx, group, m)
	}
	if err != nil {
		return fmt.Errorf("tell who is typing: %w", err)
	}
	return nil
}

// nameOf is the name that somebody has by now: a connection knows the one that they had when it was opened.
func (c *Chat) nameOf(ctx context.Context, who Person) (string, error) {
	names, err := c.people.names(ctx, []ID{who.ID})
	return names[who.ID], fromStore(err, "look up who is typing")
}

// typists remembers who was told of as typing a moment ago, and where.
type typists struct {
	mu     sync.Mutex // guards what follows
	people map[ID]*[maxTypingPlaces]typed
	pruned time.Time
}

type typed struct {
	place ID
	at    time.Time
}

// isRecent says that it was less than TypingPause ago.
func (t typed) isRecent(now time.Time) bool { return now.Sub(t.at) < TypingPause }

func newTypists() *typists {
	return &typists{people: make(map[ID]*[maxTypingPlaces]typed)}
}

// take reports whether somebody is to be told of as typing in a place: not where they were a moment ago, nor in too many places at once.
func (t *typists) take(who, place ID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	places := t.people[who]
	if places == nil {
		if len(t.people) >= maxTypists {
			t.prune(now)
		}
		if len(t.people) >= maxTypists {
			return false
		}
		places = new([maxTypingPlaces]typed)
		t.people[who] = places
	}
	free := -1
	for i, last := range places {
		switch {
		case !last.isRecent(now):
			free = i
		case last.place == place:
			return false
		}
	}
	if free < 0 {
		return false
	}
	places[free] = typed{place, now}
	return true
}

// prune forgets who has not typed for a while. So many people are looked through once in that time at most.
func (t *typists) prune(now time.Time) {
	if now.Sub(t.pruned) < TypingPause {
		return
	}
	t.pruned = now
	for who, places := range t.people {
		if !slices.ContainsFunc(places[:], func(last typed) bool { return last.isRecent(now) }) {
			delete(t.people, who)
		}
	}
}
