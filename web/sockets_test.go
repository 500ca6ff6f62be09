package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestSocketsAreAuthenticatedBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, nobody := s.person("ada"), s.guest()
	stranger := s.guest()
	stranger.token = "no-such-session"
	for _, path := range []string{"/users/", "/ws/", "/ws/chat/lobby/", "/ws/chat/nowhere/?history=10", "/ws/?token=wrong"} {
		if got := nobody.refused(path); got != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d, want 401", path, got)
		}
		if got := stranger.refused(path); got != http.StatusUnauthorized {
			t.Errorf("%s with a wrong session: %d, want 401", path, got)
		}
	}
	if got := ada.refused("/ws/?token=wrong"); got != http.StatusUnauthorized {
		t.Errorf("a wrong ticket beside a good cookie: %d, want 401", got)
	}
	for path, want := range map[string]int{
		"/ws/chat/two%20words/":        http.StatusBadRequest,
		"/ws/chat/lobby/?history=0":    http.StatusBadRequest,
		"/ws/chat/lobby/?history=101":  http.StatusBadRequest,
		"/ws/chat/lobby/?history=many": http.StatusBadRequest,
	} {
		if got := ada.refused(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	for _, path := range []string{"/users/", "/ws/", "/ws/chat/lobby/"} {
		ada.dial(path)
	}
}

func TestSocketsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	// The site is called by an address, which is one of its names too if it listens there alone.
	s := newSite(t, func(o *siteOptions) { o.Web.Names = []string{"chat.example", "127.0.0.1"} })
	ada := s.person("ada")
	with := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	for _, change := range []func(http.Header){
		with("Origin", "https://evil.example"),
		with("Origin", "null"),
		with("Origin", "http://localhost"),
		with("Origin", "https://chat.example.evil.example"),
		with("Origin", "http://127.0.0.1:9"), // another program on this machine
		with("Origin", "https://evil.example@chat.example"),
		with("Sec-Fetch-Site", "cross-site"),
		with("Sec-Fetch-Mode", "websocket"),
	} {
		for _, path := range []string{"/users/", "/ws/", "/ws/chat/lobby/"} {
			if got := ada.refused(path, change); got != http.StatusForbidden {
				t.Errorf("%s: %d, want 403", path, got)
			}
		}
	}
	ada.dial("/ws/", with("Origin", s.url))
	ada.dial("/ws/", with("Origin", "https://chat.example:8443"))
	ada.dial("/ws/")
}

func TestATicketOpensOneSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, program := s.person("ada"), s.guest()
	ticket := func() string {
		t.Helper()
		var a ticketAnswer
		if err := json.Unmarshal([]byte(ada.post("/ws/ticket/", nil).want(t, http.StatusOK).body), &a); err != nil {
			t.Fatal(err)
		}
		if a.Ticket == "" || a.ExpiresIn != 30 {
			t.Fatalf("ticket is %+v", a)
		}
		return url.QueryEscape(a.Ticket)
	}
	for _, path := range []string{"/ws/", "/users/", "/ws/chat/lobby/"} {
		secret := ticket()
		program.dial(path + "?token=" + secret)
		if got := program.refused(path + "?token=" + secret); got != http.StatusUnauthorized {
			t.Errorf("%s: the second use: %d, want 401", path, got)
		}
	}
	// A foreign page cannot use one up.
	secret := ticket()
	program.refused("/ws/?token="+secret, func(h http.Header) { h.Set("Origin", "https://evil.example") })
	program.dial("/ws/?token=" + secret)
	// A ticket ends with its session.
	secret = ticket()
	ada.post("/log_out/", nil)
	if got := program.refused("/ws/?token=" + secret); got != http.StatusUnauthorized {
		t.Errorf("after the session: %d, want 401", got)
	}
}

