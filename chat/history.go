package chat

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"snug/store"
)

const (
	// WindowSize is how many messages are shown of a room at first, and for each step back.
	WindowSize = 50
	// MaxHistory is how many messages one call for history returns at most.
	MaxHistory = 100
	// MaxMissed is how many states of messages are made up for after a break. Reading and sending more costs more than
	// showing the room anew.
	MaxMissed = 500
	// MaxConversations is how many conversations an inbox holds, and a page of them at most.
	MaxConversations = 100

	// maxAnswer bounds the frames of one answer, in bytes on the wire. A text can be written so that its frame is twelve
	// times as long, and a few dozen of them would fill the queue of everybody who opens the room.
	maxAnswer = 512 << 10
	// maxPreview is how many characters of its last message an inbox shows of a conversation.
	maxPreview = 200
)

// Window is what a client shows of a room when it comes in or back. Its fields are those of the joined frame.
type Window struct {
	Messages  []Event `json:"messages"`
	More      bool    `json:"more"` // there are older messages
	Seq       int64   `json:"seq"`
	Log       string  `json:"log"`
	Recovered bool    `json:"recovered"`
}

// Conversation is the private talk with one person, in an Inbox.
type Conversation struct {
	User    string `json:"user"`
	Online  bool   `json:"online"`
	Time    int64  `json:"time"`
	From    string `json:"from"`    // who wrote the last message: the other, or who asks
	Message string `json:"message"` // the beginning of the last one's text
}

// Inbox is what a client shows of private messages. Its fields are those of the inbox frame.
type Inbox struct {
	Conversations []Conversation `json:"conversations"`
	Messages      []Event        `json:"messages"`
	Seq           int64          `json:"seq"`
	Log           string         `json:"log"`
	Recovered     bool           `json:"recovered"`
}

// Window returns what has happened in a room since the place after in the order of events log, in order of Seq, and
// says that this recovered the room. Where it cannot say exactly (another log, a place that this log has not reached,
// more than MaxMissed states or of more than fits in an answer, or no after) it returns the last WindowSize messages,
// oldest first, or as many of them as fit. Everything up to Window.Seq is in it; to miss nothing, a client is in the
// room's group before it asks.
func (c *Chat) Window(ctx context.Context, who Person, room Room, after int64, log string) (Window, error) {
	room, err := c.readable(ctx, who, room)
	if err != nil {
		return Window{}, err
	}
	w := Window{Log: c.store.Log()}
	if c.recoverable(after, log) {
		missed, seq, err := c.store.Since(ctx, room.ID, after, MaxMissed+1)
		if err != nil {
			return Window{}, fromStore(err, "read what was missed")
		}
		if after <= seq && len(missed) <= MaxMissed {
			events, err := c.events(ctx, missed, room.Name)
			if err != nil {
				return Window{}, err
			}
			if overflow(events) == 0 {
				w.Recovered, w.Seq, w.Messages = true, seq, events
				return w, nil
			}
		}
	}
	latest, more, seq, err := c.store.Latest(ctx, room.ID, WindowSize)
	if err != nil {
		return Window{}, fromStore(err, "read the last messages")
	}
	events, err := c.events(ctx, latest, room.Name)
	if err != nil {
		return Window{}, err
	}
	tooMany := overflow(events)
	w.Seq, w.More, w.Messages = seq, more || tooMany > 0, events[tooMany:]
	return w, nil
}

// History returns the messages of a room before the one of that id, oldest first; a zero id is the end. There are fewer
// than limit, and more, if they are very long.
func (c *Chat) History(ctx context.Context, who Person, room Room, before ID, limit int) (msgs []Event, more bool, err error) {
	room, err = c.readable(ctx, who, room)
	if err != nil {
		return nil, false, err
	}
	return c.history(ctx, room.ID, room.Name, before, limit)
}

// PrivateHistory returns the messages between who and another person, as History does.
func (c *Chat) PrivateHistory(ctx context.Context, who Person, other string, before ID, limit int) (msgs []Event, more bool, err error) {
	pair, err := c.pair(ctx, who, other)
	if err != nil {
		return nil, false, err
	}
	return c.history(ctx, pair, "", before, limit)
}

