package web

import (
	"net/http"

	"snug/account"
	"snug/chat"
)

// hookAnswer is one webhook.
type hookAnswer struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	By      string `json:"by"`             // who made it
	Created int64  `json:"created"`        // milliseconds since 1970
	Path    string `json:"path,omitempty"` // where to post, from the server's root; told only when it is made
}

func hookAnswerOf(hook chat.Hook) hookAnswer {
	return hookAnswer{ID: hook.ID.String(), Name: hook.Name, By: hook.ByName, Created: hook.Created.UnixMilli()}
}

type hooksAnswer struct {
	Hooks []hookAnswer `json:"hooks"` // oldest first
}

func (s *Server) apiHooks(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	hooks, err := s.chat.Hooks(r.Context(), v.person(), v.moderates(), r.PathValue("room"))
	if err != nil {
		return err
	}
	answer := hooksAnswer{Hooks: make([]hookAnswer, len(hooks))}
	for i, hook := range hooks {
		answer.Hooks[i] = hookAnswerOf(hook)
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// moderates reports whether the visitor may moderate every room: an administrator, but not with a token that was not made
// for that.
func (v *visitor) moderates() bool { return v.may(account.ScopeAdmin) }

type newHook struct {
	Name *string `json:"name"`
}

func (s *Server) apiMakeHook(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body newHook
	if err := readBody(r, &body); err != nil {
		return err
	}
	name, err := needed("name", body.Name)
	if err != nil {
		return err
	}
	secret, hook, err := s.makeHook(r, v, name)
	if err != nil {
		return err
	}
	answer := hookAnswerOf(hook)
	answer.Path = hookPath + secret
	writeJSON(w, http.StatusCreated, answer)
	return nil
}

// makeHook makes a webhook of the room in the address, and notes who did.
func (s *Server) makeHook(r *http.Request, v *visitor, name string) (secret string, hook chat.Hook, err error) {
	secret, hook, err = s.chat.CreateHook(r.Context(), v.person(), v.moderates(), r.PathValue("room"), name)
	if err == nil {
		s.auditHook(r, v, account.EventHookAdded, hook)
	}
	return secret, hook, err
}

func (s *Server) apiRevokeHook(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	if err := s.revokeHook(r, v, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// revokeHook ends a webhook of the room in the address, and notes who did.
func (s *Server) revokeHook(r *http.Request, v *visitor, text string) error {
	id, err := chat.ParseID(text)
	if err != nil {
		return badField("That is no id of a webhook.")
	}
	hook, err := s.chat.RevokeHook(r.Context(), v.person(), v.moderates(), r.PathValue("room"), id)
	if err == nil {
		s.auditHook(r, v, account.EventHookRevoked, hook)
	}
	return err
}

func (s *Server) auditHook(r *http.Request, v *visitor, kind string, hook chat.Hook) {
	s.accounts.Audit(r.Context(), account.Event{
		Kind: kind, Actor: v.user.ID, Target: hook.Room, Address: address(r),
		Detail: "webhook " + hook.Name + " of the room " + r.PathValue("room"),
	})
}
