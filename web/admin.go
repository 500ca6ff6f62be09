package web

import (
	"net/http"

	"snug/account"
	"snug/chat"
)

var errNotAdmin = &trouble{
	status: http.StatusForbidden, code: chat.CodeForbidden, heading: "This page is for administrators",
	text: "Ask one of them, or log in as one.",
}

// admin finds the administrator who sends a request. For everybody else it has answered and returns nil.
func (s *Server) admin(w http.ResponseWriter, r *http.Request) *visitor {
	v := s.member(w, r)
	if v != nil && !v.user.Admin {
		s.fail(w, r, errNotAdmin)
		return nil
	}
	return v
}

// confirmedAdmin is admin for what concerns the rights of others: who has not proved lately who they are does so first.
func (s *Server) confirmedAdmin(w http.ResponseWriter, r *http.Request) *visitor {
	if v := s.admin(w, r); v == nil {
		return nil
	}
	return s.confirmedMember(w, r)
}

// actor is the visitor as those who change something are noted.
func (v *visitor) actor(r *http.Request) account.Actor {
	return account.Actor{User: v.user.ID, Address: address(r)}
}

// getAdmin leads who types the address to the first of the pages.
func (s *Server) getAdmin(w http.ResponseWriter, r *http.Request) {
	if s.admin(w, r) != nil {
		seeOther(w, r, "/admin/people/")
	}
}
