package web

import (
	"errors"
	"net/http"
	"net/url"

	"snug/chat"
)

func (s *Server) getRooms(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	s.showRooms(w, r, v, http.StatusOK, RoomsPage{Deleted: r.URL.Query().Has("deleted")})
}

// postRooms leads to the room whose name was typed; opening its page makes it if it is new.
func (s *Server) postRooms(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	name := r.PostFormValue("name")
	room, _, err := s.chat.MakeRoom(r.Context(), v.person(), name)
	var refused *chat.Error
	switch {
	case err == nil:
		seeOther(w, r, "/chat/"+url.PathEscape(room.Name)+"/")
	case errors.As(err, &refused):
		t := explain(err)
		t.retryAfter(w.Header())
		status := t.status
		if refused.Code == chat.CodeRoomName {
			status = http.StatusUnprocessableEntity
		}
		s.showRooms(w, r, v, status, RoomsPage{Name: name, Error: t.text})
	default:
		s.fail(w, r, err)
	}
}

func (s *Server) showRooms(w http.ResponseWriter, r *http.Request, v *visitor, status int, view RoomsPage) {
	rooms, err := s.chat.Rooms(r.Context(), chat.MaxRooms)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.Page = s.page(r, "Rooms", v)
	for _, room := range rooms {
		view.Rooms = append(view.Rooms, RoomView{Name: room.Name, Path: url.PathEscape(room.Name), Users: room.Users})
	}
	s.render(w, r, status, "rooms", view)
}
