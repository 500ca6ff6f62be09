package web

import (
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"
)

// movePath is the only address to which a page of another origin may send a form.
const movePath = "/move/"

const (
	// maxMoveBody bounds the form of a page that comes from another node: a pass, and what the page keeps, in which escaping makes three bytes of one.
	maxMoveBody = 512 << 10
	// maxKept bounds what a page keeps. One that has more stays where it is, see move.mjs.
	maxKept = 128 << 10
)

// kept is what a page takes along: what was typed and is not stored yet, and what was read.
type kept struct {
	From   string            `json:"from"` // the name of the node that it leaves
	Outbox []keptPost        `json:"outbox"`
	Drafts map[string]string `json:"drafts"`
	Marks  *keptMarks        `json:"marks"`
}

// keptPost is a message that was not acknowledged. It is posted again under the same id.
type keptPost struct {
	ID      string    `json:"id"`
	Place   keptPlace `json:"place"`
	Text    string    `json:"text"`
	Time    int64     `json:"time"`
	State   string    `json:"state"`
	Problem *string   `json:"problem"`
	Command string    `json:"command,omitempty"`
}

type keptPlace struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// keptMarks say when each private conversation was last read.
type keptMarks struct {
	Since int64            `json:"since"`
	Users map[string]int64 `json:"users"`
}

// moveBoot is what the script of the page keeps before it goes on.
type moveBoot struct {
	Me   string `json:"me"`
	Next string `json:"next"`
	Kept kept   `json:"kept"`
}

// postMove lets a page go on here whose own node does not answer. What it brings is in the body alone: no address, log or Referer has it. The answer is
// a page and not a redirect, because what was typed is to be kept by the browser, not by this server.
func (s *Server) postMove(w http.ResponseWriter, r *http.Request) {
	if s.moves == nil {
		s.fail(w, r, errNoPage)
		return
	}
	if !s.readForm(w, r) {
		return
	}
	next := nextPath(r.PostForm.Get("next"))
	k, err := decodeKept(r.PostForm.Get("kept"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.letIn(r)
	if err != nil {
		s.logger.Warn("page of another node was not let in", "origin", loggedOrigin(r), "error", err)
		s.fail(w, r, err)
		return
	}
	s.setCookie(w, r, v.token, lifeOf(v.brief))
	next = base(r) + next[1:]
	s.render(w, r, http.StatusOK, "move", MovePage{
		Page: s.page(r, "Moving", v), Next: next, Boot: moveBoot{Me: v.user.Name, Next: next, Kept: k},
	})
}

// letIn finds whose session a pass is for. A pass that leads to no session is not used up: the session may be on its way here.
func (s *Server) letIn(r *http.Request) (*visitor, error) {
	origins := r.Header.Values("Origin")
	if len(origins) != 1 {
		return nil, errCrossOrigin
	}
	now := time.Now()
	a, err := s.moves.open(r.PostForm.Get("pass"), origins[0], now)
	if err != nil {
		return nil, err
	}
	v, err := s.visitorByToken(r.Context(), a.token)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, errPass
	}
	return v, s.moves.spend(a, now)
}

func decodeKept(text string) (kept, error) {
	var k kept
	if text == "" {
		return k, nil
	}
	if len(text) > maxKept || !utf8.ValidString(text) || json.Unmarshal([]byte(text), &k) != nil {
		return k, errForm
	}
	return k, nil
}
