package web

import (
	"net/http"
	"net/url"
	"strings"

	"snug/chat"
)

var errNotModerator = &trouble{
	status: http.StatusForbidden, code: chat.CodeForbidden, heading: "These settings are not yours",
	text: "Only the person who made the room and administrators may change its settings.",
}

// getSettings is the page of a room's settings, for those who may change them.
func (s *Server) getSettings(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	query := r.URL.Query()
	s.showSettings(w, r, v, http.StatusOK, SettingsPage{Saved: query.Has("saved"), Revoked: query.Has("revoked")})
}

func (s *Server) showSettings(w http.ResponseWriter, r *http.Request, v *visitor, status int, view SettingsPage) {
	room, err := s.chat.RoomByName(r.Context(), r.PathValue("room"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !room.ModeratedBy(v.person(), v.user.Admin) {
		s.fail(w, r, errNotModerator)
		return
	}
	hooks, err := s.chat.Hooks(r.Context(), v.person(), v.user.Admin, room.Name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, hook := range hooks {
		view.Hooks = append(view.Hooks, HookView{ID: hook.ID.String(), Name: hook.Name, By: hook.ByName, Created: hook.Created})
	}
	if made, ok := takeOnce[madeHook](s.once, r, v.session, onceHook+room.ID.String()); ok {
		view.Made, view.Address = made.name, linkOnce(r, strings.TrimPrefix(hookPath, "/")+made.secret)
	} else {
		view.Lost = askedOnce(r)
	}
	view.Page = s.page(r, "Settings of "+room.Name, v)
	view.Room, view.Path, view.Guests = room.Name, url.PathEscape(room.Name), room.Guests
	s.render(w, r, status, "settings", view)
}

func (s *Server) postSettings(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	guests := r.PostFormValue("guests") == "on"
	room, err := s.chat.SetGuests(r.Context(), v.person(), v.user.Admin, r.PathValue("room"), guests)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	seeOther(w, r, "/chat/"+url.PathEscape(room.Name)+"/settings/?saved")
}
