package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"snug/account"
	"snug/chat"
)

// apiPath is where all addresses of the JSON API begin.
const apiPath = "/api/v1/"

// apiRoute is one operation of the API. The operations stand in one list, so that tests can hold the OpenAPI document
// against it, and try every one as everybody.
type apiRoute struct {
	method string
	path   string // below apiPath, in the pattern language of http.ServeMux and OpenAPI alike
	scope  string // what the caller must be allowed; "": anybody may
	answer apiHandler
}

// apiHandler answers one call. What it returns is told as a problem, so it writes nothing before it may fail.
type apiHandler func(w http.ResponseWriter, r *http.Request, v *visitor) error

// apiRoutes are all operations.
func (s *Server) apiRoutes() []apiRoute {
	return []apiRoute{
		{"GET", "openapi.json", "", s.apiDocument},
		{"GET", "me", account.ScopeRead, s.apiMe},
		{"GET", "users", account.ScopeRead, s.apiUsers},
		{"GET", "users/{name}", account.ScopeRead, s.apiUser},
		{"GET", "rooms", account.ScopeRead, s.apiRooms},
		{"POST", "rooms", account.ScopeWrite, s.apiMakeRoom},
		{"GET", "rooms/{room}", account.ScopeRead, s.apiRoom},
		{"GET", "rooms/{room}/messages", account.ScopeRead, s.apiHistory},
		{"POST", "rooms/{room}/messages", account.ScopeWrite, s.apiPost},
		{"GET", "rooms/{room}/hooks", account.ScopeRead, s.apiHooks},
		{"POST", "rooms/{room}/hooks", account.ScopeWrite, s.apiMakeHook},
		{"DELETE", "rooms/{room}/hooks/{id}", account.ScopeWrite, s.apiRevokeHook},
		{"PATCH", "messages/{id}", account.ScopeWrite, s.apiEdit},
		{"DELETE", "messages/{id}", account.ScopeWrite, s.apiDelete},
		{"GET", "conversations", account.ScopeRead, s.apiConversations},
		{"GET", "conversations/{name}/messages", account.ScopeRead, s.apiPrivateHistory},
		{"POST", "conversations/{name}/messages", account.ScopeWrite, s.apiPrivate},
		{"GET", "events", account.ScopeRead, s.apiEvents},
	}
}

// handleAPI adds the operations to the routes of the server.
func (s *Server) handleAPI(mux *router) {
	for _, route := range s.apiRoutes() {
		mux.HandleFunc(route.method+" "+apiPath+route.path, func(w http.ResponseWriter, r *http.Request) {
			if err := s.call(w, r, route); err != nil {
				s.problem(w, r, err)
			}
		})
	}
}

// forPrograms reports whether programs, not browsers with a person before them, ask for an address: errors are told
// as problems.
func forPrograms(path string) bool {
	return strings.HasPrefix(path, "/api/") || path == "/api" || strings.HasPrefix(path, hookPath)
}

// call does one operation, if the caller may.
func (s *Server) call(w http.ResponseWriter, r *http.Request, route apiRoute) error {
	w.Header().Set("Cache-Control", "no-store")
	if route.scope == "" {
		if err := s.apiLimit(w, r, nil); err != nil {
			return err
		}
		return route.answer(w, r, nil)
	}
	v, err := s.apiCaller(r)
	if err != nil && !errors.Is(err, errAPICredentials) {
		return err
	}
	if errLimit := s.apiLimit(w, r, v); errLimit != nil {
		return errLimit
	}
	switch {
	case err != nil:
		return err
	case v == nil:
		return errAPINobody
	case !v.may(route.scope):
		return scopeProblem(route.scope)
	}
	return route.answer(w, r, v)
}

// apiCaller finds who calls; nil without an error is nobody. A page of another place is told nothing, even where the
// browser sends the cookie along, as it does from another port of this machine.
func (s *Server) apiCaller(r *http.Request) (*visitor, error) {
	_, byToken := bearer(r)
	if !byToken && s.fromElsewhere(r) {
		return nil, errCrossOrigin
	}
	v, err := s.caller(r)
	if byToken && errors.Is(err, errNotLoggedIn) {
		err = errAPICredentials
	}
	return v, err
}

// fromElsewhere reports whether a page of another origin asks. In plain HTTP off localhost browsers say no more than the
// origin.
func (s *Server) fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "":
		return r.Header.Get("Origin") != "" && !s.sameOrigin(r)
	case "same-origin", "none":
		return false
	}
	return true
}

// apiLimit counts the call for who makes it, or for the address if nobody is known, and tells how many are left.
func (s *Server) apiLimit(w http.ResponseWriter, r *http.Request, v *visitor) error {
	who := "address " + account.AddressKey(address(r))
	if v != nil {
		who = "user " + v.user.ID.String()
	}
	return s.calls.take(w.Header(), who, time.Now())
}

// maySpeak takes one message from what the person may send, over all sockets and calls.
func (s *Server) maySpeak(v *visitor) error {
	if !v.may(account.ScopeWrite) {
		return errScope(account.ScopeWrite)
	}
	return s.talk.take(v.user.ID, time.Now())
}

// apiDocument is the description of the API that programs read. It holds nothing private.
func (s *Server) apiDocument(w http.ResponseWriter, r *http.Request, _ *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(s.document) // the reader may be gone; nothing to do about it
	return nil
}

// meAnswer says who a token or session belongs to.
type meAnswer struct {
	User   string    `json:"user"`
	Admin  bool      `json:"admin"`
	Scopes []string  `json:"scopes"` // what this token or session may do
	Limits apiLimits `json:"limits"`
	// Version is the server's.
	Version string `json:"version"`
}

// apiLimits is what a program must know before it sends. Zero is no limit.
type apiLimits struct {
	MessageCharacters int `json:"message_characters"`
	MessagesPerSecond int `json:"messages_per_second"`
	CallsPerMinute    int `json:"calls_per_minute"`
}

func (s *Server) apiMe(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	answer := meAnswer{
		User: v.user.Name, Admin: v.user.Admin, Scopes: []string{}, Version: s.version,
		Limits: apiLimits{
			MessageCharacters: s.chat.MaxMessage(), MessagesPerSecond: s.limits.MessagesPerSecond, CallsPerMinute: s.limits.CallsPerMinute,
		},
	}
	for _, scope := range []string{account.ScopeRead, account.ScopeWrite, account.ScopeAdmin} {
		if v.may(scope) {
			answer.Scopes = append(answer.Scopes, scope)
		}
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// messageParameter reads the id of a message from an address.
func messageParameter(name, value string) (chat.ID, error) {
	if value == "" {
		return chat.ID{}, nil
	}
	return messageID(name, &value)
}
