package web

import (
	"net/http"
	"net/url"

	"snug/chat"
)

// roomsOnPage is how many rooms one page of the API has, and maxRoomsPage how many at most.
const (
	roomsOnPage  = 100
	maxRoomsPage = 500
)

// roomAnswer is one room.
type roomAnswer struct {
	Name    string `json:"name"`
	Users   int    `json:"users"`   // how many people are in it now
	Guests  bool   `json:"guests"`  // people without an account may read
	Created int64  `json:"created"` // milliseconds since 1970
	// CanModerate says that the caller may change the room's settings and webhooks.
	CanModerate bool `json:"can_moderate"`
}

type roomsPage struct {
	Rooms []roomAnswer `json:"rooms"`
	Next  string       `json:"next,omitempty"` // the after of the next page; absent on the last
}

// apiRooms lists rooms by name.
func (s *Server) apiRooms(w http.ResponseWriter, r *http.Request, v *visitor) error {
	query, err := readQuery(r, "after", "limit")
	if err != nil {
		return err
	}
	limit, err := readLimit(query, roomsOnPage, maxRoomsPage)
	if err != nil {
		return err
	}
	rooms, next, err := s.chat.RoomsByName(r.Context(), query.Get("after"), limit)
	if err != nil {
		return err
	}
	page := roomsPage{Rooms: make([]roomAnswer, len(rooms)), Next: next}
	for i, room := range rooms {
		page.Rooms[i] = s.roomAnswer(room, v)
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

func (s *Server) roomAnswer(room chat.Room, v *visitor) roomAnswer {
	return roomAnswer{
		Name: room.Name, Users: s.chat.Here(room), Guests: room.Guests, Created: room.Created.UnixMilli(),
		CanModerate: room.ModeratedBy(v.person(), v.moderates()),
	}
}

func (s *Server) apiRoom(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	room, err := s.chat.RoomByName(r.Context(), r.PathValue("room"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.roomAnswer(room, v))
	return nil
}

type makeRoom struct {
	Name *string `json:"name"`
}

// apiMakeRoom answers with the room of that name, and makes it if it is new.
func (s *Server) apiMakeRoom(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	var body makeRoom
	if err := readBody(r, &body); err != nil {
		return err
	}
	name, err := needed("name", body.Name)
	if err != nil {
		return err
	}
	room, made, err := s.chat.MakeRoom(r.Context(), v.person(), name)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	w.Header().Set("Location", "rooms/"+url.PathEscape(room.Name)) // relative, as all addresses that we give out
	writeJSON(w, status, s.roomAnswer(room, v))
	return nil
}
