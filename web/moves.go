package web

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"snug/chat"
)

const (
	// moveLife is how long a pass is good. Pages renew theirs twice a minute, so it bounds what a stolen one is worth; it also bounds how far clocks of
	// two nodes may differ for a page to go from one to the other.
	moveLife = 10 * time.Minute
	// moveAhead is how far the clock of the node that made a pass may be ahead.
	moveAhead = moveLife
	// maxPass is the longest pass that is looked at, in bytes.
	maxPass = 1024
	// maxSpent bounds what is remembered of used passes. Only who holds a good one adds to it.
	maxSpent = 100_000
	// movePurpose makes the keys of passes other ones than all else has.
	movePurpose = "passes for pages that move to another node"
)

var (
	errPass = &trouble{
		status: http.StatusForbidden, code: chat.CodeForbidden, heading: "Log in to go on here",
		text:  "The server that you came from does not answer, and what it gave your browser to be let in here does not hold.",
		label: "Log in", path: "log_in/",
	}
	errManyPasses = &trouble{
		status: http.StatusServiceUnavailable, code: chat.CodeUnavailable, heading: "Too many come at once",
		text: "Many pages are coming here from another server. Log in, or go back and try again in a moment.", wait: 10 * time.Second,
	}
)

// moves makes and takes passes. A pass lets a page of one node go on with its session at another, for the cookie that holds the session belongs to one
// host. It holds the session's token, sealed so that the page cannot read it, and the origin of the page that it was made for: no other page can use it.
type moves struct {
	keys func(purpose string) [][]byte

	mu    sync.Mutex // guards what follows
	spent map[[chacha20poly1305.NonceSizeX]byte]time.Time
}

// pass is what is sealed.
type pass struct {
	Token   string `json:"token"`
	Origin  string `json:"origin"`
	Expires int64  `json:"expires"` // milliseconds since 1970, on the clock of who made it
}

// accepted is a pass that was opened.
type accepted struct {
	token   string
	number  [chacha20poly1305.NonceSizeX]byte
	expires time.Time
}

func newMoves(keys func(string) [][]byte) *moves {
	return &moves{keys: keys, spent: make(map[[chacha20poly1305.NonceSizeX]byte]time.Time)}
}

// seal makes a pass for a page of that origin.
func (m *moves) seal(token, origin string, now time.Time) (string, error) {
	plain, err := json.Marshal(pass{Token: token, Origin: origin, Expires: now.Add(moveLife).UnixMilli()})
	if err != nil {
		return "", err
	}
	aead, err := chacha20poly1305.NewX(m.keys(movePurpose)[0])
	if err != nil {
		return "", err
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	rand.Read(nonce) // long enough that none comes twice
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, nil)), nil
}

// open reads a pass that a page of that origin brings. It does not use it up.
func (m *moves) open(sealed, origin string, now time.Time) (accepted, error) {
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(sealed) > maxPass || len(data) < chacha20poly1305.NonceSizeX || origin == "" {
		return accepted{}, errPass
	}
	number := [chacha20poly1305.NonceSizeX]byte(data)
	plain, err := m.unseal(data[:len(number)], data[len(number):])
	if err != nil {
		return accepted{}, errPass
	}
	var p pass
	if err := json.Unmarshal(plain, &p); err != nil || p.Origin != origin {
		return accepted{}, errPass
	}
	expires := time.UnixMilli(p.Expires)
	if !now.Before(expires) || expires.Sub(now) > moveLife+moveAhead {
		return accepted{}, errPass
	}
	return accepted{token: p.Token, number: number, expires: expires}, nil
}

func (m *moves) unseal(nonce, sealed []byte) ([]byte, error) {
	for _, key := range m.keys(movePurpose) {
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil, err
		}
		if plain, err := aead.Open(nil, nonce, sealed, nil); err == nil {
			return plain, nil
		}
	}
	return nil, errors.New("sealed with no key of ours")
}

// spend uses a pass up: it is taken once. A node that starts anew forgets those it took, and they expire.
func (m *moves) spend(a accepted, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, used := m.spent[a.number]; used {
		return errPass
	}
	if len(m.spent) >= maxSpent {
		m.sweep(now)
		if len(m.spent) >= maxSpent {
			return errManyPasses
		}
	}
	m.spent[a.number] = a.expires
	return nil
}

// sweep forgets passes that have expired. The lock is held.
func (m *moves) sweep(now time.Time) {
	for number, expires := range m.spent {
		if !now.Before(expires) {
			delete(m.spent, number)
		}
	}
}

// clean is sweep for who does not hold the lock.
func (m *moves) clean(now time.Time) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
}
