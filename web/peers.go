package web

import (
	"context"
	"sync"
	"time"

	"snug/account"
	"snug/chat"
	"snug/layer"
	"snug/web/socket"
)

const (
	// cleanEvery is how often what nobody uses any more is forgotten.
	cleanEvery = time.Minute
	// sessionsTick is how late a socket may end whose session has run out. Sessions that were ended are told of at once.
	// It is a quarter of the shortest time that a session lasts without use, see nextCheck.
	sessionsTick = 15 * time.Second
	// sessionsEvery is how often the session of an open socket is looked up, unless it runs out sooner.
	sessionsEvery = 10 * time.Minute
)

// peers are all open sockets. Its goroutine renews their memberships and ends those whose session has expired.
type peers struct {
	server *Server
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex // guards what follows
	all   map[*peer]struct{}
	users map[account.ID]map[*peer]struct{}
}

func newPeers(s *Server) *peers {
	ctx, cancel := context.WithCancel(context.Background())
	ps := &peers{
		server: s,
		cancel: cancel,
		done:   make(chan struct{}),
		all:    make(map[*peer]struct{}),
		users:  make(map[account.ID]map[*peer]struct{}),
	}
	go ps.run(ctx)
	return ps
}

// close stops the goroutine and waits for it.
func (ps *peers) close() {
	ps.cancel()
	<-ps.done
}

func (ps *peers) run(ctx context.Context) {
	defer close(ps.done)
	expiry := ps.server.limits.GroupExpiry
	if expiry <= 0 {
		expiry = layer.DefaultGroupExpiry
	}
	renew := time.NewTicker(max(expiry/4, time.Millisecond))
	defer renew.Stop()
	clean := time.NewTicker(cleanEvery)
	defer clean.Stop()
	sessions := time.NewTicker(sessionsTick)
	defer sessions.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
			for _, p := range ps.list() {
				p.refresh(ctx)
			}
			if err := ps.server.typing.refresh(ctx); err != nil {
				ps.server.logger.Error("membership in groups of who is typing could not be renewed", "error", err)
			}
		case now := <-clean.C:
			ps.server.tickets.clean(now)
			ps.server.talk.clean(now)
			ps.server.asks.clean(now)
			ps.server.calls.clean(now)
			ps.server.moves.clean(now)
		case now := <-sessions.C:
			ps.checkSessions(ctx, now)
		}
	}
}

func (ps *peers) add(p *peer) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.all[p] = struct{}{}
	if p.visitor == nil {
		return
	}
	user := p.visitor.user.ID
	if ps.users[user] == nil {
		ps.users[user] = make(map[*peer]struct{})
	}
	ps.users[user][p] = struct{}{}
}

func (ps *peers) remove(p *peer) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.all, p)
	if p.visitor == nil {
		return
	}
	user := p.visitor.user.ID
	delete(ps.users[user], p)
	if len(ps.users[user]) == 0 {
		delete(ps.users, user)
	}
}

func (ps *peers) list() []*peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	all := make([]*peer, 0, len(ps.all))
	for p := range ps.all {
		all = append(all, p)
	}
	return all
}

// end closes the sockets of a session that is over; a zero session is all of the user's. Who has no other is offline at
// once, even if a page was closed a moment ago and would have lingered.
func (ps *peers) end(session, user account.ID) {
	for _, p := range ps.over(session, user) {
		p.leave(true)
		if st, ok := p.conn.(*stream); ok { // the hub does not know it
			st.Close(closeLoggedOut, "logged out")
		}
	}
	ps.server.hub.CloseIf(func(info socket.Info) bool {
		return info.User == user.String() && (session.IsZero() || info.Session == session.String())
	}, closeLoggedOut, "logged out")
}

// over finds the sockets that end with a session, and makes the person offline if these are all. The lock is held
// until then: a socket of a newer session is added before it goes online, so it cannot go online in between.
func (ps *peers) over(session, user account.ID) []*peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var over []*peer
	for p := range ps.users[user] {
		if session.IsZero() || p.visitor.session == session {
			over = append(over, p)
		}
	}
	if len(over) == len(ps.users[user]) {
		ps.server.chat.LogOut(user)
	}
	return over
}

// endStreams ends all streams of events, because the server stops.
func (ps *peers) endStreams() {
	for _, p := range ps.list() {
		if st, ok := p.conn.(*stream); ok {
			st.Close(closeRestart, "the server restarts")
		}
	}
}

// endGuests closes the sockets of guests in a room that is not open to them any more.
func (ps *peers) endGuests(room chat.ID) {
	for _, p := range ps.list() {
		if p.visitor == nil && p.room == room {
			p.leave(true)
			p.conn.Close(closeLoggedOut, "the room is not open to guests any more")
		}
	}
}

// endRoom takes everybody out of a room that was deleted, and closes the sockets that were for it alone.
func (ps *peers) endRoom(room chat.ID) {
	for _, p := range ps.list() {
		if p.room == room {
			p.leave(true)
			p.conn.Close(closeGone, "the room was deleted")
			continue
		}
		p.exit(room)
		_ = p.quit(context.Background(), chat.RoomGroup(room)) // only a layer that is closed refuses, and that is the end of all sockets
	}
}

// checkSessions closes the sockets whose session has run out, and keeps the other sessions from running out for lack of
// use while a socket is open.
func (ps *peers) checkSessions(ctx context.Context, now time.Time) {
	for _, p := range ps.list() {
		if p.visitor == nil || now.Before(p.check) {
			continue
		}
		v, err := ps.server.still(ctx, p.visitor)
		switch {
		case err != nil: // the next tick asks again
		case v == nil:
			ps.end(p.visitor.session, p.visitor.user.ID)
		default:
			p.check = nextCheck(v, now)
		}
	}
}

// nextCheck is when the session of an open socket is to be looked up again: early enough to count as used, however
// short it lasts.
func nextCheck(v *visitor, now time.Time) time.Time {
	if v.expires.IsZero() {
		return now.Add(sessionsEvery)
	}
	return now.Add(min(sessionsEvery, v.expires.Sub(now)/2))
}