// Newer returns the messages of a room after the one of that id, oldest first. There are fewer than limit, and more, if
// they are very long.
func (c *Chat) Newer(ctx context.Context, who Person, room Room, after ID, limit int) (msgs []Event, more bool, err error) {
	room, err = c.readable(ctx, who, room)
	if err != nil {
		return nil, false, err
	}
	return c.newer(ctx, room.ID, room.Name, after, limit)
}

// PrivateNewer returns the messages between who and another person, as Newer does.
func (c *Chat) PrivateNewer(ctx context.Context, who Person, other string, after ID, limit int) (msgs []Event, more bool, err error) {
	pair, err := c.pair(ctx, who, other)
	if err != nil {
		return nil, false, err
	}
	return c.newer(ctx, pair, "", after, limit)
}

// pair is the room of two people's conversation, for one of them to read.
func (c *Chat) pair(ctx context.Context, who Person, other string) (ID, error) {
	if who.Guest() {
		return ID{}, refuse(CodeForbidden, "log in to read private messages")
	}
	person, err := c.person(ctx, other)
	if err != nil {
		return ID{}, err
	}
	return store.PairID(who.ID, person.ID), nil
}

func (c *Chat) newer(ctx context.Context, room ID, name string, after ID, limit int) ([]Event, bool, error) {
	if limit <= 0 {
		limit = WindowSize
	}
	rows, more, err := c.store.HistoryAfter(ctx, room, after, min(limit, MaxHistory))
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, noMessage()
	}
	if err != nil {
		return nil, false, fromStore(err, "read history")
	}
	events, err := c.events(ctx, rows, name)
	if err != nil {
		return nil, false, err
	}
	fit := fitting(events)
	return events[:fit], more || fit < len(events), nil
}

func (c *Chat) history(ctx context.Context, room ID, name string, before ID, limit int) ([]Event, bool, error) {
	if limit <= 0 {
		limit = WindowSize
	}
	rows, more, err := c.store.History(ctx, room, before, min(limit, MaxHistory))
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, noMessage()
	}
	if err != nil {
		return nil, false, fromStore(err, "read history")
	}
	events, err := c.events(ctx, rows, name)
	if err != nil {
		return nil, false, err
	}
	tooMany := overflow(events)
	return events[tooMany:], more || tooMany > 0, nil
}

// overflow is how many of the first events have to be left out so that the others fit in an answer. The last always
// fits.
func overflow(events []Event) int {
	most := 0
	for i := range events {
		most += maxFrame(&events[i])
	}
	if most <= maxAnswer {
		return 0
	}
	size := 0
	for i := len(events) - 1; i >= 0; i-- {
		frame, err := json.Marshal(&events[i])
		if size += len(frame); err == nil && size > maxAnswer && i < len(events)-1 {
			return i + 1
		}
	}
	return 0
}

// fitting is how many of the first events fit in an answer. The first always fits.
func fitting(events []Event) int {
	size := 0
	for i := range events {
		if size += maxFrame(&events[i]); size <= maxAnswer {
			continue
		}
		// That was the most that they can have. They rarely do.
		size = 0
		for i := range events {
			frame, err := json.Marshal(&events[i])
			if size += len(frame); err == nil && size > maxAnswer && i > 0 {
				return i
			}
		}
		break
	}
	return len(events)
}

// maxFrame is more than the frame of an event can have: a character is six bytes at worst and stands in it twice, once
// in spans, and around it are names and numbers.
func maxFrame(e *Event) int {
	return 12*len(e.Message) + 2*maxName*utf8.UTFMax + 512
}

// preview is the beginning of a text.
func preview(text string) string {
	n := 0
	for at := range text {
		if n == maxPreview {
			return text[:at] + "…"
		}
		n++
	}
	return text
}