func TestTicketsExpireAndAreBounded(t *testing.T) {
	t.Parallel()
	tickets := newTickets()
	now := time.Now()
	v := &visitor{token: "session"}
	secret, err := tickets.issue(v, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := tickets.redeem(secret, now.Add(ticketLife)); ok {
		t.Error("a ticket is good for longer than its life")
	}
	for range maxUserTickets {
		if _, err := tickets.issue(v, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tickets.issue(v, now.Add(ticketLife-1)); err == nil {
		t.Error("tickets are not bounded")
	}
	if _, err := tickets.issue(v, now.Add(ticketLife)); err != nil {
		t.Errorf("expired tickets still count: %v", err)
	}
	tickets.clean(now.Add(3 * ticketLife))
	if len(tickets.waiting) != 0 || len(tickets.users) != 0 {
		t.Errorf("%d tickets of %d people are left", len(tickets.waiting), len(tickets.users))
	}
}

func TestSocketsAreLimitedPerUserAndAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.SocketsPerUser, o.Web.Limits.SocketsPerAddress = 2, 3 })
	ada, grace := s.person("ada"), s.person("grace")
	ada.dial("/ws/")
	ada.dial("/users/")
	if got := ada.refused("/ws/"); got != http.StatusTooManyRequests {
		t.Errorf("third socket of a person: %d, want 429", got)
	}
	grace.dial("/ws/")
	if got := grace.refused("/ws/"); got != http.StatusTooManyRequests {
		t.Errorf("fourth socket of an address: %d, want 429", got)
	}
}

func TestOnlineAndOfflineAreToldToUsersPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	watcher := ada.dial("/users/")
	about := func(name string, online bool) func(frame) bool {
		return func(f frame) bool { return f["username"] == name && f["is_logged_in"] == online }
	}
	first := grace.dial("/ws/chat/lobby/")
	watcher.until("grace online", about("grace", true))
	second := grace.dial("/users/")
	_ = first.conn.CloseNow()
	_ = second.conn.CloseNow()
	gone := watcher.until("grace offline", about("grace", false))
	if seen, _ := gone["last_seen"].(float64); seen <= 0 {
		t.Errorf("frame is %v, want last_seen", gone)
	}
	watcher.send("anything")
	watcher.send(`{"message":"is ignored"}`)
	grace.dial("/ws/")
	watcher.until("grace online again", about("grace", true))
}

func TestLoggingOutClosesTheSessionsSocketsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Presence.Linger = time.Hour })
	watcher := s.person("watcher").dial("/users/")
	ada := s.person("ada")
	other := ada.again()
	sockets := []*sock{ada.dial("/ws/"), ada.dial("/users/"), ada.dial("/ws/chat/lobby/")}
	stays := other.dial("/ws/")
	stays.next("hello")
	ada.post("/log_out/", nil)
	for _, k := range sockets {
		if code := k.closed(); code != closeLoggedOut {
			t.Errorf("close code is %d, want %d", code, closeLoggedOut)
		}
	}
	if answer := stays.ask(`{"type":"join","ref":1,"room":"lobby"}`); !slices.Equal(strs(answer["users"]), []string{"ada"}) {
		t.Errorf("the other device has %v", answer)
	}
	other.post("/log_out/", nil)
	if code := stays.closed(); code != closeLoggedOut {
		t.Errorf("close code is %d, want %d", code, closeLoggedOut)
	}
	watcher.until("ada offline, with no linger", func(f frame) bool { return f["username"] == "ada" && f["is_logged_in"] == false })
}

func TestLoggingOutIsOfflineAtOnceThoughThePageLingers(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Presence.Linger = time.Hour })
	ada := s.person("ada")
	k := ada.dial("/ws/")
	k.next("hello")
	_ = k.conn.Close(websocket.StatusGoingAway, "")
	ada.post("/log_out/", nil)
	if s.presence.Present("", ada.user().ID.Hex()) {
		t.Error("ada is still online")
	}
}

func TestSessionsEndedElsewhereCloseTheirSockets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	kept := ada.again()
	k, keeps := ada.dial("/ws/"), kept.dial("/ws/")
	v, err := s.server.visitorByToken(t.Context(), ada.token)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.accounts.EndSession(t.Context(), v.session); err != nil {
		t.Fatal(err)
	}
	if code := k.closed(); code != closeLoggedOut {
		t.Errorf("close code is %d, want %d", code, closeLoggedOut)
	}
	keeps.ask(`{"type":"users","ref":1}`)
}

func TestShutdownTellsSocketsToComeBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	sockets := []*sock{ada.dial("/ws/"), ada.dial("/users/"), ada.dial("/ws/chat/lobby/")}
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, k := range sockets {
		if code := k.closed(); code != closeRestart {
			t.Errorf("close code is %d, want %d", code, closeRestart)
		}
	}
	if got := ada.refused("/ws/"); got != http.StatusServiceUnavailable {
		t.Errorf("a new socket: %d, want 503", got)
	}
}

