package web

import (
	"net/http"

	"snug/account"
)

// getLogOut shows the button. Ending the session at a GET would let every page with a picture of this address do it.
func (s *Server) getLogOut(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	s.render(w, r, http.StatusOK, "log_out", LogOutPage{Page: s.page(r, "Log out", v)})
}

// postLogOut ends the session: its sockets are closed and the person is offline before the browser has its answer.
func (s *Server) postLogOut(w http.ResponseWriter, r *http.Request) {
	v, err := s.visitor(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if v != nil {
		if err := s.accounts.EndSession(r.Context(), v.session); err != nil {
			s.fail(w, r, err)
			return
		}
		s.peers.end(v.session, v.user.ID)
		s.accounts.Audit(r.Context(), account.Event{Kind: account.EventLogout, Actor: v.user.ID, Address: address(r)})
	}
	s.setCookie(w, r, "", 0)
	seeOther(w, r, "/log_in/")
}
