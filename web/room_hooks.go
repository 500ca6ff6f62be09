package web

import (
	"net/http"
	"net/url"

	"snug/chat"
)

// getHooks is for who opens the address of the form that makes webhooks.
func (s *Server) getHooks(w http.ResponseWriter, r *http.Request) {
	seeOther(w, r, "/chat/"+url.PathEscape(r.PathValue("room"))+"/settings/")
}

// postHooks makes a webhook on the page of a room's settings, which shows its address, once.
func (s *Server) postHooks(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	name := r.PostFormValue("name")
	secret, hook, err := s.makeHook(r, v, name)
	switch t := explainToProgram(err); {
	case err == nil:
		room := hook.Room.String()
		s.once.keep(v.session, onceHook+room, madeHook{name: hook.Name, secret: secret})
		seeOther(w, r, "/chat/"+url.PathEscape(r.PathValue("room"))+"/settings/?"+madeNow)
	case t.code == chat.CodeBadField:
		s.showSettings(w, r, v, http.StatusUnprocessableEntity, SettingsPage{HookName: name, HookError: t.text})
	default:
		s.fail(w, r, err)
	}
}

// madeHook is a webhook on its way to the page that shows its address.
type madeHook struct{ name, secret string }

// postRevokeHook ends a webhook.
func (s *Server) postRevokeHook(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	if err := s.revokeHook(r, v, r.PostFormValue("revoke")); err != nil {
		s.fail(w, r, err)
		return
	}
	seeOther(w, r, "/chat/"+url.PathEscape(r.PathValue("room"))+"/settings/?revoked")
}
