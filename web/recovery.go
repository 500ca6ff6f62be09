package web

import (
	"errors"
	"net/http"

	"snug/account"
)

// getRecovery is the form for somebody who has lost what they log in with.
func (s *Server) getRecovery(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "recovery", RecoveryPage{Page: s.page(r, "Use a recovery code", s.knownVisitor(r)), Next: r.URL.Query().Get("next")})
}

func (s *Server) postRecovery(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r) {
		return
	}
	view := RecoveryPage{
		Page: s.page(r, "Use a recovery code", s.knownVisitor(r)), Name: r.PostFormValue("username"), Next: r.FormValue("next"),
	}
	user, err := s.accounts.LogInByCode(r.Context(), view.Name, r.PostFormValue("code"), address(r))
	if err == nil {
		err = s.enter(w, r, user)
	}
	if err == nil {
		seeOther(w, r, "/settings/passkeys/?recovered")
		return
	}
	status := http.StatusForbidden
	tooMany := tooOften(w, err)
	switch {
	case errors.Is(err, account.ErrDisabled):
		view.Error = "This account is disabled. Ask the person who runs this server."
	case errors.Is(err, account.ErrCredentials):
		view.Error = "The user name and the code do not match, or the code was used already. Check both and try again."
	case tooMany != nil:
		status, view.Error = tooMany.status, tooMany.text
	default:
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "recovery", view)
}
