package web

import (
	"net/http"
	"net/url"

	"snug/account"
	"snug/chat"
)

// getDeleteRoom tells an administrator what goes with a room, and asks for its name: what is deleted is gone for good, everywhere.
func (s *Server) getDeleteRoom(w http.ResponseWriter, r *http.Request) {
	v := s.confirmedAdmin(w, r)
	if v == nil {
		return
	}
	s.showDeleteRoom(w, r, v, http.StatusOK, DeleteRoomPage{})
}

func (s *Server) showDeleteRoom(w http.ResponseWriter, r *http.Request, v *visitor, status int, view DeleteRoomPage) {
	room, err := s.chat.RoomByName(r.Context(), r.PathValue("room"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	hooks, err := s.chat.Hooks(r.Context(), v.person(), v.user.Admin, room.Name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.Page = s.page(r, "Delete "+room.Name, v)
	view.Room, view.Path, view.ID = room.Name, url.PathEscape(room.Name), room.ID.String()
	view.Created, view.Users, view.Hooks = room.Created, s.chat.Here(room), len(hooks)
	s.render(w, r, status, "room_delete", view)
}

// postDeleteRoom deletes the room whose name was typed, if it is still the one that the page was about.
func (s *Server) postDeleteRoom(w http.ResponseWriter, r *http.Request) {
	v := s.confirmedAdmin(w, r)
	if v == nil || !s.readForm(w, r) {
		return
	}
	room, err := s.chat.RoomByName(r.Context(), r.PathValue("room"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	typed := r.PostFormValue("name")
	switch {
	case r.PostFormValue("room") != room.ID.String():
		s.showDeleteRoom(w, r, v, http.StatusConflict, DeleteRoomPage{Error: "This is another room of that name, made since you opened the page. Nothing was deleted."})
		return
	case !chat.SameRoomName(typed, room.Name):
		s.showDeleteRoom(w, r, v, http.StatusUnprocessableEntity, DeleteRoomPage{Typed: typed, Error: "That is not the name of the room. Nothing was deleted."})
		return
	}
	if err := s.chat.DeleteFound(r.Context(), room); err != nil {
		s.fail(w, r, err)
		return
	}
	s.accounts.Audit(r.Context(), account.Event{
		Kind: account.EventRoomDeleted, Actor: v.user.ID, Target: room.ID, Address: address(r), Detail: room.Name,
	})
	seeOther(w, r, "/chat/?deleted")
}
