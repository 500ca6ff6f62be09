package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"snug/account"
	"snug/store"
)

// issuerSecret is what the other site of these tests signs with.
const issuerSecret = "canary-tall-blue-kettle-on-the-stove"

// believes makes a site take tokens that are signed with issuerSecret.
func believes(t *testing.T, change ...func(*account.Issuer)) func(*siteOptions) {
	t.Helper()
	issuer := account.Issuer{Name: "django", Key: []byte(issuerSecret), Aud: "snug", UsernameClaim: "username"}
	for _, f := range change {
		f(&issuer)
	}
	issuers, err := account.NewIssuers([]account.Issuer{issuer})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *siteOptions) { o.Accounts.Issuers = issuers }
}

// token is one of the other site for a user, good for an hour unless it is changed.
func token(t *testing.T, user string, change ...func(jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{"username": user, "aud": "snug", "exp": time.Now().Add(time.Hour).Unix()}
	for _, f := range change {
		f(claims)
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(issuerSecret))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func claim(name string, value any) func(jwt.MapClaims) {
	return func(c jwt.MapClaims) { c[name] = value }
}

// TestJWTOpensSockets does what a client of the tutorial does, with nothing but a token of its Django site.
func TestJWTOpensSockets(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t))
	grace := s.person("grace").dial("/ws/chat/lobby/")
	grace.next("user_join")
	s.person("ada")
	program, pass := s.guest(), "?token="+token(t, "Ada")
	users := program.dial("/users/" + pass)
	k := program.dial("/ws/chat/lobby/" + pass)
	if list := k.only("user_list"); !slices.Equal(strs(list["users"]), []string{"grace"}) {
		t.Errorf("user list is %v", list)
	}
	k.send(`{"message":"hello, everybody"}`)
	if said := grace.next("chat_message"); said["user"] != "ada" || said["message"] != "hello, everybody" {
		t.Errorf("grace got %v", said)
	}
	k.send(`{"message":"/pm grace are you there?"}`)
	if said := grace.next("private_message"); said["user"] != "ada" || said["message"] != "are you there?" {
		t.Errorf("grace got %v", said)
	}
	if hello := program.dial("/ws/" + pass).only("hello"); hello["user"] != "ada" {
		t.Errorf("/ws/ says %v", hello)
	}
	s.person("eve").dial("/ws/")
	users.until("eve online", func(f frame) bool { return f["username"] == "eve" })
}

func TestJWTCountsMoreThanACookieBesideIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t))
	s.person("ada")
	if hello := s.person("grace").dial("/ws/?token=" + token(t, "ada")).only("hello"); hello["user"] != "ada" {
		t.Errorf("the socket is of %v", hello["user"])
	}
}

func TestRefusedJWTsAre401OutsideAndAReasonInTheLog(t *testing.T) {
	t.Parallel()
	var log logged
	s := newSite(t, believes(t, func(i *account.Issuer) { i.Iss = "https://site.example" }), func(o *siteOptions) {
		o.Web.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Accounts.Logger = o.Web.Logger
	})
	s.person("ada")
	disable(t, s, s.person("grace"))
	site := claim("iss", "https://site.example")
	note := claim("note", "canary-in-a-claim")
	cut := func(token string, at int) string { return strings.Join(strings.Split(token, ".")[:at], ".") }
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"username": "ada", "iss": "https://site.example"}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	good := token(t, "ada", site, note)
	plain := s.guest().refusedWith(t, "/ws/")
	seen := map[string]bool{}
	for reason, token := range map[string]string{
		account.ReasonUnknownUser:   token(t, "nobody", site, note),
		account.ReasonDisabledUser:  token(t, "grace", site, note),
		account.ReasonNoName:        token(t, "", site, note),
		account.ReasonAudience:      token(t, "ada", site, note, claim("aud", "till")),
		account.ReasonExpired:       token(t, "ada", site, note, claim("exp", time.Now().Add(-time.Second).Unix())),
		account.ReasonNoExpiry:      token(t, "ada", site, note, func(c jwt.MapClaims) { delete(c, "exp") }),
		account.ReasonNotYetValid:   token(t, "ada", site, note, claim("nbf", time.Now().Add(time.Minute).Unix())),
		account.ReasonRefresh:       token(t, "ada", site, note, claim("token_type", "refresh")),
		account.ReasonUnknownIssuer: token(t, "ada", note, claim("iss", "https://canary.example")),
		account.ReasonAlgorithm:     none,
		account.ReasonSignature:     cut(good, 2) + ".Y2FuYXJ5",
		account.ReasonMalformed:     cut(good, 2),
		account.ReasonTooLong:       token(t, "ada", site, claim("note", strings.Repeat("canary", 1500))),
	} {
		for i, path := range []string{"/users/", "/ws/chat/lobby/", "/ws/"} {
			before := len(log.String())
			if got := s.guest().refusedWith(t, path+"?token="+url.QueryEscape(token)); got != plain {
				t.Errorf("%s: %s answers %v, want what everybody gets: %v", reason, path, got, plain)
			}
			line := log.String()[before:]
			if i > 0 && strings.Contains(log.String(), "reason="+reason+" issuer=\"\"") {
				if line != "" {
					t.Errorf("%s: a stranger can fill the log with %q", reason, line)
				}
				continue
			}
			if !strings.Contains(line, "token refused") || !strings.Contains(line, "reason="+reason+" ") || !strings.Contains(line, "path="+path) {
				t.Errorf("%s: the log says %q", reason, line)
			}
			for part := range strings.SplitSeq(token, ".") {
				if part != "" && strings.Contains(log.String(), part) {
					t.Errorf("%s: the log has a part of the token", reason)
				}
			}
		}
		seen[reason] = true
	}
	if len(seen) != 13 || strings.Contains(log.String(), "canary") {
		t.Errorf("%d reasons; the log says:\n%s", len(seen), log.String())
	}
	s.guest().dial("/ws/?token=" + good)
	if strings.Contains(log.String(), good) {
		t.Error("the log has a token that was good")
	}
}

