package web

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"snug/account"
	"snug/chat"
)

const (
	// ticketLife is how long a ticket can be used: the time from asking for it to opening the socket.
	ticketLife = 30 * time.Second
	// maxTickets and maxUserTickets bound what is kept for tickets that nobody uses; an honest client has one.
	maxTickets     = 10_000
	maxUserTickets = 50
)

var errTickets = &trouble{
	status: http.StatusTooManyRequests, code: chat.CodeRateLimited, heading: "Too many tickets",
	text: "There are too many unused tickets. Wait half a minute and try again.", wait: ticketLife,
}

// tickets are one-time passes to open a socket, for programs that cannot send a cookie with the upgrade. They are
// lost when the server stops, as are the sockets.
type tickets struct {
	mu      sync.Mutex
	waiting map[string]ticket  // by what the client holds
	users   map[account.ID]int // how many each person has waiting
}

type ticket struct {
	user    account.ID
	token   string // of the session or access token that asked
	expires time.Time
}

func newTickets() *tickets {
	return &tickets{waiting: make(map[string]ticket), users: make(map[account.ID]int)}
}

// issue makes a ticket for a visitor.
func (t *tickets) issue(v *visitor, now time.Time) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) >= maxTickets || t.users[v.user.ID] >= maxUserTickets {
		t.sweep(now)
		if len(t.waiting) >= maxTickets || t.users[v.user.ID] >= maxUserTickets {
			return "", errTickets
		}
	}
	secret := rand.Text()
	t.waiting[secret] = ticket{user: v.user.ID, token: v.token, expires: now.Add(ticketLife)}
	t.users[v.user.ID]++
	return secret, nil
}

// redeem uses a ticket up and returns the secret that it stands for: of a session, or an access token.
func (t *tickets) redeem(secret string, now time.Time) (token string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	held, ok := t.waiting[secret]
	if !ok {
		return "", false
	}
	t.drop(secret, held)
	return held.token, now.Before(held.expires)
}

// sweep forgets tickets that were never used. The lock is held.
func (t *tickets) sweep(now time.Time) {
	for secret, held := range t.waiting {
		if !now.Before(held.expires) {
			t.drop(secret, held)
		}
	}
}

func (t *tickets) drop(secret string, held ticket) {
	delete(t.waiting, secret)
	if t.users[held.user]--; t.users[held.user] <= 0 {
		delete(t.users, held.user)
	}
}

// clean is sweep for who does not hold the lock.
func (t *tickets) clean(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
}

// ticketAnswer is what a program gets for a POST to /ws/ticket/.
type ticketAnswer struct {
	Ticket    string `json:"ticket"`
	ExpiresIn int    `json:"expires_in"` // seconds
}

func (s *Server) postTicket(w http.ResponseWriter, r *http.Request) {
	v, err := s.caller(r)
	switch {
	case err != nil:
	case v == nil:
		err = errNotLoggedIn
	case !v.may(account.ScopeRead):
		err = errScope(account.ScopeRead)
	}
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	secret, err := s.tickets.issue(v, time.Now())
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, ticketAnswer{Ticket: secret, ExpiresIn: int(ticketLife.Seconds())})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader may be gone; nothing to do about it
}
