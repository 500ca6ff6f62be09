package web

import (
	"sync"
	"time"

	"snug/account"
)

// onceWait is how long what is shown once waits for the page that shows it: a slow network, and not a person.
const onceWait = time.Minute

// What is shown once, by the page that shows it.
const (
	onceInvitation = "invitation"
	onceToken      = "token"
	onceCodes      = "recovery codes"
	onceHook       = "webhook of " // and the id of its room
)

// shownOnce holds what a form has made and nobody may see twice, such as the link of an invitation, on its way to the page that
// shows it. The form's answer sends the browser to that page, so that a reload makes nothing again; and a secret stands in
// no address. A session has one for each page.
type shownOnce struct {
	mu   sync.Mutex // guards what follows
	kept map[onceKey]onceValue
}

type onceKey struct {
	session account.ID
	page    string
}

type onceValue struct {
	value any
	until time.Time
}

func newShownOnce() *shownOnce { return &shownOnce{kept: make(map[onceKey]onceValue)} }

// keep holds a value for a page of who has made it, in place of one that was not fetched.
func (o *shownOnce) keep(session account.ID, page string, value any, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, old := range o.kept {
		if !now.Before(old.until) {
			delete(o.kept, key)
		}
	}
	o.kept[onceKey{session, page}] = onceValue{value, now.Add(onceWait)}
}

// takeOnce gives what was kept, the first time that it is asked for.
func takeOnce[T any](o *shownOnce, session account.ID, page string, now time.Time) (value T, ok bool) {
	key := onceKey{session, page}
	o.mu.Lock()
	defer o.mu.Unlock()
	held, ok := o.kept[key]
	delete(o.kept, key)
	if !ok || !now.Before(held.until) {
		return value, false
	}
	value, ok = held.value.(T)
	return value, ok
}
