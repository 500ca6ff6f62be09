package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"snug/chat"
	"snug/web/socket"
)

// serveChat is the tutorial's socket: one room.
func (s *Server) serveChat(w http.ResponseWriter, r *http.Request) {
	v, err := s.socketVisitor(r)
	if err != nil {
		s.failSocket(w, r, err)
		return
	}
	// A bad name is answered before anything else is looked at: it is never a question of who asks.
	if _, err := chat.RoomName(r.PathValue("room")); err != nil {
		s.failSocket(w, r, badField("%s", err))
		return
	}
	history, err := historySize(r.URL.Query())
	if err != nil {
		s.failSocket(w, r, err)
		return
	}
	room, err := s.openRoom(r.Context(), v, r.PathValue("room"))
	if err != nil {
		s.failSocket(w, r, err)
		return
	}
	s.hub.Serve(w, r, info(r, v), func(c *socket.Conn) socket.Consumer {
		k, err := s.openChat(c, v, room, history)
		if err != nil {
			return s.turnAway(c, err)
		}
		return k
	})
}

// historySize is how many messages the address asks for; without asking, none.
func historySize(query url.Values) (int, error) {
	if !query.Has("history") {
		return 0, nil
	}
	n, err := strconv.Atoi(query.Get("history"))
	if err != nil || n < 1 || n > chat.MaxHistory {
		return 0, badField("history must be a number from 1 to %d", chat.MaxHistory)
	}
	return n, nil
}

// chatSocket is one open tutorial socket.
type chatSocket struct {
	peer *peer
	room chat.Room
}

// openChat tells the client who is here and what was said, and lets it in. What happens meanwhile is held back, so that
// user_list comes first and nothing is said twice.
func (s *Server) openChat(c *socket.Conn, v *visitor, room chat.Room, history int) (*chatSocket, error) {
	door := &door{next: c}
	p, err := s.attach(c, v, room.ID, door)
	if err != nil {
		return nil, err
	}
	k := &chatSocket{peer: p, room: room}
	if err := k.begin(c.Context(), door, history); err != nil {
		p.leave(false)
		return nil, err
	}
	return k, nil
}

func (k *chatSocket) begin(ctx context.Context, door *door, history int) error {
	p, s := k.peer, k.peer.server
	if err := p.join(ctx, chat.RoomGroup(k.room.ID)); err != nil {
		return err
	}
	if p.visitor != nil {
		if err := p.join(ctx, chat.UserGroup(p.visitor.user.ID)); err != nil {
			return err
		}
	} else if _, err := s.openRoom(ctx, nil, k.room.Name); err != nil {
		return err // closed to guests since the upgrade
	}
	here := list(s.chat.Present(k.room))
	p.send(userListFrame{Type: "user_list", Room: k.room.Name, Users: here})
	told := s.chat.Seq()
	if history > 0 {
		said, _, err := s.chat.History(ctx, p.person(), k.room, chat.ID{}, history)
		if err != nil {
			return err
		}
		for _, event := range said {
			p.send(event)
			told = max(told, event.Seq)
		}
	}
	door.open(here, told)
	if p.visitor != nil {
		p.enter(k.room.ID, s.chat.Enter(p.person(), k.room))
	}
	return nil
}

// Receive posts what a member says. Guests only read.
func (k *chatSocket) Receive(_ *socket.Conn, frame []byte) {
	p := k.peer
	if p.visitor == nil {
		p.ignore()
		return
	}
	if err := k.post(frame); err != nil {
		p.refuse(nil, err)
	}
}

func (k *chatSocket) post(frame []byte) error {
	p := k.peer
	if err := p.server.maySpeak(p.visitor); err != nil {
		return err
	}
	var f chatFrame
	if err := decodeFrame(frame, &f); err != nil {
		return err
	}
	text, id, err := spoken(f.Message, f.ID)
	if err != nil {
		return err
	}
	ctx, cancel := p.answering()
	defer cancel()
	_, err = p.server.chat.Post(ctx, p.person(), k.room.Name, id, text)
	return err
}

// Closed lets the person linger, who may only be reloading the page.
func (k *chatSocket) Closed(*socket.Conn) { k.peer.leave(false) }
