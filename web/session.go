package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"snug/account"
	"snug/chat"
)

// visitor is the person behind a request.
type visitor struct {
	user    account.User
	session account.ID // of the session or access token
	token   string     // its secret, to ask again later whether it still holds; "" for who came with a JWT
	expires time.Time  // zero: never
	proven  time.Time  // when they last proved who they are; zero for a program
	brief   bool       // their session lasts until the browser is closed
	scopes  []string   // what the access token is good for; nil for who may do all that the user may
}

// may reports whether the visitor may do what a scope allows, as far as that depends on how they came.
func (v *visitor) may(scope string) bool {
	switch {
	case v == nil:
		return false
	case scope == account.ScopeAdmin && !v.user.Admin:
		return false
	}
	return v.scopes == nil || slices.Contains(v.scopes, scope)
}

// person is the visitor as package chat knows them; nil is a guest.
func (v *visitor) person() chat.Person {
	if v == nil {
		return chat.Person{}
	}
	return chat.Person{ID: v.user.ID, Name: v.user.Name}
}

// cookieName is the session cookie's. A __Host- cookie cannot be set by another host of the same domain, but exists only
// over TLS.
func cookieName(r *http.Request) string {
	if overTLS(r) {
		return "__Host-snug"
	}
	return "snug"
}

// visitor finds who sends a request by its session cookie: nil without an error is nobody.
func (s *Server) visitor(r *http.Request) (*visitor, error) {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil || cookie.Value == "" {
		return nil, nil
	}
	return s.visitorByToken(r.Context(), cookie.Value)
}

func (s *Server) visitorByToken(ctx context.Context, token string) (*visitor, error) {
	session, err := s.accounts.Session(ctx, token)
	if errors.Is(err, account.ErrNoSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &visitor{user: session.User, session: session.ID, token: token, expires: session.Expires, proven: session.Proven, brief: session.Brief}, nil
}

// knownVisitor is for pages that only greet: whoever cannot be looked up is nobody.
func (s *Server) knownVisitor(r *http.Request) *visitor {
	v, err := s.visitor(r)
	if err != nil {
		return nil
	}
	return v
}

// member finds who sends a request. Where nobody does, it has sent the browser to the log-in page and returns nil.
func (s *Server) member(w http.ResponseWriter, r *http.Request) *visitor {
	v, err := s.visitor(r)
	if err != nil {
		s.fail(w, r, err)
		return nil
	}
	if v == nil {
		toLogIn(w, r)
	}
	return v
}

// toLogIn sends the browser to the log-in page, and from there back. A form that was sent cannot be sent again, so
// its page is where to come back to.
func toLogIn(w http.ResponseWriter, r *http.Request) {
	back := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		back.RawQuery = r.URL.RawQuery
	}
	seeOther(w, r, "/log_in/?next="+url.QueryEscape(back.RequestURI()))
}

// enter begins a session for a user whose identity was just proved, in place of the one that the browser had. It lasts when the browser is closed.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, user account.User) error {
	return s.begin(w, r, user, account.Client{Address: address(r), Agent: r.UserAgent()})
}

// enterBriefly is enter until the browser is closed.
func (s *Server) enterBriefly(w http.ResponseWriter, r *http.Request, user account.User) error {
	return s.begin(w, r, user, account.Client{Address: address(r), Agent: r.UserAgent(), Brief: true})
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request, user account.User, client account.Client) error {
	client.Proof = user.Proof()
	token, _, err := s.accounts.StartSession(r.Context(), user.ID, client)
	if err != nil {
		return err
	}
	if old := s.knownVisitor(r); old != nil {
		if err := s.accounts.EndSession(r.Context(), old.session); err != nil {
			s.logger.Warn("replaced session could not be ended", "error", err)
		}
	}
	s.setCookie(w, r, token, lifeOf(client.Brief))
	return nil
}

// cookieLife is the longest that browsers keep a cookie. The session may be over sooner: that is the server's to know,
// which moves the end of a session that is used.
const cookieLife = 400 * 24 * time.Hour

// lifeOf is how long a browser keeps the cookie of a session. Zero is until it is closed.
func lifeOf(brief bool) time.Duration {
	if brief {
		return 0
	}
	return cookieLife
}

// setCookie gives the browser its session's token; an empty one takes it away. With no life it lasts until the browser is closed.
func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, token string, life time.Duration) {
	cookie := &http.Cookie{
		Name:     cookieName(r),
		Value:    token,
		Path:     "/",
		MaxAge:   int(life.Seconds()),
		HttpOnly: true,
		Secure:   overTLS(r),
		SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// nextPath is where a form leads when it has done its work: the page that was asked for, if it is one of ours.
func nextPath(next string) string {
	const start = "/"
	// A second slash or a backslash would make it another site's address, or may in some browser.
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\") {
		return start
	}
	if strings.ContainsFunc(next, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return start
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return start
	}
	return u.RequestURI()
}