func TestATokenThatIsNoGoodMakesNoGuest(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t))
	ada := s.person("ada")
	ada.dial("/ws/chat/lobby/").next("user_join")
	ada.post("/chat/lobby/settings/", url.Values{"guests": {"on"}}).want(t, http.StatusSeeOther)
	guest := s.guest()
	guest.dial("/ws/chat/lobby/")
	for _, token := range []string{token(t, "nobody"), "used-up", ""} {
		if got := guest.refused("/ws/chat/lobby/?token=" + token); got != http.StatusUnauthorized {
			t.Errorf("%.8q: %d, want 401", token, got)
		}
	}
}

func TestSocketsEndWhenTheirJWTExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t), func(o *siteOptions) { o.Presence.Linger = time.Hour })
	ada := s.person("ada")
	stays := s.guest().dial("/users/?token=" + token(t, "ada"))
	var expiry time.Time
	var pass string
	var sockets []*sock
	inTime(t, func(life time.Duration) error {
		expiry, sockets = time.Now().Add(life+time.Second).Truncate(time.Second), nil
		pass = "?token=" + token(t, "ada", claim("exp", expiry.Unix()))
		for _, path := range []string{"/ws/", "/users/", "/ws/chat/lobby/"} {
			k, _, err := s.guest().tryDial(path + pass)
			if err != nil {
				return err
			}
			sockets = append(sockets, k)
		}
		return nil
	})
	for _, k := range sockets {
		if code := k.closed(); code != closeLoggedOut {
			t.Errorf("close code is %d, want %d", code, closeLoggedOut)
		}
		if now := time.Now(); now.Before(expiry) {
			t.Errorf("closed %s too early", expiry.Sub(now))
		}
	}
	if got := s.guest().refused("/ws/" + pass); got != http.StatusUnauthorized {
		t.Errorf("the token afterwards: %d, want 401", got)
	}
	stays.send("this one is open")
	if left := len(s.server.peers.list()); left != 1 || !s.presence.Present("", ada.user().ID.Hex()) {
		t.Errorf("%d sockets are left, want the one with another token", left)
	}
}

func TestDisablingAUserEndsTheirJWTsSockets(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t))
	ada := s.person("ada")
	pass := "?token=" + token(t, "ada")
	k := s.guest().dial("/ws/" + pass)
	k.next("hello")
	s.server.peers.checkSessions(t.Context(), time.Now().Add(time.Hour)) // a good one stays
	k.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	disable(t, s, ada)
	if code := k.closed(); code != closeLoggedOut {
		t.Errorf("close code is %d, want %d", code, closeLoggedOut)
	}
	if got := s.guest().refused("/ws/" + pass); got != http.StatusUnauthorized {
		t.Errorf("afterwards: %d, want 401", got)
	}
}

func TestPagesOfAnotherSiteNeedItsNameForTheirJWTs(t *testing.T) {
	t.Parallel()
	from := func(h http.Header) { h.Set("Origin", "https://site.example") }
	for _, names := range [][]string{nil, {"site.example"}} {
		s := newSite(t, believes(t), func(o *siteOptions) { o.Web.Names = names })
		s.person("ada")
		if path := "/ws/?token=" + token(t, "ada"); names == nil {
			if got := s.guest().refused(path, from); got != http.StatusForbidden {
				t.Errorf("a page of an unknown site: %d, want 403", got)
			}
		} else {
			s.guest().dial(path, from).only("hello")
		}
	}
}

func TestJWTsMakeUsersWhereTheyMay(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t, func(i *account.Issuer) { i.CreateUsers, i.UsernameClaim = true, "user_id" }))
	k := s.guest().dial("/ws/?token=" + token(t, "", claim("user_id", 7)))
	if hello := k.only("hello"); hello["user"] != "7" {
		t.Errorf("hello is %v", hello)
	}
}

func disable(t *testing.T, s *site, c *client) {
	t.Helper()
	_, err := s.store.UpdateUser(t.Context(), c.user().ID, func(u *store.User) error {
		u.Disabled = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// refusal is all that an answer tells.
type refusal struct {
	status       int
	kind, header string
	body         string
}

func (c *client) refusedWith(t *testing.T, path string) refusal {
	t.Helper()
	a := c.get(path, func(r *http.Request) {
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(name, value)
		}
	})
	if a.status != http.StatusUnauthorized {
		t.Errorf("%.20s: %d, want 401", path, a.status)
	}
	return refusal{a.status, a.header.Get("Content-Type"), a.header.Get("WWW-Authenticate"), a.body}
}

// logged is a log that several goroutines write.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
