package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"snug/account"
)

// confirmed reports whether this session proved who it is a moment ago, which changes to how somebody gets in ask for.
func (s *Server) confirmed(v *visitor) bool {
	return v != nil && time.Since(v.proven) < account.ConfirmLife
}

// confirmedMember is member for pages that change how somebody gets in: it sends whoever has not proved lately who they are to the page where
// they do, and from there back. It has answered when it returns nil.
func (s *Server) confirmedMember(w http.ResponseWriter, r *http.Request) *visitor {
	v := s.member(w, r)
	if v == nil || s.confirmed(v) {
		return v
	}
	seeOther(w, r, "/confirm/?next="+url.QueryEscape(r.URL.EscapedPath()))
	return nil
}

// getConfirm asks somebody who is logged in to prove who they are: the browser may have been left alone.
func (s *Server) getConfirm(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	next := r.URL.Query().Get("next")
	if s.confirmed(v) {
		seeOther(w, r, nextPath(next))
		return
	}
	s.renderConfirm(w, r, v, http.StatusOK, ConfirmPage{Next: next})
}

func (s *Server) postConfirm(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	next := r.FormValue("next")
	err := s.accounts.CheckPassword(r.Context(), v.user.ID, r.PostFormValue("password"), address(r))
	if err == nil {
		err = s.accounts.Confirm(r.Context(), v.session)
	}
	tooMany := tooOften(w, err)
	switch {
	case err == nil:
		seeOther(w, r, nextPath(next))
	case errors.Is(err, account.ErrCredentials):
		s.renderConfirm(w, r, v, http.StatusForbidden, ConfirmPage{Next: next, Error: "This is not your password. Try again."})
	case tooMany != nil:
		s.renderConfirm(w, r, v, tooMany.status, ConfirmPage{Next: next, Error: tooMany.text})
	default:
		s.fail(w, r, err)
	}
}

func (s *Server) renderConfirm(w http.ResponseWriter, r *http.Request, v *visitor, status int, view ConfirmPage) {
	has, err := s.accounts.HasPassword(r.Context(), v.user.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	all, err := s.accounts.Passkeys(r.Context(), v.user.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if view.Passkeys, err = s.passkeyPlace(r); err != nil {
		s.fail(w, r, err)
		return
	}
	view.Page, view.HasPassword, view.HasPasskey = s.page(r, "Confirm that it is you", v), has, len(all) > 0
	s.render(w, r, status, "confirm", view)
}
