package web

import (
	"net/http"

	"snug/chat"
	"snug/layer"
	"snug/web/socket"
)

// serveUsers is the socket of pages that show who is online.
func (s *Server) serveUsers(w http.ResponseWriter, r *http.Request) {
	v, err := s.socketMember(r)
	if err != nil {
		s.failSocket(w, r, err)
		return
	}
	s.hub.Serve(w, r, info(r, v), func(c *socket.Conn) socket.Consumer {
		p, err := s.attach(c, v, chat.ID{}, &only{conn: c, kinds: usersFrames})
		if err != nil {
			return s.turnAway(c, err)
		}
		if err := p.join(c.Context(), chat.UsersGroup); err != nil {
			p.leave(false)
			return s.turnAway(c, err)
		}
		// The page was made before its socket brought its reader online, and nobody may tell: of an arrival right after a departure
		// nothing is heard.
		p.send(chat.PresenceEvent{Type: chat.TypePresence, Username: v.user.Name, IsLoggedIn: true})
		s.chat.Recent(func(e chat.PresenceEvent) {
			if e.Username != v.user.Name {
				p.send(e)
			}
		})
		return usersSocket{p}
	})
}

// usersFrames are the types that the socket knows.
func usersFrames(kind string) bool { return kind == chat.TypePresence }

type usersSocket struct{ peer *peer }

func (u usersSocket) Receive(*socket.Conn, []byte) { u.peer.ignore() }
func (u usersSocket) Closed(*socket.Conn)          { u.peer.leave(false) }

// only is a listener for clients that would not understand some of what their groups are told.
type only struct {
	conn  *socket.Conn
	kinds func(kind string) bool
}

func (o *only) Deliver(m *layer.Message) error {
	if !o.kinds(m.Type()) {
		return nil
	}
	return o.conn.Deliver(m)
}

func (o *only) Full() { o.conn.Full() }
