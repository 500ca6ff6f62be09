package web

import (
	"errors"
	"net/http"
	"net/url"

	"snug/account"
)

func (s *Server) getLogIn(w http.ResponseWriter, r *http.Request) {
	next := r.URL.Query().Get("next")
	v, err := s.visitor(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if v != nil {
		seeOther(w, r, nextPath(next))
		return
	}
	s.renderLogIn(w, r, http.StatusOK, LogInPage{Page: s.page(r, "Log in", nil), Next: next})
}

func (s *Server) postLogIn(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r) {
		return
	}
	name, next := r.PostFormValue("username"), r.FormValue("next")
	user, err := s.accounts.LogIn(r.Context(), name, r.PostFormValue("password"), address(r))
	stay := r.PostFormValue("stay") != ""
	switch {
	case err != nil:
	case stay:
		err = s.enter(w, r, user)
	default:
		err = s.enterBriefly(w, r, user)
	}
	if err == nil {
		target := afterLogIn(user, nextPath(next))
		if s.offers(r, user) {
			target = "/passkeys/offer/?next=" + url.QueryEscape(target)
		}
		seeOther(w, r, target)
		return
	}
	view := LogInPage{Page: s.page(r, "Log in", s.knownVisitor(r)), Name: name, Next: next, Brief: !stay}
	var status int
	tooMany := tooOften(w, err)
	switch {
	case errors.Is(err, account.ErrDisabled):
		status, view.Error = http.StatusForbidden, "This account is disabled. Ask the person who runs this server."
	case errors.Is(err, account.ErrCredentials):
		status, view.Error = http.StatusForbidden, "The user name and the password do not match. Check both and try again."
	case tooMany != nil:
		status, view.Error = tooMany.status, tooMany.text
	default:
		s.fail(w, r, err)
		return
	}
	s.renderLogIn(w, r, status, view)
}

func (s *Server) renderLogIn(w http.ResponseWriter, r *http.Request, status int, view LogInPage) {
	var err error
	if view.Passkeys, err = s.passkeyPlace(r); err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "log_in", view)
}
