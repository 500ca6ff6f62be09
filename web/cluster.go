package web

import "net/http"

// getCluster shows administrators the nodes of the cluster.
func (s *Server) getCluster(w http.ResponseWriter, r *http.Request) {
	v := s.admin(w, r)
	if v == nil {
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
