package web

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"snug/chat"
	"snug/layer"
	"snug/presence"
	"snug/web/socket"
)

// Close codes of docs/protocol.md.
const (
	closePolicy    = 1008
	closeRestart   = 1012
	closeGone      = 4410
	closeLoggedOut = 4401
)

const (
	// idlePerSecond and idleAtOnce bound what one socket may send that nobody wants to hear.
	idlePerSecond = 20
	idleAtOnce    = 100
	// patience is how much wrong a socket may do before it is closed, and patiencePerSecond how fast that is forgotten.
	// See cost.
	patience          = 200
	patiencePerSecond = 2
	// answerTime bounds what a frame may take, so that a stuck disk is an answer too.
	answerTime = 20 * time.Second
)

// peer is one open socket, or stream of events, with all that must be undone when it closes. Each protocol's consumer holds one.
type peer struct {
	server   *Server
	conn     connection
	visitor  *visitor // nil for a guest
	room     chat.ID  // the only room that the socket is for, if it is for one
	channel  string
	stop     func()        // ends listening, and with it all memberships
	idle     *rate.Limiter // what is ignored
	patience *rate.Limiter
	check    time.Time // when the session is looked up next; once the socket is among the peers, for their goroutine alone

	followsNodes atomic.Bool // it is told when the list of nodes changes

	mu     sync.Mutex // guards what follows
	gone   bool
	groups map[string]struct{}
	visits map[chat.ID]*presence.Visit // by room; the zero ID is the whole server
}

// attach makes a peer of a new socket: from here on its listener hears what its groups are told. A socket for one room
// alone names it.
func (s *Server) attach(c connection, v *visitor, room chat.ID, listener layer.Listener) (*peer, error) {
	channel, err := s.layer.NewChannel(c.Context(), "socket")
	if err != nil {
		return nil, err
	}
	stop, err := s.layer.Listen(channel, listener)
	if err != nil {
		return nil, err
	}
	p := &peer{
		server:   s,
		conn:     c,
		visitor:  v,
		room:     room,
		channel:  channel,
		stop:     s.untilExpiry(v, stop),
		idle:     rate.NewLimiter(idlePerSecond, idleAtOnce),
		patience: rate.NewLimiter(patiencePerSecond, patience),
		groups:   make(map[string]struct{}),
		visits:   make(map[chat.ID]*presence.Visit),
	}
	if v != nil {
		p.check = nextCheck(v, time.Now())
	}
	s.peers.add(p)
	if v != nil {
		if err := p.begin(); err != nil {
			p.leave(false)
			return nil, err
		}
	}
	return p, nil
}

// begin brings a person online, unless their session ended between the upgrade and here: who ends a session closes the
// sockets that are there, and this one may not have been.
func (p *peer) begin() error {
	v, err := p.server.still(p.conn.Context(), p.visitor)
	if err != nil {
		return err
	}
	if v == nil {
		return errNotLoggedIn
	}
	p.enter(chat.ID{}, p.server.chat.EnterServer(p.person()))
	return nil
}

func (p *peer) person() chat.Person { return p.visitor.person() }

// join makes the socket a member of a group.
//
// The lock is held over calls of the layer here and below, which never block: otherwise a renewal could take away the
// membership of a socket that left a room and came back meanwhile.
func (p *peer) join(ctx context.Context, group string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil
	}
	if err := p.server.layer.GroupAdd(ctx, group, p.channel); err != nil {
		return err
	}
	p.groups[group] = struct{}{}
	return nil
}

// quit ends the membership in a group, even where the time for an answer is over.
func (p *peer) quit(ctx context.Context, group string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.groups, group)
	return p.server.layer.GroupDiscard(context.WithoutCancel(ctx), group, p.channel)
}

// refresh renews all memberships, which the layer forgets otherwise.
func (p *peer) refresh(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	for group := range p.groups {
		if err := p.server.layer.GroupAdd(ctx, group, p.channel); err != nil {
			p.server.logger.Error("group membership could not be renewed", "group", group, "error", err)
		}
	}
}

