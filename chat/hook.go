package chat

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"snug/store"
)

const (
	// HookPrefix begins the secret of every webhook, so that people and programs that look for leaked secrets know one.
	HookPrefix = "snug_hook_"
	// MaxHooks is how many webhooks a room has at most.
	MaxHooks = 20

	maxHookName = 32 // characters, after NFC
	// maxHookNameBytes refuses what is far too long before it is normalised, see maxRoomNameBytes.
	maxHookNameBytes = maxHookName * utf8.UTFMax * 3
	// maxHookSecret is the longest secret that is looked up, in bytes.
	maxHookSecret = 100
)

// Hook is a webhook: an address by which a program posts into one room, under a name of its own.
type Hook struct {
	ID      ID
	Name    string
	Room    ID
	By      ID     // who made it
	ByName  string // what they are called
	Created time.Time
}

// hookBody is what a webhook's record says beside its columns.
type hookBody struct {
	Name string `json:"name"`
	By   ID     `json:"by"`
}

// hookUser is what stands where the name of a person would. No person has such a name, for none has a space in it, so
// that a webhook cannot pose as somebody even where a client knows nothing of webhooks.
func hookUser(name string) string {
	return name + " (webhook)"
}

// HookName checks the name of a webhook and returns it in NFC: 1 to 32 letters, digits, spaces, and - _ . between.
func HookName(s string) (string, error) {
	if len(s) > maxHookNameBytes || !utf8.ValidString(s) {
		return "", badHookName()
	}
	name := norm.NFC.String(strings.TrimSpace(s))
	if name == "" || utf8.RuneCountInString(name) > maxHookName || strings.Contains(name, "  ") {
		return "", badHookName()
	}
	marks := maxMarks // a name cannot begin with a mark
	for _, r := range name {
		switch {
		case strings.ContainsRune("-_. ", r) || (unicode.IsLetter(r) || unicode.IsNumber(r)) && !invisible(r):
			marks = 0
		case unicode.In(r, unicode.Mn, unicode.Mc) && !invisible(r) && marks < maxMarks:
			marks++
		default:
			return "", badHookName()
		}
	}
	return name, nil
}

func badHookName() *Error {
	return refuse(CodeBadField, "a webhook cannot have that name: use letters, digits, single spaces and - _ . between, at most %d of them", maxHookName)
}

// CreateHook makes a webhook of a room, and the secret with which it is used. The secret is not stored, so this is the
// only time that it is told. Only who made the room and admins may.
func (c *Chat) CreateHook(ctx context.Context, who Person, admin bool, room, name string) (secret string, made Hook, err error) {
	found, err := c.moderated(ctx, who, admin, room)
	if err != nil {
		return "", Hook{}, err
	}
	if name, err = HookName(name); err != nil {
		return "", Hook{}, err
	}
	body, err := json.Marshal(hookBody{name, who.ID})
	if err != nil {
		return "", Hook{}, fmt.Errorf("make a webhook: %w", err)
	}
	secret = HookPrefix + rand.Text()
	record, err := c.store.CreateRecord(ctx, store.NewRecord{
		Record: store.Record{Kind: store.KindHook, Owner: found.ID, Key: hookKey(secret), Created: c.now(), Body: string(body)},
		Most:   MaxHooks,
	})
	if errors.Is(err, store.ErrFull) {
		return "", Hook{}, refuse(CodeForbidden, "this room has %d webhooks, and more are not allowed: revoke one that is not used", MaxHooks)
	}
	if err != nil {
		return "", Hook{}, fromStore(err, "make a webhook")
	}
	made, err = hookOf(&record)
	made.ByName = who.Name
	return secret, made, err
}

// Hooks lists the webhooks of a room that are not revoked, oldest first.
func (c *Chat) Hooks(ctx context.Context, who Person, admin bool, room string) ([]Hook, error) {
	found, err := c.moderated(ctx, who, admin, room)
	if err != nil {
		return nil, err
	}
	records, err := c.store.RecordsOf(ctx, store.KindHook, found.ID)
	if err != nil {
		return nil, fromStore(err, "list webhooks")
	}
	var hooks []Hook
	var makers []ID
	for i := range records {
		if records[i].Final {
			continue
		}
		hook, err := hookOf(&records[i])
		if err != nil {
			return nil, err
		}
		hooks, makers = append(hooks, hook), append(makers, hook.By)
	}
	names, err := c.people.names(ctx, makers)
	if err != nil {
		return nil, err
	}
	for i := range hooks {
		hooks[i].ByName = names[hooks[i].By]
	}
	return hooks, nil
}

