package web

import (
	"net/http"
	"net/url"

	"snug/chat"
)

var errNotModerator = &trouble{
	status: http.StatusForbidden, code: chat.CodeForbidden, heading: "These settings are not yours",
	text: "Only the person who made the room and administrators may change its settings.",
}

// getSettings is the form of a room's settings, for those who may change them.
func (s *Server) getSettings(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	room, err := s.chat.RoomByName(r.Context(), r.PathValue("room"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !room.ModeratedBy(v.person(), v.user.Admin) {
		s.fail(w, r, errNotModerator)
		return
	}
	s.render(w, r, http.StatusOK, "settings", SettingsPage{
		Page: s.page(r, "Settings of "+room.Name, v), Room: room.Name, Guests: room.Guests, Saved: r.URL.Query().Has("saved"),
	})
}

func (s *Server) postSettings(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, errForm)
		return
	}
	guests := r.PostFormValue("guests") == "on"
	room, err := s.chat.SetGuests(r.Context(), v.person(), v.user.Admin, r.PathValue("room"), guests)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !guests {
		s.peers.endGuests(room.ID)
	}
	seeOther(w, r, "/chat/"+url.PathEscape(room.Name)+"/settings/?saved")
}
