package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"snug/account"
	"snug/chat"
	"snug/layer"
	"snug/web/socket"
)

func TestSocketsOfExpiredSessionsAreClosed(t *testing.T) {
	t.Parallel()
	var s *site
	var k *sock
	inTime(t, func(life time.Duration) (err error) {
		s = newSite(t, func(o *siteOptions) { o.Accounts.SessionLife = life })
		k, _, err = s.person("ada").tryDial("/ws/")
		return err
	})
	k.only("hello")
	deadline := time.After(patienceOfTests)
	for {
		s.server.peers.checkSessions(t.Context(), time.Now())
		select {
		case _, open := <-k.frames:
			if open {
				continue
			}
			if code := k.closed(); code != closeLoggedOut {
				t.Errorf("close code is %d, want %d", code, closeLoggedOut)
			}
			return
		case <-deadline:
			t.Fatal("the socket outlives its session")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestASessionThatEndsDuringTheUpgradeEndsTheSocket opens a socket for somebody who was logged in a moment ago.
func TestASessionThatEndsDuringTheUpgradeEndsTheSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	v, err := s.server.visitorByToken(t.Context(), ada.token)
	if err != nil || v == nil {
		t.Fatal(v, err)
	}
	ada.post("/log_out/", nil)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.server.hub.Serve(w, r, info(r, v), func(c *socket.Conn) socket.Consumer {
			k, err := s.server.openSnug(c, v, "")
			if err != nil {
				return s.server.turnAway(c, err)
			}
			return k
		})
	}))
	t.Cleanup(front.Close)
	late := s.guest()
	late.site = &site{t: t, url: front.URL}
	if code := late.dial("/").closed(); code != closeLoggedOut {
		t.Errorf("close code is %d, want %d", code, closeLoggedOut)
	}
	if s.presence.Present("", v.user.ID.Hex()) || len(s.server.peers.list()) != 0 {
		t.Error("something is left of the socket")
	}
}

func TestNothingIsLeftOfClosedSockets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	watcher := s.person("watcher").dial("/ws/")
	watcher.ask(`{"type":"users","ref":1}`)
	for range 20 {
		k := ada.dial("/ws/")
		k.ask(`{"type":"join","ref":1,"room":"lobby"}`)
		_ = k.conn.CloseNow()
		_ = ada.dial("/ws/chat/lobby/").conn.CloseNow()
		_ = ada.dial("/users/").conn.CloseNow()
	}
	deadline := time.After(patienceOfTests)
	for len(s.server.peers.list()) != 1 || s.presence.Present("", ada.user().ID.Hex()) {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%d sockets are left, want the watcher's", len(s.server.peers.list()))
		}
	}
	s.server.peers.mu.Lock()
	defer s.server.peers.mu.Unlock()
	if len(s.server.peers.users) != 1 {
		t.Errorf("%d people have sockets, want the watcher alone", len(s.server.peers.users))
	}
}

func TestAnAccountThatIsShutOutLosesItsSockets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	one, two := ada.dial("/ws/"), ada.again().dial("/users/")
	one.next("hello") // an upgrade is answered before the server knows its socket
	two.next("presence")
	s.server.peers.end(account.ID{}, ada.user().ID)
	for _, k := range []*sock{one, two} {
		if code := k.closed(); code != closeLoggedOut {
			t.Errorf("close code is %d, want %d", code, closeLoggedOut)
		}
	}
}

// onlyPeer is the one socket that is open.
func (s *site) onlyPeer() *peer {
	s.t.Helper()
	all := s.server.peers.list()
	if len(all) != 1 {
		s.t.Fatalf("%d sockets are open, want one", len(all))
	}
	return all[0]
}

// slowLayer calls between once, when a membership is made and its caller does not know yet.
type slowLayer struct {
	*layer.Memory
	between func()
}

func (l *slowLayer) GroupAdd(ctx context.Context, group, channel string) error {
	err := l.Memory.GroupAdd(ctx, group, channel)
	if between := l.between; between != nil {
		l.between = nil
		between()
	}
	return err
}

