package web

import (
	"context"
	"sync"

	"snug/chat"
	"snug/layer"
)

// typing tells the sockets of this node who is typing in the rooms where they are. One channel of the layer hears it for all of them, and leaves out those of who
// types: a filter before each socket would cost every message that goes there, for the sake of frames that come seldom.
type typing struct {
	layer   layer.Layer
	channel string
	stop    func()

	mu    sync.Mutex // guards rooms; held over calls of the layer, which never block, so that the membership in a group is as rooms says
	rooms map[chat.ID]map[*peer]struct{}
}

func newTyping(ly layer.Layer) (*typing, error) {
	channel, err := ly.NewChannel(context.Background(), "typing") // it lives as long as the server
	if err != nil {
		return nil, err
	}
	t := &typing{layer: ly, channel: channel, rooms: make(map[chat.ID]map[*peer]struct{})}
	t.stop, err = ly.Listen(channel, t)
	return t, err
}

// add has a socket told who is typing in a room.
func (t *typing) add(ctx context.Context, room chat.ID, p *peer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	there := t.rooms[room]
	if there == nil {
		if err := t.layer.GroupAdd(ctx, chat.TypingGroup(room), t.channel); err != nil {
			return err
		}
		there = make(map[*peer]struct{})
		t.rooms[room] = there
	}
	there[p] = struct{}{}
	return nil
}

// remove is the opposite, also for a socket that was never told.
func (t *typing) remove(room chat.ID, p *peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	there := t.rooms[room]
	if _, told := there[p]; !told {
		return
	}
	delete(there, p)
	if len(there) == 0 {
		delete(t.rooms, room)
		_ = t.layer.GroupDiscard(context.Background(), chat.TypingGroup(room), t.channel) // only a layer that is closed refuses
	}
}

// refresh renews the memberships, which the layer forgets otherwise.
func (t *typing) refresh(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for room := range t.rooms {
		if err := t.layer.GroupAdd(ctx, chat.TypingGroup(room), t.channel); err != nil {
			return err
		}
	}
	return nil
}

// Deliver implements layer.Listener.
func (t *typing) Deliver(m *layer.Message) error {
	var news chat.TypingNews
	if err := m.Decode(&news); err != nil {
		return err
	}
	frame, err := layer.NewMessage(news.Event)
	if err != nil {
		return err
	}
	for _, p := range t.others(news.Room, news.Person) {
		_ = p.conn.Deliver(frame) // where it has no room, nothing is lost that counts: the socket is not cut for it
	}
	return nil
}

// Full implements layer.Listener. It is never called: Deliver always has room.
func (t *typing) Full() {}

// others are the sockets in a room that are not those of who types.
func (t *typing) others(room, person chat.ID) []*peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	others := make([]*peer, 0, len(t.rooms[room]))
	for p := range t.rooms[room] {
		if p.visitor.user.ID != person {
			others = append(others, p)
		}
	}
	return others
}
