package web

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"snug/account"
	"snug/chat"
)

// hookPath is where the addresses of webhooks begin. What follows is a secret: it is never logged, see loggedPath.
const hookPath = "/hook/"

// hookPost is what a program sends to a webhook. Fields that are not here are ignored, for programs made for other places
// send many.
type hookPost struct {
	Text string `json:"text"`
	ID   string `json:"id"` // a UUIDv7, so that a retry is the same message
	// Attachments are how programs made for Slack may send what they have to say.
	Attachments []struct {
		Fallback string `json:"fallback"`
		Text     string `json:"text"`
	} `json:"attachments"`
}

// hookDone says that a webhook's message is stored. Programs made for Slack look at ok.
type hookDone struct {
	OK bool `json:"ok"`
	receiptAnswer
}

// postHook posts what a program sends into the room of a webhook. Who knows the address may: there is no other proof.
func (s *Server) postHook(w http.ResponseWriter, r *http.Request) {
	receipt, err := s.hooked(w, r)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, hookDone{
		OK: true, receiptAnswer: receiptAnswer{ID: receipt.ID.String(), Time: receipt.Time, Seq: receipt.Seq, OnlyHere: receipt.OnlyHere},
	})
}

func (s *Server) hooked(w http.ResponseWriter, r *http.Request) (chat.Receipt, error) {
	hook, err := s.chat.Hook(r.Context(), r.PathValue("secret"))
	if err != nil {
		// Whoever guesses is counted by address, so that guessing costs us little.
		if errLimit := s.calls.take(w.Header(), "address "+account.AddressKey(address(r)), time.Now()); errLimit != nil {
			return chat.Receipt{}, errLimit
		}
		return chat.Receipt{}, err
	}
	if err := s.calls.take(w.Header(), "hook "+hook.ID.String(), time.Now()); err != nil {
		return chat.Receipt{}, err
	}
	if err := s.talk.take(hook.ID, time.Now()); err != nil {
		return chat.Receipt{}, err
	}
	body, err := readHook(r)
	if err != nil {
		return chat.Receipt{}, err
	}
	var id chat.ID
	if body.ID != "" {
		if id, err = messageID("id", &body.ID); err != nil {
			return chat.Receipt{}, err
		}
	}
	return s.chat.PostHook(r.Context(), hook, id, body.words())
}

// words is the text of a post, or what its attachments say where it has none.
func (p *hookPost) words() string {
	if p.Text != "" {
		return p.Text
	}
	var all []string
	for _, a := range p.Attachments {
		switch {
		case a.Text != "":
			all = append(all, a.Text)
		case a.Fallback != "":
			all = append(all, a.Fallback)
		}
	}
	return strings.Join(all, "\n")
}

// readHook reads JSON, a form with JSON in its field payload as older programs for Slack send it, or plain text.
func readHook(r *http.Request) (*hookPost, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "text/plain":
		return &hookPost{Text: string(content)}, nil
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(content))
		if err != nil || !form.Has("payload") {
			return nil, badFrame(`The form must have a field "payload" that holds JSON with "text". To send plain text, say so: Content-Type: text/plain.`)
		}
		return decodeHook([]byte(form.Get("payload")))
	case "application/json":
		return decodeHook(content)
	}
	return nil, errHookType
}

func decodeHook(content []byte) (*hookPost, error) {
	var body hookPost
	if trimmed := bytes.TrimLeft(content, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(content, &body) != nil {
		return nil, badFrame(`The body must be one JSON object with the text in "text".`)
	}
	return &body, nil
}