func TestGuestsReadWhereTheRoomLetsThem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, guest := s.person("ada"), s.guest()
	member := ada.dial("/ws/chat/lobby/")
	member.next("user_join")
	if got := guest.refused("/ws/chat/lobby/"); got != http.StatusUnauthorized {
		t.Errorf("before: %d, want 401", got)
	}
	ada.post("/chat/lobby/settings/", url.Values{"guests": {"on"}}).leadsTo(t, "../../../chat/lobby/settings/?saved")
	page := guest.get("/chat/lobby/").want(t, http.StatusOK)
	page.says(t, `"me":null`)
	page.saysNot(t, `"inbox"`)
	reader := guest.dial("/ws/chat/lobby/?history=10")
	if list := reader.only("user_list"); !slices.Equal(strs(list["users"]), []string{"ada"}) {
		t.Errorf("user list is %v", list)
	}
	reader.send(`{"message":"me too"}`)
	reader.send(`not JSON`)
	member.send(`{"message":"hello"}`)
	if got := member.next("chat_message"); got["message"] != "hello" {
		t.Errorf("message is %v", got)
	}
	if got := reader.only("chat_message"); got["message"] != "hello" {
		t.Errorf("message is %v", got)
	}
	ada.post("/chat/lobby/settings/", nil).leadsTo(t, "../../../chat/lobby/settings/?saved")
	if code := reader.closed(); code != closeLoggedOut {
		t.Errorf("close code is %d, want %d", code, closeLoggedOut)
	}
	guest.get("/chat/lobby/").want(t, http.StatusSeeOther)
	if room, err := s.chat.RoomByName(t.Context(), "lobby"); err != nil || room.Guests {
		t.Errorf("room is %+v, %v", room, err)
	}
}

// TestAddressesOfOneIPv6NetworkCountAsOne holds that whoever has a network of addresses does not have as many sockets.
func TestAddressesOfOneIPv6NetworkCountAsOne(t *testing.T) {
	t.Parallel()
	counted := func(remote string) string { return info(&http.Request{RemoteAddr: remote}, nil).Address }
	if a, b := counted("[2001:db8:1:2::1]:5000"), counted("[2001:db8:1:2:ffff::2]:5001"); a != b {
		t.Errorf("one network counts as %s and %s", a, b)
	}
	for _, pair := range [][2]string{
		{"[2001:db8:1:2::1]:5000", "[2001:db8:1:3::1]:5000"},
		{"192.0.2.1:5000", "192.0.2.2:5000"},
	} {
		if a, b := counted(pair[0]), counted(pair[1]); a == b {
			t.Errorf("%s and %s both count as %s", pair[0], pair[1], a)
		}
	}
}

// TestASocketThatIsRefusedIsToldWhyInJSON opens sockets that each for another reason may not be, and reads the answer.
func TestASocketThatIsRefusedIsToldWhyInJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.SocketsPerUser = 1 })
	ada, guest := s.person("ada"), s.guest()
	first := ada.dial("/ws/")
	first.only("hello")
	expect := func(c *client, path string, status int, code string, change ...func(http.Header)) {
		t.Helper()
		_, response, err := c.tryDial(path, change...)
		if err == nil || response == nil || response.StatusCode != status {
			t.Fatalf("%s: answer %v, %v, want %d", path, response, err, status)
		}
		var f errorFrame
		if err := json.NewDecoder(response.Body).Decode(&f); err != nil || f.Type != "error" || f.Code != code || f.Message == "" {
			t.Errorf("%s: answer is %+v, %v, want an error frame with code %s", path, f, err, code)
		}
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type is %q", path, got)
		}
	}
	expect(ada, "/ws/", http.StatusTooManyRequests, "too_many_connections")
	if _, crowded, _ := ada.tryDial("/ws/"); crowded == nil || crowded.Header.Get("Retry-After") == "" {
		t.Error("who has too many connections is not told when to try again")
	}
	expect(guest, "/ws/", http.StatusUnauthorized, "forbidden")
	var f errorFrame
	unfit := s.person("grace").get("/ws/", func(r *http.Request) {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket") // and no version or key
	}).want(t, http.StatusBadRequest)
	if err := json.Unmarshal([]byte(unfit.body), &f); err != nil || f.Code != "bad_frame" {
		t.Errorf("an upgrade that is none is answered by %q", unfit.body)
	}
	expect(ada, "/ws/", http.StatusForbidden, "forbidden", func(h http.Header) { h.Set("Origin", "http://evil.example") })
	if err := s.server.hub.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(ada, "/ws/", http.StatusServiceUnavailable, "unavailable")
}
