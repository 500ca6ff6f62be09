package chat

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"snug/store"
)

// Receipt says that a message is on the disk.
type Receipt struct {
	ID   ID
	Time int64 // when it was posted, in milliseconds since 1970
	Seq  int64 // its place in the order of events
	// OnlyHere says that another node was waited for and has not confirmed to have it too.
	OnlyHere bool
	// Again says that this message was posted before, and that nothing new was stored.
	Again bool
}

// receipt is given when the message is on the disk of this node, and where that was asked for on another's.
func (c *Chat) receipt(ctx context.Context, m *store.Message) Receipt {
	r := Receipt{ID: m.ID, Time: m.Posted.Millis(), Seq: m.Place}
	if c.confirm != nil {
		r.OnlyHere = !c.confirm(ctx, m.Origin)
	}
	return r
}

// pmUsage says how to send a private message from a room.
const pmUsage = "write /pm NAME TEXT to send a private message"

// Post says a text in a room. A text that begins with "/pm NAME" is sent to that person alone, as by Private.
//
// The id is made by who posts, as a UUIDv7, so that posting again after a break cannot make a second message; zero
// makes one here. Only its form is checked, not the time in it: the order of messages follows the server's own
// stamps, and a client whose clock is wrong must still be able to talk.
func (c *Chat) Post(ctx context.Context, who Person, room string, id ID, text string) (Receipt, error) {
	if target, rest, ok := cutCommand(text); ok {
		if target == "" || rest == "" {
			return Receipt{}, refuse(CodeBadField, pmUsage)
		}
		return c.Private(ctx, who, target, id, rest)
	}
	if err := c.checkPost(who, id, text); err != nil {
		return Receipt{}, err
	}
	found, err := c.RoomByName(ctx, room)
	if err != nil {
		return Receipt{}, err
	}
	return c.post(ctx, store.Message{ID: id, Room: found.ID, Author: who.ID, Text: text})
}

// Private says a text to one person, who may be the one who says it.
func (c *Chat) Private(ctx context.Context, who Person, target string, id ID, text string) (Receipt, error) {
	if err := c.checkPost(who, id, text); err != nil {
		return Receipt{}, err
	}
	other, err := c.person(ctx, target)
	if err != nil {
		return Receipt{}, err
	}
	return c.post(ctx, store.Message{ID: id, Room: store.PairID(who.ID, other.ID), Author: who.ID, Target: other.ID, Text: text})
}

func (c *Chat) post(ctx context.Context, m store.Message) (Receipt, error) {
	if m.ID.IsZero() {
		m.ID = store.NewID()
	}
	stored, created, err := c.store.PostMessage(ctx, m)
	if err != nil {
		return Receipt{}, fromStore(err, "post a message")
	}
	receipt := c.receipt(ctx, &stored)
	receipt.Again = !created
	return receipt, nil
}

// errSame ends a change that would change nothing, so that no row is written.
var errSame = errors.New("nothing to change")

// Edit gives one of one's own messages another text.
func (c *Chat) Edit(ctx context.Context, who Person, id ID, text string) (Receipt, error) {
	if err := c.checkText(text); err != nil {
		return Receipt{}, err
	}
	return c.change(ctx, who, id, func(m *store.Message) error {
		switch {
		case m.Deleted:
			return refuse(CodeNotFound, "that message was deleted")
		case m.Text == text:
			return errSame
		}
		m.Text = text
		m.Edited = c.now()
		return nil
	})
}

// Delete takes the text of one of one's own messages away. What stays is that there was one.
func (c *Chat) Delete(ctx context.Context, who Person, id ID) (Receipt, error) {
	return c.change(ctx, who, id, func(m *store.Message) error {
		if m.Deleted {
			return errSame
		}
		m.Text = ""
		m.Deleted = true
		return nil
	})
}

// change changes a message of who's. That a message exists is told only to those who may read it.
func (c *Chat) change(ctx context.Context, who Person, id ID, change func(*store.Message) error) (Receipt, error) {
	if who.Guest() {
		return Receipt{}, refuse(CodeForbidden, "log in to write")
	}
	var same store.Message
	m, err := c.store.UpdateMessage(ctx, id, func(m *store.Message) error {
		switch {
		case m.Author == who.ID:
		case !m.Target.IsZero() && m.Target != who.ID:
			return noMessage()
		default:
			return notYours()
		}
		err := change(m)
		if errors.Is(err, errSame) {
			same = *m
		}
		return err
	})
	switch {
	case errors.Is(err, errSame):
		return c.receipt(ctx, &same), nil
	case errors.Is(err, store.ErrNotFound):
		return Receipt{}, noMessage()
	case err != nil:
		return Receipt{}, fromStore(err, "change a message")
	}
	return c.receipt(ctx, &m), nil
}

func notYours() *Error {
	return refuse(CodeForbidden, "that message is not yours")
}

func noMessage() *Error {
	return refuse(CodeNotFound, "there is no such message")
}

// person looks up who has a name.
func (c *Chat) person(ctx context.Context, name string) (Person, error) {
	found, err := c.people.byName(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return Person{}, refuse(CodeNotFound, "there is nobody called %.150q", name)
	}
	return found, fromStore(err, "look up a person")
}

func (c *Chat) checkPost(who Person, id ID, text string) error {
	if who.Guest() {
		return refuse(CodeForbidden, "log in to write")
	}
	if err := checkID(id); err != nil {
		return err
	}
	return c.checkText(text)
}

func checkID(id ID) error {
	if !id.IsZero() && (id[6]>>4 != 7 || id[8]>>6 != 2) {
		return refuse(CodeBadField, "id must be a UUIDv7")
	}
	return nil
}

// checkText says why a text cannot be a message, if it cannot. What may be one is kept exactly.
func (c *Chat) checkText(text string) error {
	switch {
	case !utf8.ValidString(text):
		return refuse(CodeBadField, "the message is not valid UTF-8")
	case strings.IndexByte(text, 0) >= 0:
		return refuse(CodeBadField, "the message contains a NUL character")
	case !hasText(text):
		return refuse(CodeEmpty, "the message has no text")
	}
	// A text has at most as many characters as bytes.
	if len(text) > c.maxMessage {
		if n := utf8.RuneCountInString(text); n > c.maxMessage {
			return refuse(CodeTooLong, "the message has %d characters: at most %d are allowed", n, c.maxMessage)
		}
	}
	return nil
}

// cutCommand takes "/pm NAME TEXT" apart. The text is what follows the white space after the name; ok says that it
// is this command at all.
func cutCommand(text string) (name, rest string, ok bool) {
	after, ok := strings.CutPrefix(text, "/pm")
	if !ok || after != "" && !startsWithSpace(after) {
		return "", "", false
	}
	after = strings.TrimLeftFunc(after, unicode.IsSpace)
	end := strings.IndexFunc(after, unicode.IsSpace)
	if end < 0 {
		return after, "", true
	}
	return after[:end], strings.TrimLeftFunc(after[end:], unicode.IsSpace), true
}

func startsWithSpace(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}