// enter keeps a visit until the socket closes. A visit to a place where it already is, or that comes too late, ends.
func (p *peer) enter(place chat.ID, visit *presence.Visit) {
	p.mu.Lock()
	surplus := p.gone || p.visits[place] != nil
	if !surplus {
		p.visits[place] = visit
	}
	p.mu.Unlock()
	if surplus {
		visit.LeaveNow()
	}
}

// in reports whether the socket is in a place, and how many it is in.
func (p *peer) in(place chat.ID) (here bool, places int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.visits[place] != nil, len(p.visits)
}

// hearTyping has the socket told who is typing in a room, for as long as it is there.
func (p *peer) hearTyping(ctx context.Context, room chat.ID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || p.visits[room] == nil {
		return nil
	}
	return p.server.typing.add(ctx, room, p)
}

// exit leaves a place at once.
func (p *peer) exit(place chat.ID) {
	p.mu.Lock()
	visit := p.visits[place]
	delete(p.visits, place)
	p.server.typing.remove(place, p)
	p.mu.Unlock()
	if visit != nil {
		visit.LeaveNow()
	}
}

// leave undoes everything. Whoever says goodbye is gone at once; a connection that broke lingers, it may come back.
func (p *peer) leave(goodbye bool) {
	p.mu.Lock()
	first := !p.gone
	p.gone = true
	visits := p.visits
	p.visits = nil
	p.mu.Unlock()
	if !first {
		return
	}
	p.stop()
	p.server.peers.remove(p)
	for place, visit := range visits {
		p.server.typing.remove(place, p)
		if goodbye {
			visit.LeaveNow()
		} else {
			visit.Leave()
		}
	}
}

// send queues a frame of our own.
func (p *peer) send(frame any) {
	body, err := json.Marshal(frame)
	if err != nil {
		p.server.logger.Error("frame could not be made", "error", err)
		return
	}
	// An error means that the socket is closed or being cut off; its Closed is on the way.
	_ = p.conn.Send(body)
}

// refuse tells the client what could not be done, and closes the socket of one that never stops.
func (p *peer) refuse(ref json.RawMessage, err error) {
	if p.conn.Context().Err() != nil {
		return
	}
	answer := errorAnswer(ref, err)
	if answer.Code == codeInternal {
		p.server.logger.Error("frame could not be answered", "error", err)
	}
	p.send(answer)
	p.annoy(cost(answer.Code))
}

// cost is how much of its patience an error takes. What an honest client may meet costs nothing.
func cost(code string) int {
	switch code {
	case codeBadFrame:
		return 10
	case codeUnknownType, chat.CodeBadField:
		return 2
	case chat.CodeRateLimited:
		return 1
	}
	return 0
}

func (p *peer) annoy(cost int) {
	if !p.patience.AllowN(time.Now(), cost) {
		p.conn.Close(closePolicy, "too many frames that break the rules")
	}
}

// mayAsk takes one frame from what the person may ask, over all sockets.
func (p *peer) mayAsk() error {
	return p.server.asks.take(p.visitor.user.ID, time.Now())
}

// ignore is for what nobody wants to hear: it costs nothing but a flood, of which it reports that there is none.
func (p *peer) ignore() (calm bool) {
	calm = p.idle.Allow()
	if !calm {
		p.annoy(1)
	}
	return calm
}

// answering is the time in which a frame must be answered.
func (p *peer) answering() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.conn.Context(), answerTime)
}

// turnAway closes a socket that could not be set up.
func (s *Server) turnAway(c *socket.Conn, err error) socket.Consumer {
	switch {
	case errors.Is(err, errNotLoggedIn), errors.Is(err, errGuests):
		c.Close(closeLoggedOut, "the session has ended")
	default:
		if c.Context().Err() == nil {
			s.logger.Error("socket could not be set up", "error", err)
		}
		c.Close(closeRestart, "the server could not set this socket up")
	}
	return deaf{}
}

// deaf is the consumer of a socket that is being closed.
type deaf struct{}

func (deaf) Receive(*socket.Conn, []byte) {}
func (deaf) Closed(*socket.Conn)          {}
