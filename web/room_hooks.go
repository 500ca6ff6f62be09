package web

import (
	"net/http"
	"net/url"
	"strings"

	"snug/chat"
)

// getHooks is for who reloads the page that showed a new webhook: its address is not shown again.
func (s *Server) getHooks(w http.ResponseWriter, r *http.Request) {
	seeOther(w, r, "/chat/"+url.PathEscape(r.PathValue("room"))+"/settings/")
}

// postHooks makes a webhook on the page of a room's settings, and shows its address there, once.
func (s *Server) postHooks(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, errForm)
		return
	}
	name := r.PostFormValue("name")
	secret, hook, err := s.makeHook(r, v, name)
	view := SettingsPage{}
	status := http.StatusOK
	switch t := explainToProgram(err); {
	case err == nil:
		view.Made, view.Address = hook.Name, linkOnce(r, strings.TrimPrefix(hookPath, "/")+secret, "")
	case t.code == chat.CodeBadField:
		status, view.HookName, view.HookError = http.StatusUnprocessableEntity, name, t.text
	default:
		s.fail(w, r, err)
		return
	}
	s.showSettings(w, r, v, status, view)
}

// postRevokeHook ends a webhook.
func (s *Server) postRevokeHook(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, errForm)
		return
	}
	if err := s.revokeHook(r, v, r.PostFormValue("revoke")); err != nil {
		s.fail(w, r, err)
		return
	}
	seeOther(w, r, "/chat/"+url.PathEscape(r.PathValue("room"))+"/settings/?revoked")
}
