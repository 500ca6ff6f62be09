package web

import (
	"errors"
	"net/http"

	"snug/account"
)

// endOthers is what the form of sessions sends for all but this one; else it sends the id of one.
const endOthers = "others"

// getAccount shows a person where they are logged in.
func (s *Server) getAccount(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	sessions, err := s.accounts.Sessions(r.Context(), v.user.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view := AccountPage{Page: s.page(r, "Settings", v)}
	switch r.URL.Query().Get("ended") {
	case "one":
		view.Done = "Logged out there."
	case "none":
		view.Done = "That one was logged out already."
	case endOthers:
		view.Done = "Logged out everywhere else."
	}
	for _, session := range sessions {
		line := SessionView{
			ID: session.ID.String(), Device: account.Device(session.Agent), Address: session.Address,
			Started: session.Created, Used: session.Used, Brief: session.Brief,
		}
		if session.ID == v.session {
			line.Here = true
			view.Sessions = append([]SessionView{line}, view.Sessions...)
		} else {
			view.Sessions = append(view.Sessions, line)
		}
	}
	s.render(w, r, http.StatusOK, "account", view)
}

// postAccount ends sessions: their sockets are closed on every node.
func (s *Server) postAccount(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	switch which := r.PostFormValue("end"); which {
	case endOthers:
		s.endOthers(w, r, v)
	default:
		s.endOne(w, r, v, which)
	}
}

func (s *Server) endOthers(w http.ResponseWriter, r *http.Request, v *visitor) {
	n, err := s.accounts.EndSessions(r.Context(), v.user.ID, v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if n > 0 {
		s.accounts.Audit(r.Context(), account.Event{
			Kind: account.EventSessionEnded, Actor: v.user.ID, Address: address(r), Detail: "all but this one",
		})
	}
	seeOther(w, r, "/settings/?ended="+endOthers)
}

func (s *Server) endOne(w http.ResponseWriter, r *http.Request, v *visitor, which string) {
	id, err := account.ParseID(which)
	if err != nil {
		s.fail(w, r, errForm)
		return
	}
	ended, err := s.accounts.EndSessionOf(r.Context(), v.user.ID, id)
	switch {
	case errors.Is(err, account.ErrNoSession):
		seeOther(w, r, "/settings/?ended=none")
		return
	case err != nil:
		s.fail(w, r, err)
		return
	}
	s.accounts.Audit(r.Context(), account.Event{
		Kind: account.EventSessionEnded, Actor: v.user.ID, Address: address(r), Detail: account.Device(ended.Agent) + ", " + ended.Address,
	})
	if id == v.session {
		s.setCookie(w, r, "", 0)
		seeOther(w, r, "/log_in/")
		return
	}
	seeOther(w, r, "/settings/?ended=one")
}
