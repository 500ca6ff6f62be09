package web

import "net/http"

// getAccount is where a person's own settings begin.
func (s *Server) getAccount(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	s.render(w, r, http.StatusOK, "account", AccountPage{Page: s.page(r, "Settings", v)})
}
