package web

import (
	"context"
	"errors"
	"net/http"

	"snug/account"
	"snug/chat"
)

// chatBoot is the first data of the script of a chat screen: what it would ask for first, in the frames of /ws/.
type chatBoot struct {
	Me      *meBoot        `json:"me"` // null for a guest
	Base    string         `json:"base"`
	Kind    string         `json:"kind"`
	Name    string         `json:"name"`
	Limits  limitsFrame    `json:"limits"`
	Log     string         `json:"log"`
	Joined  *joinedFrame   `json:"joined,omitempty"`  // of a room
	History *historyAnswer `json:"history,omitempty"` // of a private conversation
	Rooms   *roomsAnswer   `json:"rooms,omitempty"`   // not for a guest
	Inbox   *inboxAnswer   `json:"inbox,omitempty"`   // not for a guest
	Nodes   *nodesFrame    `json:"nodes,omitempty"`   // not for a guest; those that this page may go to, there now or not
}

// errGuests is a room that a guest may not read. It is the same whether there is such a room, or was one, or not.
var errGuests = errors.New("the room is not open to guests")

// getRoom is the screen of a room. The first person to open it makes it; guests may read where the room lets them.
func (s *Server) getRoom(w http.ResponseWriter, r *http.Request) {
	v, err := s.visitor(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	room, err := s.openRoom(r.Context(), v, r.PathValue("room"))
	if errors.Is(err, errGuests) {
		toLogIn(w, r)
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	boot, err := s.boot(r, v)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	boot.Kind, boot.Name = "room", room.Name
	if boot.Joined, err = s.joined(r.Context(), v, room, joinFrame{}); err != nil {
		s.fail(w, r, err)
		return
	}
	s.renderChat(w, r, ChatPage{
		Page: s.page(r, room.Name, v), Kind: boot.Kind, Name: room.Name, Boot: boot, Guest: v == nil,
	})
}

// openRoom finds a room by its name, for a member who may write making it if it is new; a guest may have errGuests.
func (s *Server) openRoom(ctx context.Context, v *visitor, name string) (chat.Room, error) {
	switch {
	case v.may(account.ScopeWrite):
		return s.chat.OpenRoom(ctx, v.person(), name)
	case v != nil:
		return s.chat.RoomByName(ctx, name)
	}
	if _, err := chat.RoomName(name); err != nil {
		return chat.Room{}, err
	}
	room, err := s.chat.RoomByName(ctx, name)
	var refused *chat.Error
	switch {
	case err == nil && room.Guests:
		return room, nil
	case err == nil, errors.As(err, &refused) && (refused.Code == chat.CodeNotFound || refused.Code == chat.CodeGone):
		return chat.Room{}, errGuests
	}
	return chat.Room{}, err
}

// boot is what all chat screens begin with.
func (s *Server) boot(r *http.Request, v *visitor) (*chatBoot, error) {
	boot := &chatBoot{Base: base(r), Limits: s.limitsFrame(), Log: s.chat.Log()}
	if v == nil {
		return boot, nil
	}
	boot.Me = &meBoot{Name: v.user.Name}
	rooms, err := s.roomsAnswer(r.Context())
	if err != nil {
		return nil, err
	}
	inbox, err := s.inboxAnswer(r.Context(), v, inboxFrame{})
	if err != nil {
		return nil, err
	}
	boot.Rooms, boot.Inbox = rooms, inbox
	if s.moves != nil {
		known, _ := s.neighbors.known()
		var others []nodeFrame
		for _, node := range known {
			others = append(others, nodeFrame{Name: node.Name, URL: node.URL})
		}
		frame := s.neighbors.frame(others)
		boot.Nodes = &frame
	}
	return boot, nil
}

// renderChat writes a chat screen, which may leave for another node.
func (s *Server) renderChat(w http.ResponseWriter, r *http.Request, view ChatPage) {
	if !view.Guest {
		s.letMove(w.Header())
	}
	s.render(w, r, http.StatusOK, "chat", view)
}
