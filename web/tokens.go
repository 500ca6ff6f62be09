package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"snug/account"
)

// defaultTokenDays is what the form begins with: long enough to forget it, short enough that it is not for ever.
const defaultTokenDays = "90"

// tokenLives are what the form offers, in days; "" is for ever.
func tokenLives() []TokenLife {
	return []TokenLife{{"7", "7 days"}, {"30", "30 days"}, {defaultTokenDays, "90 days"}, {"365", "1 year"}, {"", "It does not expire"}}
}

// tokenScopes are what the form offers.
func tokenScopes(admin bool) []TokenScope {
	scopes := []TokenScope{
		{Name: account.ScopeRead, Text: "Read", Hint: "See people, rooms and messages, and open WebSockets."},
		{Name: account.ScopeWrite, Text: "Write", Hint: "Post, edit and delete messages, and make rooms."},
	}
	if admin {
		scopes = append(scopes, TokenScope{Name: account.ScopeAdmin, Text: "Administer", Hint: "What administrators may do, for as long as you are one."})
	}
	return scopes
}

// getTokens lists a person's access tokens. The form for a new one is there for who proved lately who they are: a token outlasts this session.
func (s *Server) getTokens(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	view := TokensPage{Life: defaultTokenDays, Errors: map[string]string{}, Revoked: r.URL.Query().Has("revoked")}
	if made, ok := takeOnce[madeToken](s.once, r, v.session, onceToken); ok {
		view.Secret, view.Made = made.secret, made.name
	} else {
		view.Lost = askedOnce(r)
	}
	view.choose([]string{account.ScopeRead, account.ScopeWrite}, v.user.Admin)
	s.renderTokens(w, r, v, http.StatusOK, view)
}

// postTokens makes a token or revokes one.
func (s *Server) postTokens(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	if which := r.PostFormValue("revoke"); which != "" {
		s.revokeToken(w, r, v, which)
		return
	}
	if v = s.confirmedMember(w, r); v != nil {
		s.makeToken(w, r, v)
	}
}

func (s *Server) makeToken(w http.ResponseWriter, r *http.Request, v *visitor) {
	view := TokensPage{Name: r.PostFormValue("name"), Life: r.PostFormValue("days"), Errors: map[string]string{}}
	view.choose(r.PostForm["scope"], v.user.Admin)
	expires, err := tokenExpiry(view.Life, time.Now())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	secret, made, err := s.accounts.CreateToken(r.Context(), v.user.ID, account.NewToken{
		Name: view.Name, Scopes: r.PostForm["scope"], Expires: expires,
	})
	if faults, ok := errors.AsType[account.FieldErrors](err); ok {
		for _, fault := range faults {
			view.Errors[fault.Field] = fault.Message
		}
		s.renderTokens(w, r, v, http.StatusUnprocessableEntity, view)
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.accounts.Audit(r.Context(), account.Event{
		Kind: account.EventTokenAdded, Actor: v.user.ID, Address: address(r), Detail: made.Describe(),
	})
	s.once.keep(v.session, onceToken, madeToken{secret: secret, name: made.Name})
	seeOther(w, r, "/settings/tokens/?"+madeNow)
}

// madeToken is an access token on its way to the page that shows it.
type madeToken struct{ secret, name string }

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request, v *visitor, which string) {
	id, err := account.ParseID(which)
	if err != nil {
		s.fail(w, r, errForm)
		return
	}
	was, err := s.accounts.RevokeToken(r.Context(), v.user.ID, id)
	switch {
	case err == nil:
		s.accounts.Audit(r.Context(), account.Event{
			Kind: account.EventTokenRevoked, Actor: v.user.ID, Address: address(r), Detail: was.Describe(),
		})
	case !errors.Is(err, account.ErrNoToken): // that one was revoked in another window
		s.fail(w, r, err)
		return
	}
	seeOther(w, r, "/settings/tokens/?revoked")
}

// tokenExpiry reads what the form says of the end of a token.
func tokenExpiry(days string, now time.Time) (time.Time, error) {
	if !slices.ContainsFunc(tokenLives(), func(life TokenLife) bool { return life.Days == days }) {
		return time.Time{}, errForm
	}
	if days == "" {
		return time.Time{}, nil
	}
	n, err := strconv.Atoi(days)
	if err != nil {
		return time.Time{}, errForm
	}
	return now.AddDate(0, 0, n), nil
}

func (s *Server) renderTokens(w http.ResponseWriter, r *http.Request, v *visitor, status int, view TokensPage) {
	tokens, err := s.accounts.Tokens(r.Context(), v.user.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.Page, view.Confirmed, view.Lives = s.page(r, "Access tokens", v), s.confirmed(v), tokenLives()
	for _, token := range tokens {
		view.Tokens = append(view.Tokens, TokenView{
			ID: token.ID.String(), Name: token.Name, Scopes: account.SayScopes(token.Scopes),
			Made: token.Created, Used: token.Used, Expires: token.Expires,
		})
	}
	s.render(w, r, status, "tokens", view)
}

// choose fills in which scopes are ticked.
func (p *TokensPage) choose(scopes []string, admin bool) {
	p.Scopes = tokenScopes(admin)
	for i := range p.Scopes {
		p.Scopes[i].Chosen = slices.Contains(scopes, p.Scopes[i].Name)
	}
}
