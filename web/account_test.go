package web

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/account"
	"snug/chat"
	"snug/layer"
)

const firefoxOnLinux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// logIn goes through the form, as a browser that calls itself agent.
func (s *site) logIn(name, password, agent string, stay bool) (*client, *http.Cookie) {
	s.t.Helper()
	c := s.guest()
	c.name = name
	form := url.Values{"username": {name}, "password": {password}}
	if stay {
		form.Set("stay", "on")
	}
	a := c.post("/log_in/", form, func(r *http.Request) { r.Header.Set("User-Agent", agent) })
	a.want(s.t, http.StatusSeeOther)
	cookie := a.cookie("snug")
	c.token = cookie.Value
	return c, cookie
}

func (s *site) signUp(name string) *client {
	s.t.Helper()
	c := s.guest()
	c.name = name
	c.token = c.post("/sign_up/", url.Values{"username": {name}, "password1": {goodPassword}}).want(s.t, http.StatusSeeOther).cookie("snug").Value
	return c
}

func TestSessionsAreShownAndEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.signUp("ada")
	phone, _ := s.logIn("ada", goodPassword, firefoxOnLinux, true)
	cafe, _ := s.logIn("ada", goodPassword, "curl/8.14.1", false)
	page := ada.get("/settings/").want(t, http.StatusOK)
	for _, text := range []string{"Firefox on Linux", "curl", "127.0.0.1", "this one", "until the browser closes", "Go-http-client"} {
		page.says(t, text)
	}
	if n := strings.Count(page.body, "this one"); n != 1 {
		t.Errorf("%d sessions are this one", n)
	}
	sockets := []*sock{phone.dial("/ws/"), phone.dial("/users/"), phone.dial("/ws/chat/lobby/")}
	stays := ada.dial("/ws/")
	stays.next("hello")
	v, err := s.server.visitorByToken(t.Context(), phone.token)
	if err != nil {
		t.Fatal(err)
	}
	s.person("grace").post("/settings/", url.Values{"end": {v.session.String()}}).leadsTo(t, "../settings/?ended=none")
	phone.get("/settings/").want(t, http.StatusOK)
	ada.post("/settings/", url.Values{"end": {v.session.String()}}).leadsTo(t, "../settings/?ended=one")
	for _, k := range sockets {
		if code := k.closed(); code != closeLoggedOut {
			t.Errorf("close code is %d, want %d", code, closeLoggedOut)
		}
	}
	phone.get("/settings/").want(t, http.StatusSeeOther)
	cafe.get("/settings/").want(t, http.StatusOK)
	ada.post("/settings/", url.Values{"end": {"others"}}).leadsTo(t, "../settings/?ended=others")
	cafe.get("/settings/").want(t, http.StatusSeeOther)
	ada.get("/settings/?ended=others").want(t, http.StatusOK).says(t, "Logged out everywhere else")
	stays.ask(`{"type":"users","ref":1}`)
	ada.post("/settings/", url.Values{"end": {"nonsense"}}).want(t, http.StatusBadRequest)
}

func TestEachLogInIsAnotherSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.signUp("ada")
	old := *ada
	a := ada.post("/log_in/", url.Values{"username": {"ada"}, "password": {goodPassword}, "stay": {"on"}}).want(t, http.StatusSeeOther)
	ada.token = a.cookie("snug").Value
	if ada.token == old.token {
		t.Error("the session is the one from before")
	}
	old.get("/settings/").want(t, http.StatusSeeOther) // fixed by somebody else, it is of no use
	ada.get("/settings/").want(t, http.StatusOK)
}

func TestStayingLoggedInIsUpToThePerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.signUp("ada")
	if _, cookie := s.logIn("ada", goodPassword, "x", true); cookie.MaxAge != int(cookieLife.Seconds()) {
		t.Errorf("cookie lasts %d s, want %v", cookie.MaxAge, cookieLife)
	}
	c, cookie := s.logIn("ada", goodPassword, "x", false)
	if cookie.MaxAge != 0 || !cookie.Expires.IsZero() {
		t.Errorf("cookie %v lasts after the browser is closed", cookie)
	}
	v, err := s.server.visitorByToken(t.Context(), c.token)
	if err != nil || time.Until(v.expires) > account.BriefIdle {
		t.Errorf("visitor = %+v, %v", v, err)
	}
	s.guest().get("/log_in/").says(t, "checked")
	s.guest().post("/log_in/", url.Values{"username": {"ada"}, "password": {"wrong"}}).saysNot(t, "checked")
}

func TestANewPasswordLogsOutEverywhereElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.signUp("ada")
	other, _ := s.logIn("ada", goodPassword, "x", true)
	k, stays := other.dial("/ws/"), ada.dial("/ws/")
	stays.next("hello")
	form := func(old, password string) url.Values {
		return url.Values{"old_password": {old}, "password": {password}}
	}
	wrong := ada.post("/settings/password/", form("not this one", "six green windows")).want(t, http.StatusUnprocessableEntity)
	wrong.says(t, "This is not your password")
	wrong.saysNot(t, "six green windows")
	ada.post("/settings/password/", form(goodPassword, "short")).want(t, http.StatusUnprocessableEntity).says(t, "use at least 8")
	other.get("/settings/").want(t, http.StatusOK)
	ada.post("/settings/password/", form(goodPassword, "six green windows")).leadsTo(t, "../../settings/password/?saved")
	if code := k.closed(); code != closeLoggedOut {
		t.Errorf("close code is %d, want %d", code, closeLoggedOut)
	}
	other.get("/settings/").want(t, http.StatusSeeOther)
	ada.get("/settings/password/?saved").want(t, http.StatusOK).says(t, "is changed")
	stays.ask(`{"type":"users","ref":1}`)
	s.logIn("ada", "six green windows", "x", true)
}

func TestLogInThatAnotherPasswordOvertookEntersNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.signUp("ada")
	late, err := s.accounts.LogIn(t.Context(), "ada", goodPassword, "")
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"old_password": {goodPassword}, "password": {"six green windows"}}
	ada.post("/settings/password/", form).leadsTo(t, "../../settings/password/?saved")
	w := httptest.NewRecorder()
	err = s.server.enter(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/log_in/", nil), late)
	if !errors.Is(err, account.ErrCredentials) || len(w.Result().Cookies()) != 0 {
		t.Errorf("enter: %v, with cookies %v", err, w.Result().Cookies())
	}
}

func TestWhoeverHasNoPasswordProvesInAnotherWayWhoTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t, func(i *account.Issuer) { i.CreateUsers = true }))
	s.guest().dial("/ws/?token=" + token(t, "eve"))
	eve := s.guest()
	eve.name = "eve"
	eve.startSession(eve.user().ID)
	eve.get("/settings/password/").want(t, http.StatusOK).saysNot(t, "Present password")
	eve.post("/settings/password/", url.Values{"password": {"six green windows"}}).leadsTo(t, "../../settings/password/?saved")
	s.logIn("eve", "six green windows", "x", true)
}

// TestEndingASessionClosesASocketThatNeverReads fills what can be filled: the client's window, the kernel's buffers and the outbox.
func TestEndingASessionClosesASocketThatNeverReads(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.QueueBytes, o.Web.Limits.QueueFrames = 1<<30, 1<<20 })
	ada := s.person("ada")
	for _, end := range []struct {
		name string
		open func() (conn net.Conn, end func())
	}{
		{"a session", func() (net.Conn, func()) {
			stuck := ada.again()
			v, err := s.server.visitorByToken(t.Context(), stuck.token)
			if err != nil {
				t.Fatal(err)
			}
			return s.deafSocket("Cookie: snug=" + stuck.token), func() {
				ada.post("/settings/", url.Values{"end": {v.session.String()}}).leadsTo(t, "../settings/?ended=one")
			}
		}},
		{"an access token", func() (net.Conn, func()) {
			secret, made, err := s.accounts.CreateToken(t.Context(), ada.user().ID, account.NewToken{Name: "x", Scopes: []string{account.ScopeRead}})
			if err != nil {
				t.Fatal(err)
			}
			return s.deafSocket("Authorization: Bearer " + secret), func() {
				ada.post("/settings/tokens/", url.Values{"revoke": {made.ID.String()}}).leadsTo(t, "../../settings/tokens/?revoked")
			}
		}},
		{"all of an account", func() (net.Conn, func()) {
			return s.deafSocket("Cookie: snug=" + ada.token), func() { disable(t, s, ada) }
		}},
	} {
		t.Run(end.name, func(t *testing.T) {
			conn, stop := end.open()
			s.until("the socket is open", func() bool { return s.server.hub.Count() == 1 })
			const messages, size = 4000, 4 << 10 // many times what kernels hold
			m, err := layer.NewMessage(map[string]any{"type": chat.TypeMessage, "message": strings.Repeat("x", size)})
			if err != nil {
				t.Fatal(err)
			}
			for range messages {
				if err := s.layer.GroupSend(t.Context(), chat.UserGroup(ada.user().ID), m); err != nil {
					t.Fatal(err)
				}
			}
			begun := time.Now()
			stop()
			s.until("the socket is closed", func() bool { return s.server.hub.Count() == 0 })
			if took := time.Since(begun); took > time.Second {
				t.Errorf("the socket was closed after %v, want a second at most", took)
			}
			// What the kernels hold still comes, and then the end.
			if err := conn.SetReadDeadline(time.Now().Add(patienceOfTests)); err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, conn); n > messages*size/2 || (err != nil && !errors.Is(err, syscall.ECONNRESET)) {
				t.Errorf("%d bytes came, then %v: the buffers were not full, or the connection is open", n, err)
			}
		})
	}
}

// deafSocket is a client's end of /ws/ that reads nothing but the answer to the upgrade.
func (s *site) deafSocket(header string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patienceOfTests)); err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /ws/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n\r\n", header)
	const want = "HTTP/1.1 101 "
	answer := make([]byte, len(want))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != want {
		s.t.Fatalf("answer begins with %q, %v, want %q", answer, err, want)
	}
	return conn
}