func TestRenewingNeverEndsAMembership(t *testing.T) {
	t.Parallel()
	slow := &slowLayer{Memory: layer.NewMemory(layer.Options{})}
	defer slow.Close()
	p := &peer{server: &Server{parts: parts{layer: slow}}, channel: "socket!1", groups: make(map[string]struct{})}
	if err := p.join(t.Context(), "room"); err != nil {
		t.Fatal(err)
	}
	var back sync.WaitGroup
	added, renewed := make(chan struct{}), make(chan struct{})
	slow.between = func() {
		if !p.mu.TryLock() {
			return // nobody can leave and come back before the renewal is done
		}
		p.mu.Unlock()
		if err := p.quit(t.Context(), "room"); err != nil {
			t.Error(err)
		}
		slow.between = func() {
			close(added)
			<-renewed
		}
		back.Go(func() {
			if err := p.join(t.Context(), "room"); err != nil {
				t.Error(err)
			}
		})
		<-added
	}
	p.refresh(t.Context())
	close(renewed)
	back.Wait()
	if n := slow.Stats().Members; n != 1 {
		t.Errorf("%d memberships after a socket left a room and came back, want 1", n)
	}
}

func TestQuittingAfterTheTimeForAnAnswerEndsTheMembership(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.person("ada").dial("/ws/").ask(`{"type":"users","ref":1}`)
	p, group := s.onlyPeer(), chat.RoomGroup(chat.ID{1})
	before := s.members()
	ctx, cancel := context.WithCancel(t.Context())
	if err := p.join(ctx, group); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := p.quit(ctx, group); err != nil {
		t.Error(err)
	}
	if now := s.members(); now != before {
		t.Errorf("%d memberships, want %d", now, before)
	}
}

// members is how many memberships the layer holds.
func (s *site) members() int { return s.server.layer.(*layer.Memory).Stats().Members }

func TestASessionIsCheckedBeforeItRunsOut(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for lasts, want := range map[time.Duration]time.Duration{
		30 * 24 * time.Hour: sessionsEvery,
		5 * time.Minute:     150 * time.Second,
		time.Minute:         30 * time.Second,
	} {
		if got := nextCheck(&visitor{expires: now.Add(lasts)}, now).Sub(now); got != want {
			t.Errorf("a session that lasts for %s is checked after %s, want %s", lasts, got, want)
		}
	}
}

func TestLoggingOutLeavesASocketOnlineThatComesMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.person("ada").user()
	newer := &peer{server: s.server, stop: func() {}, visitor: &visitor{user: user, session: account.ID{2}}}
	over := &peer{server: s.server, visitor: &visitor{user: user, session: account.ID{1}}, stop: func() {
		s.server.peers.add(newer)
		s.chat.EnterServer(newer.person())
	}}
	s.server.peers.add(over)
	s.server.peers.end(over.visitor.session, user.ID)
	if !s.presence.Present("", user.ID.Hex()) {
		t.Error("a person with an open socket is offline")
	}
	newer.leave(true)
}

func TestMembershipsAreRenewedInTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.GroupExpiry = 20 * time.Millisecond })
	k := s.person("ada").dial("/ws/")
	k.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	before := s.members()
	if err := s.server.layer.Flush(t.Context()); err != nil { // as if all memberships had expired
		t.Fatal(err)
	}
	deadline := time.After(patienceOfTests)
	for s.members() != before {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("%d memberships are back, want %d", s.members(), before)
		}
	}
}

// TestUsersSocketHearsOfItsOwnPerson: the page of people was made before its socket was open, and shows its own reader as offline
// until the socket says otherwise.
func TestUsersSocketHearsOfItsOwnPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	for range 100 {
		k := ada.dial("/users/")
		k.until("ada online", func(f frame) bool { return f["username"] == "ada" && f["is_logged_in"] == true })
		_ = k.conn.CloseNow()
		s.chat.LogOut(ada.user().ID) // offline at once, so that the next socket is the first again
	}
}

// TestUsersSocketHearsOfWhatThePageMissed: others may come and go between the making of the page and the opening of its socket.
func TestUsersSocketHearsOfWhatThePageMissed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	watcher := s.person("watcher").dial("/users/")
	s.person("grace").dial("/users/")
	eve := s.person("eve")
	eve.dial("/users/")
	watcher.until("eve online", func(f frame) bool { return f["username"] == "eve" && f["is_logged_in"] == true })
	s.chat.LogOut(eve.user().ID)
	watcher.until("eve offline", func(f frame) bool { return f["username"] == "eve" && f["is_logged_in"] == false })

	late := s.person("ada").dial("/users/")
	late.until("eve offline", func(f frame) bool { return f["username"] == "eve" && f["is_logged_in"] == false })
	late.until("grace online", func(f frame) bool { return f["username"] == "grace" && f["is_logged_in"] == true })
}