// Inbox returns who's private conversations, the latest first. With after and log, as for Window, it returns what who
// missed as well; without them Messages is empty.
func (c *Chat) Inbox(ctx context.Context, who Person, after int64, log string) (Inbox, error) {
	if who.Guest() {
		return Inbox{}, refuse(CodeForbidden, "log in to read private messages")
	}
	// What is committed by now is in what is read from now on.
	in := Inbox{Conversations: []Conversation{}, Messages: []Event{}, Seq: c.store.Seq(), Log: c.store.Log()}
	if c.recoverable(after, log) {
		missed, seq, err := c.store.PrivateSince(ctx, who.ID, after, MaxMissed+1)
		if err != nil {
			return Inbox{}, fromStore(err, "read what was missed")
		}
		if after <= seq && len(missed) <= MaxMissed {
			events, err := c.events(ctx, missed, "")
			if err != nil {
				return Inbox{}, err
			}
			if overflow(events) == 0 {
				in.Recovered, in.Seq, in.Messages = true, seq, events
			}
		}
	}
	list, _, err := c.Conversations(ctx, who, ID{}, MaxConversations)
	if err != nil {
		return Inbox{}, err
	}
	in.Conversations = append(in.Conversations, list...)
	return in, nil
}

// Conversations returns at most limit of who's private conversations (and at most MaxConversations), the latest first. Next
// is the after of the next page, zero on the last.
func (c *Chat) Conversations(ctx context.Context, who Person, after ID, limit int) (list []Conversation, next ID, err error) {
	if who.Guest() {
		return nil, ID{}, refuse(CodeForbidden, "log in to read private messages")
	}
	if limit <= 0 || limit > MaxConversations {
		limit = MaxConversations
	}
	rows, err := c.store.Conversations(ctx, who.ID, after, limit+1)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ID{}, noMessage()
	}
	if err != nil {
		return nil, ID{}, fromStore(err, "read conversations")
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Last.ID
	}
	ids := make([]ID, 0, 2*len(rows))
	for i := range rows {
		ids = append(ids, rows[i].Other, rows[i].Last.Author)
	}
	names, err := c.people.names(ctx, ids)
	if err != nil {
		return nil, ID{}, err
	}
	for i := range rows {
		list = append(list, Conversation{
			User:    names[rows[i].Other],
			Online:  c.presence.Present(server, rows[i].Other.Hex()),
			Time:    rows[i].Last.Posted.Millis(),
			From:    names[rows[i].Last.Author],
			Message: preview(rows[i].Last.Text),
		})
	}
	return list, next, nil
}

// recoverable reports whether after may be a place in this order of events. One that the log turns out not to have
// reached was given out by nobody.
func (c *Chat) recoverable(after int64, log string) bool {
	return after > 0 && c.store.GoesOn(log, after)
}

// events turns rows of history into frames: chat_message with the name of the room, or private_message where the row
// has a target.
func (c *Chat) events(ctx context.Context, rows []store.Message, room string) ([]Event, error) {
	ids := make([]ID, 0, 2*len(rows))
	for i := range rows {
		ids = append(ids, peopleOf(&rows[i])...)
	}
	names, err := c.people.names(ctx, ids)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(rows))
	for i := range rows {
		events[i] = c.event(ctx, &rows[i], room, names)
	}
	return events, nil
}

// event is the frame of a message in history.
func (c *Chat) event(ctx context.Context, m *store.Message, room string, names map[ID]string) Event {
	e := Event{
		Type:    TypeMessage,
		Room:    room,
		User:    names[m.Author],
		Message: m.Text,
		Body: Parse(m.Text, func(name string) (string, bool) {
			return c.people.mentioned(ctx, name)
		}),
		ID:      m.ID,
		Time:    m.Posted.Millis(),
		Deleted: m.Deleted,
		Seq:     m.Place,
	}
	if m.Hook != "" {
		e.User, e.Hook = hookUser(m.Hook), m.Hook
	}
	if !m.Target.IsZero() {
		e.Type, e.Room, e.Target = TypePrivate, "", names[m.Target]
	}
	if !m.Edited.IsZero() && !m.Deleted {
		e.Edited = m.Edited.UnixMilli()
	}
	return e
}
