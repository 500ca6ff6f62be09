package web

import (
	"net/http"
	"strings"
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
// no address. A session has one for each page. Other nodes have none of it: a page that was asked for by a form's answer (see
// [madeNow]) and finds nothing says so.
type shownOnce struct {
	mu   sync.Mutex // guards what follows
	kept map[onceKey]*onceValue
}

type onceKey struct {
	session account.ID
	page    string
}

type onceValue struct {
	value any
	end   *time.Timer // forgets it
}

func newShownOnce() *shownOnce { return &shownOnce{kept: make(map[onceKey]*onceValue)} }

// keep holds a value for a page of who has made it, in place of one that was not fetched.
func (o *shownOnce) keep(session account.ID, page string, value any) {
	key, held := onceKey{session, page}, &onceValue{value: value}
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.kept[key]; old != nil {
		old.end.Stop()
	}
	o.kept[key] = held
	held.end = time.AfterFunc(onceWait, func() { o.forget(key, held) })
}

// forget drops a value, and not the one that has taken its place.
func (o *shownOnce) forget(key onceKey, held *onceValue) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept[key] == held {
		delete(o.kept, key)
	}
}

// takeOnce gives what was kept, the first time that it is asked for by a request whose answer is seen: that to HEAD is not.
func takeOnce[T any](o *shownOnce, r *http.Request, session account.ID, page string) (value T, ok bool) {
	if r.Method == http.MethodHead {
		return value, false
	}
	key := onceKey{session, page}
	o.mu.Lock()
	defer o.mu.Unlock()
	held := o.kept[key]
	if held == nil {
		return value, false
	}
	held.end.Stop()
	delete(o.kept, key)
	value, ok = held.value.(T)
	return value, ok
}

// madeNow is the query with which the answer to a form leads to the page that shows what was made.
const madeNow = "made"

// askedOnce says that a page was asked for to show what was made.
func askedOnce(r *http.Request) bool {
	return r.Method != http.MethodPost && r.URL.Query().Has(madeNow)
}

// lostAgain is for those to whom the page never shows what it should.
const lostAgain = "If that happens again, tell an administrator that each browser has to stay at one server."

// onRequest refuses browsers that fetch a page before anybody asks for it, and perhaps in vain: what it shows once would be used up. The status makes them
// fetch it again when it is asked for.
func (s *Server) onRequest(page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !isAhead(r) {
			page(w, r)
			return
		}
		plain(w, http.StatusServiceUnavailable, "this page may show something that is shown once, and is not fetched ahead")
	}
}

// isAhead says whether a browser guesses that somebody will ask for this: today's name of the header, with what it may add, and those of older ones.
func isAhead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, value := range r.Header.Values(name) {
			for one := range strings.FieldsFuncSeq(value, func(c rune) bool { return strings.ContainsRune(",; ", c) }) {
				if strings.EqualFold(one, "prefetch") || strings.EqualFold(one, "preview") {
					return true
				}
			}
		}
	}
	return false
}
