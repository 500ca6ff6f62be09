package web

import "net/http"

// getPrivate is the screen of a private conversation.
func (s *Server) getPrivate(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	other, err := s.accounts.UserByName(r.Context(), r.PathValue("name"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	boot, err := s.boot(r, v)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	boot.Kind, boot.Name = "private", other.Name
	if boot.History, err = s.historyAnswer(r.Context(), v, historyFrame{User: other.Name}); err != nil {
		s.fail(w, r, err)
		return
	}
	s.renderChat(w, r, ChatPage{
		Page: s.page(r, other.Name, v), Kind: boot.Kind, Name: other.Name, Boot: boot,
	})
}
