package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"snug/account"
	"snug/web/socket"
)

func TestSocketsOfExpiredSessionsAreClosed(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Accounts.SessionLife = time.Second })
	k := s.person("ada").dial("/ws/")
	k.only("hello")
	deadline := time.After(patienceOfTests)
	for {
		s.server.peers.checkSessions(t.Context())
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
	s.server.peers.end(account.ID{}, ada.user().ID)
	for _, k := range []*sock{one, two} {
		if code := k.closed(); code != closeLoggedOut {
			t.Errorf("close code is %d, want %d", code, closeLoggedOut)
		}
	}
}
