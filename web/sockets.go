package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"snug/account"
	"snug/chat"
	"snug/web/socket"
)

var errOrigin = &trouble{
	status: http.StatusForbidden, code: chat.CodeForbidden, heading: "That came from another site",
	text: "A socket can be opened only by pages of this server.",
}

var errCrowded = &trouble{
	status: http.StatusServiceUnavailable, code: chat.CodeUnavailable, heading: "The server is full",
	text: "The server has as many connections as it can have. Try again in a moment.", wait: 10 * time.Second,
}

// tooManyWait is when somebody with as many connections as they may have is told to try again: one of them may have ended by then.
const tooManyWait = 30 * time.Second

// socketVisitor decides before the upgrade who opens a socket, by token or by cookie; nil without an error is nobody.
// It looks at the origin first, so that a foreign page cannot even use up a ticket.
func (s *Server) socketVisitor(r *http.Request) (*visitor, error) {
	if !asksUpgrade(r) {
		return nil, errNotSocket
	}
	if !s.sameOrigin(r) {
		return nil, errOrigin
	}
	if s.stopping.Load() {
		return nil, errStopping
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badField("the address cannot be read")
	}
	v, err := s.socketCaller(r, query)
	if err == nil && v != nil && !v.may(account.ScopeRead) {
		err = errScope(account.ScopeRead)
	}
	return v, err
}

// socketCaller tells who comes with what they have to show, and refuses only what is no good.
func (s *Server) socketCaller(r *http.Request, query url.Values) (*visitor, error) {
	if query.Has("token") {
		return s.visitorByQuery(r, query.Get("token"))
	}
	if token, ok := bearer(r); ok && !strings.HasPrefix(token, account.TokenPrefix) {
		return s.visitorByPass(r, token)
	}
	return s.caller(r)
}

// socketMember is socketVisitor for sockets that guests cannot have.
func (s *Server) socketMember(r *http.Request) (*visitor, error) {
	v, err := s.socketVisitor(r)
	if err == nil && v == nil {
		err = errNotLoggedIn
	}
	return v, err
}

// asksUpgrade reports whether a request wants to become a WebSocket.
func asksUpgrade(r *http.Request) bool {
	return headerHas(r.Header, "Connection", "upgrade") && headerHas(r.Header, "Upgrade", "websocket")
}

func headerHas(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// info is what the hub counts and finds sockets by.
func info(r *http.Request, v *visitor) socket.Info {
	i := socket.Info{Address: account.AddressKey(address(r))}
	if v != nil {
		i.User, i.Session = v.user.ID.String(), v.session.String()
	}
	return i
}

// refuseSocket is how the hub says that a limit is reached, or that the server is stopping.
func (s *Server) refuseSocket(w http.ResponseWriter, r *http.Request, status int, why string) {
	switch status {
	case http.StatusServiceUnavailable:
		if s.stopping.Load() {
			s.failJSON(w, r, errStopping)
			return
		}
		s.noise.crowded.log(time.Now(), func(times int) {
			s.logger.Warn("socket refused: there are as many as limits.sockets allows", "limit", s.limits.Sockets, "times", times)
		})
		s.failJSON(w, r, errCrowded)
	case http.StatusTooManyRequests:
		s.failJSON(w, r, &trouble{status: status, code: codeTooManyConnections, text: sentence(why), wait: tooManyWait})
	default:
		s.failJSON(w, r, &trouble{status: status, code: codeBadFrame, text: why})
	}
}

// failSocket answers instead of the upgrade.
func (s *Server) failSocket(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errGuests) {
		err = errNotLoggedIn
	}
	s.failJSON(w, r, err)
}