// RevokeHook ends a webhook of a room for good. What it has posted stays.
func (c *Chat) RevokeHook(ctx context.Context, who Person, admin bool, room string, id ID) (Hook, error) {
	found, err := c.moderated(ctx, who, admin, room)
	if err != nil {
		return Hook{}, err
	}
	var revoked Hook
	_, err = c.store.UpdateRecord(ctx, store.KindHook, id, func(r *store.Record) error {
		if r.Owner != found.ID || r.Final {
			return store.ErrNotFound
		}
		var err error
		revoked, err = hookOf(r)
		r.Final = true
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Hook{}, refuse(CodeNotFound, "this room has no such webhook")
	}
	return revoked, fromStore(err, "revoke a webhook")
}

// Hook finds a webhook by its secret.
func (c *Chat) Hook(ctx context.Context, secret string) (Hook, error) {
	if len(secret) > maxHookSecret || !strings.HasPrefix(secret, HookPrefix) {
		return Hook{}, noHook()
	}
	record, err := c.store.RecordByKey(ctx, store.KindHook, hookKey(secret))
	if errors.Is(err, store.ErrNotFound) || err == nil && record.Final {
		return Hook{}, noHook()
	}
	if err != nil {
		return Hook{}, fromStore(err, "look up a webhook")
	}
	return hookOf(&record)
}

// PostHook says a text in the room of a webhook, in its name. Nothing in the text is a command. The id is as for Post.
func (c *Chat) PostHook(ctx context.Context, hook Hook, id ID, text string) (Receipt, error) {
	if err := checkID(id); err != nil {
		return Receipt{}, err
	}
	if err := c.checkText(text); err != nil {
		return Receipt{}, err
	}
	_, err := c.rooms.byID(ctx, hook.Room)
	if errors.Is(err, store.ErrNotFound) {
		return Receipt{}, noHook() // it came from another node before its room
	}
	if err != nil {
		return Receipt{}, fromStore(err, "look up a room")
	}
	return c.post(ctx, store.Message{ID: id, Room: hook.Room, Author: hook.ID, Hook: hook.Name, Text: text})
}

// DeletePosted takes the text of a message away that a webhook has posted. Who moderates the room may.
func (c *Chat) DeletePosted(ctx context.Context, who Person, admin bool, id ID) (Receipt, error) {
	m, err := c.store.MessageByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Receipt{}, noMessage()
	}
	if err != nil {
		return Receipt{}, fromStore(err, "look up a message")
	}
	room, err := c.rooms.byID(ctx, m.Room)
	switch {
	case m.Hook == "" || errors.Is(err, store.ErrNotFound):
		return Receipt{}, notYours()
	case err != nil:
		return Receipt{}, fromStore(err, "look up a room")
	case !room.ModeratedBy(who, admin):
		return Receipt{}, notYours()
	}
	deleted := m.Deleted
	m, err = c.store.UpdateMessage(ctx, id, func(m *store.Message) error {
		m.Deleted = true
		return nil
	})
	if err != nil {
		return Receipt{}, fromStore(err, "delete a message")
	}
	if !deleted {
		c.note(ctx, AuditMessageDeleted, who, room, fmt.Sprintf("in %s, posted by the webhook %s", room.Name, m.Hook))
	}
	return c.receipt(ctx, &m), nil
}

// moderated finds a room whose settings who may change.
func (c *Chat) moderated(ctx context.Context, who Person, admin bool, room string) (Room, error) {
	found, err := c.RoomByName(ctx, room)
	if err != nil {
		return Room{}, err
	}
	if !found.ModeratedBy(who, admin) {
		return Room{}, refuse(CodeForbidden, "only who made this room and admins may change its settings")
	}
	return found, nil
}

func noHook() *Error {
	return refuse(CodeNotFound, "there is no such webhook: it may have been revoked")
}

func hookOf(r *store.Record) (Hook, error) {
	var body hookBody
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		return Hook{}, fmt.Errorf("read webhook %s: %w", r.ID, err)
	}
	return Hook{ID: r.ID, Name: body.Name, Room: r.Owner, By: body.By, Created: r.Created}, nil
}

// hookKey is what is stored of a secret. It has enough chance in it that a plain hash cannot be undone.
func hookKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// peopleOf are the IDs of the people whose names a message shows.
func peopleOf(m *store.Message) []ID {
	if m.Hook != "" {
		return nil
	}
	return []ID{m.Author, m.Target}
}
