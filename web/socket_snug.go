package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"snug/account"
	"snug/chat"
	"snug/web/socket"
)

const (
	// maxJoined is how many rooms one socket may be in: more than anybody has open, few enough that a thousand sockets
	// cannot be a member of everything.
	maxJoined = 20
	// maxOnline is how many names an answer to users has.
	maxOnline = 500
)

var (
	errJoined     = &chat.Error{Code: chat.CodeForbidden, Message: "you are in as many rooms as one connection may be: leave one first"}
	errRoomOrUser = badField(`one of "room" and "user" is needed`)
)

// serveSnug is the socket of Snug's own client: everything over one.
func (s *Server) serveSnug(w http.ResponseWriter, r *http.Request) {
	v, err := s.socketMember(r)
	if err != nil {
		s.failSocket(w, r, err)
		return
	}
	s.hub.Serve(w, r, info(r, v), func(c *socket.Conn) socket.Consumer {
		k, err := s.openSnug(c, v, r.Header.Get("Origin"))
		if err != nil {
			return s.turnAway(c, err)
		}
		return k
	})
}

// snugSocket is one open socket of our own protocol.
type snugSocket struct {
	peer   *peer
	origin string // of the page that opened it, "" for a program
}

func (s *Server) openSnug(c *socket.Conn, v *visitor, origin string) (snugSocket, error) {
	p, err := s.attach(c, v, chat.ID{}, c)
	if err != nil {
		return snugSocket{}, err
	}
	p.send(helloFrame{Type: "hello", User: v.user.Name, Version: s.version, Log: s.chat.Log(), Limits: s.limitsFrame()})
	if err := p.join(c.Context(), chat.UserGroup(v.user.ID)); err != nil {
		p.leave(false)
		return snugSocket{}, err
	}
	return snugSocket{peer: p, origin: origin}, nil
}

// limitsFrame is what a client must know before it sends.
func (s *Server) limitsFrame() limitsFrame {
	return limitsFrame{MessageCharacters: s.chat.MaxMessage(), TypingSeconds: int(chat.TypingPause / time.Second)}
}

// Receive answers one frame.
func (k snugSocket) Receive(_ *socket.Conn, frame []byte) {
	e, err := decodeEnvelope(frame)
	if err == nil {
		err = k.handle(e, frame)
	}
	if err != nil {
		k.peer.refuse(e.Ref, err)
	}
}

// Closed lets the person linger, who may only be reloading the page.
func (k snugSocket) Closed(*socket.Conn) { k.peer.leave(false) }

// handle does what a frame says. An error is the answer.
func (k snugSocket) handle(e envelope, frame []byte) error {
	ctx, cancel := k.peer.answering()
	defer cancel()
	switch e.Type {
	case "post":
		return speak(ctx, k, e, frame, k.post)
	case "private":
		return speak(ctx, k, e, frame, k.private)
	case "edit":
		return speak(ctx, k, e, frame, k.edit)
	case "delete":
		return speak(ctx, k, e, frame, k.remove)
	case "typing":
		return k.typing(ctx, e, frame)
	case "join":
		return ask(ctx, k, e, frame, k.join)
	case "leave":
		return ask(ctx, k, e, frame, k.leave)
	case "history":
		return ask(ctx, k, e, frame, k.history)
	case "inbox":
		return ask(ctx, k, e, frame, k.inbox)
	case "rooms":
		return ask(ctx, k, e, frame, k.rooms)
	case "users":
		return ask(ctx, k, e, frame, k.users)
	case "nodes":
		return ask(ctx, k, e, frame, k.nodes)
	}
	if err := k.peer.mayAsk(); err != nil {
		return err
	}
	return &trouble{status: http.StatusBadRequest, code: codeUnknownType, text: "there is no frame of that type"}
}

// speak is for frames that write a message: they take from what the person may send, and are acknowledged.
func speak[F any](ctx context.Context, k snugSocket, e envelope, frame []byte, do func(context.Context, F) (chat.Receipt, error)) error {
	if err := k.peer.server.maySpeak(k.peer.visitor); err != nil {
		return err
	}
	var f F
	if err := decodeFrame(frame, &f); err != nil {
		return err
	}
	receipt, err := do(ctx, f)
	if err != nil {
		return err
	}
	if e.Ref != nil {
		k.peer.send(ackFrame{Type: "ack", Ref: e.Ref, ID: receipt.ID.String(), Time: receipt.Time, Seq: receipt.Seq, OnlyHere: receipt.OnlyHere})
	}
	return nil
}

// ask is for all other frames: they take from what the person may ask.
func ask[F any](ctx context.Context, k snugSocket, e envelope, frame []byte, do func(context.Context, json.RawMessage, F) error) error {
	if err := k.peer.mayAsk(); err != nil {
		return err
	}
	var f F
	if err := decodeFrame(frame, &f); err != nil {
		return err
	}
	return do(ctx, e.Ref, f)
}

func (k snugSocket) post(ctx context.Context, f postFrame) (chat.Receipt, error) {
	if f.Room == "" {
		return chat.Receipt{}, badField(`"room" is missing`)
	}
	text, id, err := spoken(f.Message, f.ID)
	if err != nil {
		return chat.Receipt{}, err
	}
	return k.peer.server.chat.Post(ctx, k.peer.person(), f.Room, id, text)
}

func (k snugSocket) private(ctx context.Context, f privateFrame) (chat.Receipt, error) {
	if f.User == "" {
		return chat.Receipt{}, badField(`"user" is missing`)
	}
	text, id, err := spoken(f.Message, f.ID)
	if err != nil {
		return chat.Receipt{}, err
	}
	return k.peer.server.chat.Private(ctx, k.peer.person(), f.User, id, text)
}

