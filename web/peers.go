package web

import (
	"context"
	"sync"
	"time"

	"snug/account"
	"snug/chat"
	"snug/web/socket"
)

const (
	// cleanEvery is how often what nobody uses any more is forgotten.
	cleanEvery = time.Minute
	// sessionsEvery is how often the sessions of open sockets are looked up, which also keeps them from expiring for lack
	// of use. Ended ones are told of at once; this is for those that run out.
	sessionsEvery = 10 * time.Minute
	// defaultGroupExpiry is the layer's own.
	defaultGroupExpiry = 24 * time.Hour
)

// peers are all open sockets. Its goroutine renews their memberships and ends those whose session has expired.
type peers struct {
	server *Server
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
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
		expiry = defaultGroupExpiry
	}
	renew := time.NewTicker(max(expiry/4, time.Millisecond))
	defer renew.Stop()
	clean := time.NewTicker(cleanEvery)
	defer clean.Stop()
	sessions := time.NewTicker(sessionsEvery)
	defer sessions.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
			for _, p := range ps.list() {
				p.refresh(ctx)
			}
		case now := <-clean.C:
			ps.server.tickets.clean(now)
			ps.server.talk.clean(now)
			ps.server.moves.clean(now)
		case <-sessions.C:
			ps.checkSessions(ctx)
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
	var over []*peer
	others := false
	ps.mu.Lock()
	for p := range ps.users[user] {
		if session.IsZero() || p.visitor.session == session {
			over = append(over, p)
		} else {
			others = true
		}
	}
	ps.mu.Unlock()
	for _, p := range over {
		p.leave(true)
	}
	if !others {
		ps.server.chat.LogOut(user)
	}
	ps.server.hub.CloseIf(func(info socket.Info) bool {
		return info.User == user.String() && (session.IsZero() || info.Session == session.String())
	}, closeLoggedOut, "logged out")
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

func (ps *peers) checkSessions(ctx context.Context) {
	for _, p := range ps.list() {
		if p.visitor == nil {
			continue
		}
		v, err := ps.server.visitorByToken(ctx, p.visitor.token)
		if err == nil && v == nil {
			ps.end(p.visitor.session, p.visitor.user.ID)
		}
	}
}
