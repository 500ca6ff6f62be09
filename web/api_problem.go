package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"snug/chat"
)

// Codes of problems that the sockets do not know, see docs/api.md.
const (
	codeUnauthorized = "unauthorized"
	codeScope        = "scope"
	codeMethod       = "method"
	codeMediaType    = "media_type"
	codeTooLarge     = "too_large"
	codeCrossOrigin  = "cross_origin"
	codeHost         = "unknown_host"
)

var (
	errAPINobody = &trouble{
		status: http.StatusUnauthorized, code: codeUnauthorized,
		text: "Send a token: Authorization: Bearer TOKEN. People make tokens in their settings.",
	}
	errAPICredentials = &trouble{
		status: http.StatusUnauthorized, code: codeUnauthorized,
		text: "This token or session is unknown, expired or revoked. People make tokens in their settings.",
	}
	errAPIPath = &trouble{
		status: http.StatusNotFound, code: chat.CodeNotFound,
		text: "The API has no such address. " + apiPath + "openapi.json lists them all; none of them ends with a slash.",
	}
	errUnknownHost = &trouble{
		status: http.StatusMisdirectedRequest, code: codeHost,
		text: "This server does not know the name that you call it by. Call it by its address in numbers, or add the name to server.names in its configuration.",
	}
	errMediaType = &trouble{
		status: http.StatusUnsupportedMediaType, code: codeMediaType,
		text: "The body must be JSON: send it with Content-Type: application/json.",
	}
	errHookType = &trouble{
		status: http.StatusUnsupportedMediaType, code: codeMediaType,
		text: `Send JSON with "text" (Content-Type: application/json) or plain text (Content-Type: text/plain).`,
	}
	errTooLarge = &trouble{
		status: http.StatusRequestEntityTooLarge, code: codeTooLarge,
		text: "The body is larger than any that this address needs.",
	}
)

// scopeProblem is for a token that was not made for this.
func scopeProblem(scope string) error {
	return &trouble{
		status: http.StatusForbidden, code: codeScope, scope: scope,
		text: "This token may not do that: it needs the scope \"" + scope + "\".",
	}
}

// problemFrame is an error as RFC 9457 has it. Its type is "about:blank": what distinguishes problems is their code.
type problemFrame struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	// RetryAfter is when to try again, in seconds, where that is known.
	RetryAfter int `json:"retry_after,omitempty"`
}

// problem answers a program with what went wrong.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	t := explainToProgram(err)
	s.logFailure(r, t, err)
	h := w.Header()
	t.retryAfter(h)
	switch {
	case t.status == http.StatusUnauthorized && errors.Is(err, errAPICredentials):
		h.Set("WWW-Authenticate", `Bearer realm="snug", error="invalid_token"`)
	case t.status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="snug"`)
	case t.scope != "":
		h.Set("WWW-Authenticate", `Bearer realm="snug", error="insufficient_scope", scope="`+t.scope+`"`)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(t.status)
	// The reader may be gone; nothing to do about it.
	_ = json.NewEncoder(w).Encode(problemFrame{
		Type: "about:blank", Title: http.StatusText(t.status), Status: t.status, Detail: t.text, Code: t.code, RetryAfter: t.seconds(),
	})
}

// explainToProgram is explain, where what is said to people with pages before them would not help a program.
func explainToProgram(err error) *trouble {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge
	}
	t := explain(err)
	switch t {
	case errNotLoggedIn:
		return errAPINobody
	case errNoPage:
		return errAPIPath
	case errMethod:
		return &trouble{status: t.status, code: codeMethod, text: "This address does not take that method; the header Allow says which it takes."}
	case errCrossOrigin:
		return &trouble{status: t.status, code: codeCrossOrigin, text: "Pages of other sites may not call this API. Call it from a program, with a token."}
	}
	var refused *chat.Error
	if errors.As(err, &refused) && t.code == refused.Code {
		bare := *t
		bare.text = sentence(refused.Message)
		if refused.Code == chat.CodeRoomName {
			bare.status = http.StatusUnprocessableEntity
		}
		return &bare
	}
	return t
}
