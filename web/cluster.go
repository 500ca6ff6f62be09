package web

import (
	"net/http"

	"snug/chat"
)

var errNotAdmin = &trouble{
	status: http.StatusForbidden, code: chat.CodeForbidden, heading: "This page is for administrators",
	text: "Ask one of them, or log in as one.",
}

// getCluster shows administrators the nodes of the cluster.
func (s *Server) getCluster(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !v.user.Admin {
		s.fail(w, r, errNotAdmin)
		return
	}
	view := ClusterPage{Page: s.page(r, "Cluster", v), Alone: s.cluster == nil}
	if s.cluster != nil {
		var err error
		if view.ClusterView, err = s.cluster(r.Context()); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.render(w, r, http.StatusOK, "cluster", view)
}