// typing takes from nothing else that the person may do. What comes too often is not told, and only a flood of it costs anything.
func (k snugSocket) typing(ctx context.Context, e envelope, frame []byte) error {
	p, c := k.peer, k.peer.server.chat
	if !p.ignore() {
		return k.acknowledge(e.Ref)
	}
	if !p.visitor.may(account.ScopeWrite) {
		return errScope(account.ScopeWrite)
	}
	var f typingFrame
	if err := decodeFrame(frame, &f); err != nil {
		return err
	}
	if (f.Room == "") == (f.User == "") {
		return errRoomOrUser
	}
	var err error
	if f.Room != "" {
		err = c.Typing(ctx, p.person(), f.Room)
	} else {
		err = c.TypingTo(ctx, p.person(), f.User)
	}
	if err != nil {
		return err
	}
	return k.acknowledge(e.Ref)
}

// acknowledge answers a frame that was done and has no answer of its own, for who wants one.
func (k snugSocket) acknowledge(ref json.RawMessage) error {
	if ref != nil {
		k.peer.send(ackFrame{Type: "ack", Ref: ref})
	}
	return nil
}

func (k snugSocket) edit(ctx context.Context, f editFrame) (chat.Receipt, error) {
	if f.ID == nil {
		return chat.Receipt{}, badField(`"id" is missing`)
	}
	text, id, err := spoken(f.Message, f.ID)
	if err != nil {
		return chat.Receipt{}, err
	}
	return k.peer.server.chat.Edit(ctx, k.peer.person(), id, text)
}

func (k snugSocket) remove(ctx context.Context, f deleteFrame) (chat.Receipt, error) {
	if f.ID == nil {
		return chat.Receipt{}, badField(`"id" is missing`)
	}
	id, err := messageID("id", f.ID)
	if err != nil {
		return chat.Receipt{}, err
	}
	return k.peer.server.deleteMessage(ctx, k.peer.visitor, id)
}

// join becomes a member of the room's group before it reads what was said, so that nothing falls in between.
func (k snugSocket) join(ctx context.Context, ref json.RawMessage, f joinFrame) error {
	p, s := k.peer, k.peer.server
	if f.Room == "" {
		return badField(`"room" is missing`)
	}
	if f.After < 0 {
		return badField(`"after" must not be negative`)
	}
	room, err := s.openRoom(ctx, p.visitor, f.Room)
	if err != nil {
		return err
	}
	here, places := p.in(room.ID)
	if !here {
		if places > maxJoined { // one of the places is the whole server
			return errJoined
		}
		if err := p.join(ctx, chat.RoomGroup(room.ID)); err != nil {
			return err
		}
		p.enter(room.ID, s.chat.Enter(p.person(), room))
	}
	var answer *joinedFrame
	if err = p.hearTyping(ctx, room.ID); err == nil {
		answer, err = s.joined(ctx, p.visitor, room, f)
	}
	if err != nil {
		if !here {
			p.exit(room.ID)
			_ = p.quit(ctx, chat.RoomGroup(room.ID)) // only a layer that is closed refuses, and that is the end of all sockets
		}
		return err
	}
	answer.Ref = ref
	p.send(answer)
	return nil
}

// leave is answered the same where the socket is not in the room.
func (k snugSocket) leave(ctx context.Context, ref json.RawMessage, f leaveFrame) error {
	p := k.peer
	if f.Room == "" {
		return badField(`"room" is missing`)
	}
	room, err := p.server.chat.RoomByName(ctx, f.Room)
	if err != nil {
		return err
	}
	p.exit(room.ID)
	if err := p.quit(ctx, chat.RoomGroup(room.ID)); err != nil {
		return err
	}
	return k.acknowledge(ref)
}

func (k snugSocket) history(ctx context.Context, ref json.RawMessage, f historyFrame) error {
	if (f.Room == "") == (f.User == "") {
		return errRoomOrUser
	}
	answer, err := k.peer.server.historyAnswer(ctx, k.peer.visitor, f)
	if err != nil {
		return err
	}
	answer.Ref = ref
	k.peer.send(answer)
	return nil
}

func (k snugSocket) inbox(ctx context.Context, ref json.RawMessage, f inboxFrame) error {
	if f.After < 0 {
		return badField(`"after" must not be negative`)
	}
	answer, err := k.peer.server.inboxAnswer(ctx, k.peer.visitor, f)
	if err != nil {
		return err
	}
	answer.Ref = ref
	k.peer.send(answer)
	return nil
}

// none is a frame without fields of its own.
type none struct{}

func (k snugSocket) rooms(ctx context.Context, ref json.RawMessage, _ none) error {
	if err := k.peer.join(ctx, chat.RoomsGroup); err != nil {
		return err
	}
	answer, err := k.peer.server.roomsAnswer(ctx)
	if err != nil {
		return err
	}
	answer.Ref = ref
	k.peer.send(answer)
	return nil
}

func (k snugSocket) users(ctx context.Context, ref json.RawMessage, _ none) error {
	if err := k.peer.join(ctx, chat.UsersGroup); err != nil {
		return err
	}
	names, total, err := k.peer.server.chat.Online(ctx, maxOnline)
	if err != nil {
		return err
	}
	k.peer.send(usersAnswer{Type: "users", Ref: ref, Users: list(names), Total: total})
	return nil
}
