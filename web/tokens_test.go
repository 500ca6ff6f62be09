package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/account"
)

// accessToken makes one for a person, and a client that comes with it and nothing else.
func (c *client) accessToken(scopes ...string) (program *client, made account.Token) {
	c.site.t.Helper()
	secret, made, err := c.site.accounts.CreateToken(c.site.t.Context(), c.user().ID, account.NewToken{Name: "doorbell", Scopes: scopes})
	if err != nil {
		c.site.t.Fatal(err)
	}
	program = c.site.guest()
	program.name, program.bearer = c.name, secret
	return program, made
}

func TestATokenIsShownOnceAndWorks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	ada.get("/settings/tokens/").want(t, http.StatusOK).saysNot(t, "Administer")
	page := ada.submit("/settings/tokens/", url.Values{"name": {"door<bell>"}, "scope": {"read", "write"}, "days": {"30"}}).want(t, http.StatusOK)
	page.says(t, "may read and write")
	secret := regexp.MustCompile(account.TokenPrefix + `[\w-]{43}`).FindString(page.body)
	if secret == "" {
		t.Fatalf("no token:\n%s", page.body)
	}
	list := ada.get("/settings/tokens/").want(t, http.StatusOK)
	list.saysNot(t, secret)
	list.says(t, "door&lt;bell&gt;")
	list.says(t, "never used")
	program := s.guest()
	program.bearer = secret
	if hello := program.dial("/ws/").only("hello"); hello["user"] != "ada" {
		t.Errorf("the socket is of %v", hello)
	}
	s.until("its use is noted", func() bool { return strings.Contains(ada.get("/settings/tokens/").body, "last used") })
}

func TestAFormForATokenComesBackWithWhatToMend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	form := func(name, scope, days string) url.Values {
		return url.Values{"name": {name}, "scope": {scope}, "days": {days}}
	}
	ada.post("/settings/tokens/", form("", "read", "30")).want(t, http.StatusUnprocessableEntity).says(t, "Give the token a name")
	ada.post("/settings/tokens/", form("x", "admin", "30")).want(t, http.StatusUnprocessableEntity).says(t, "administrator")
	ada.post("/settings/tokens/", form("kept", "", "")).want(t, http.StatusUnprocessableEntity).says(t, `value="kept"`)
	ada.post("/settings/tokens/", form("x", "read", "31")).want(t, http.StatusBadRequest)
	ada.post("/settings/tokens/", url.Values{"revoke": {"nonsense"}}).want(t, http.StatusBadRequest)
	ada.get("/settings/tokens/").says(t, "no access tokens")
	s.admin("root").post("/settings/tokens/", form("x", "admin", "")).want(t, http.StatusSeeOther)
}

func TestATokenIsMadeOnlyByWhoProvedLatelyWhoTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.signUp("ada")
	ada.provedLongAgo()
	form := url.Values{"name": {"x"}, "scope": {"read"}, "days": {"7"}}
	ada.get("/settings/tokens/").want(t, http.StatusOK).saysNot(t, `name="days"`)
	ada.post("/settings/tokens/", form).leadsTo(t, "../../confirm/?next=%2Fsettings%2Ftokens%2F")
	ada.get("/confirm/?next=/settings/tokens/").want(t, http.StatusOK).says(t, "Is it you?")
	ada.post("/confirm/", url.Values{"next": {"/settings/tokens/"}, "password": {"not hers"}}).want(t, http.StatusForbidden).says(t, "not your password")
	ada.post("/settings/tokens/", form).want(t, http.StatusSeeOther)
	ada.post("/confirm/", url.Values{"next": {"/settings/tokens/"}, "password": {goodPassword}}).leadsTo(t, "../settings/tokens/")
	ada.get("/settings/tokens/").says(t, `name="days"`)
	ada.submit("/settings/tokens/", form).want(t, http.StatusOK).says(t, account.TokenPrefix)
}

func TestScopesHoldForSockets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	listener := ada.dial("/ws/chat/lobby/")
	reader, _ := ada.accessToken(account.ScopeRead)
	writer, _ := ada.accessToken(account.ScopeWrite)
	both, _ := ada.accessToken(account.ScopeRead, account.ScopeWrite)
	for _, path := range []string{"/ws/", "/users/", "/ws/chat/lobby/"} {
		if got := writer.refused(path); got != http.StatusForbidden {
			t.Errorf("%s with a token that may not read: %d, want 403", path, got)
		}
	}
	writer.post("/ws/ticket/", nil).want(t, http.StatusForbidden)
	reader.dial("/users/").next()
	if got := reader.refused("/ws/chat/new-room/"); got != http.StatusNotFound {
		t.Errorf("a room that is not there, with a token that may not write: %d, want 404", got)
	}
	k := reader.dial("/ws/")
	if answer := k.ask(`{"type":"join","ref":1,"room":"lobby"}`); answer.kind() != "joined" {
		t.Errorf("reading: %v", answer)
	}
	if answer := k.ask(`{"type":"join","ref":2,"room":"new-room"}`); answer["code"] != "not_found" {
		t.Errorf("making a room: %v", answer)
	}
	for i, text := range []string{
		`{"type":"post","ref":"w%","room":"lobby","message":"hello"}`,
		`{"type":"private","ref":"w%","user":"ada","message":"hello"}`,
		`{"type":"edit","ref":"w%","id":"019aa5b2-7c00-7000-8000-0000000000a1","message":"hello"}`,
		`{"type":"delete","ref":"w%","id":"019aa5b2-7c00-7000-8000-0000000000a1"}`,
	} {
		answer := k.ask(strings.ReplaceAll(text, "%", string(rune('0'+i))))
		if answer["code"] != "forbidden" || !strings.Contains(answer["message"].(string), "scope write") {
			t.Errorf("%s: %v", text, answer)
		}
	}
	room := reader.dial("/ws/chat/lobby/")
	room.send(`{"message":"hello"}`)
	if refused := room.next("error"); refused["code"] != "forbidden" {
		t.Errorf("answer is %v", refused)
	}
	both.dial("/ws/chat/lobby/").send(`{"message":"from a program"}`)
	if said := listener.next("chat_message"); said["message"] != "from a program" || said["user"] != "ada" {
		t.Errorf("heard %v", said)
	}
	// What a ticket opens may no more than what it was asked for with.
	ticket := regexp.MustCompile(`"ticket":"(\w+)"`).FindStringSubmatch(reader.post("/ws/ticket/", nil).want(t, http.StatusOK).body)
	if answer := s.guest().dial("/ws/?token=" + ticket[1]).ask(`{"type":"post","ref":1,"room":"lobby","message":"hello"}`); answer["code"] != "forbidden" {
		t.Errorf("by a ticket: %v", answer)
	}
}

func TestATokenThatIsNoGoodIs401AndAReasonInTheLog(t *testing.T) {
	t.Parallel()
	var log logged
	s := newSite(t, func(o *siteOptions) {
		o.Web.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ada, grace := s.person("ada"), s.person("grace")
	revoked, made := ada.accessToken(account.ScopeRead)
	if _, err := s.accounts.RevokeToken(t.Context(), ada.user().ID, made.ID); err != nil {
		t.Fatal(err)
	}
	disabled, _ := grace.accessToken(account.ScopeRead)
	disable(t, s, grace)
	unknown, malformed := s.guest(), s.guest()
	unknown.bearer = account.TokenPrefix + strings.Repeat("x", 43)
	malformed.bearer = account.TokenPrefix + "canary"
	plain := s.guest().refusedWith(t, "/ws/")
	for reason, c := range map[string]*client{
		account.ReasonRevoked: revoked, account.ReasonDisabledUser: disabled,
		account.ReasonUnknownToken: unknown, account.ReasonMalformed: malformed,
	} {
		if got := c.refusedWith(t, "/ws/"); got != plain {
			t.Errorf("%s: answer is %v, want what everybody gets: %v", reason, got, plain)
		}
		if !strings.Contains(log.String(), "reason="+reason+" ") {
			t.Errorf("%s: the log says\n%s", reason, log.String())
		}
		if strings.Contains(log.String(), c.bearer) || strings.Contains(log.String(), strings.TrimPrefix(c.bearer, account.TokenPrefix)) {
			t.Errorf("%s: the log has the token", reason)
		}
		c.token = ada.token
		if got := c.refused("/ws/"); got != http.StatusUnauthorized {
			t.Errorf("%s: beside a good cookie: %d, want 401", reason, got)
		}
		// Where a token is for nothing, it is not looked at.
		c.get("/").want(t, http.StatusOK)
	}
	for _, scheme := range []string{"Basic", "bearer"} {
		basic := ada.again()
		k, _, err := basic.tryDial("/ws/", func(h http.Header) { h.Set("Authorization", scheme+" "+revoked.bearer) })
		if got := err == nil; got != (scheme == "Basic") {
			t.Errorf("%s: %v", scheme, err)
		}
		_ = k
	}
	inAddress := s.guest()
	if got := inAddress.refused("/ws/?token=" + url.QueryEscape(unknown.bearer)); got != http.StatusUnauthorized {
		t.Errorf("an access token in an address: %d, want 401", got)
	}
}

func TestSocketsEndWhenTheirAccessTokenExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	program, stays := s.guest(), ada.dial("/ws/")
	var expires time.Time
	var sockets []*sock
	inTime(t, func(life time.Duration) error {
		expires, sockets = time.Now().Add(life), nil
		secret, _, err := s.accounts.CreateToken(t.Context(), ada.user().ID, account.NewToken{
			Name: "short", Scopes: []string{account.ScopeRead}, Expires: expires,
		})
		if err != nil {
			return err
		}
		program.bearer = secret
		for _, path := range []string{"/ws/", "/users/"} {
			k, _, err := program.tryDial(path)
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
		if early := time.Until(expires); early > time.Millisecond {
			t.Errorf("the socket was closed %v before the end of its token", early)
		}
	}
	if got := program.refused("/ws/"); got != http.StatusUnauthorized {
		t.Errorf("afterwards: %d, want 401", got)
	}
	stays.ask(`{"type":"users","ref":1}`)
}

func TestJWTsMayComeInTheHeaderToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, believes(t))
	s.person("ada")
	program := s.guest()
	program.bearer = token(t, "ada")
	if hello := program.dial("/ws/").only("hello"); hello["user"] != "ada" {
		t.Errorf("the socket is of %v", hello)
	}
	program.post("/ws/ticket/", nil).want(t, http.StatusUnauthorized) // sockets are all that they are for
}

func TestMayIsWhatBothTheUserAndTheTokenMay(t *testing.T) {
	t.Parallel()
	user, admin := account.User{Name: "ada"}, account.User{Name: "root", Admin: true}
	for _, test := range []struct {
		who  *visitor
		want string
	}{
		{nil, ""},
		{&visitor{user: user}, "read write"},
		{&visitor{user: admin}, "read write admin"},
		{&visitor{user: admin, scopes: []string{"read"}}, "read"},
		{&visitor{user: user, scopes: []string{"write", "admin"}}, "write"},
		{&visitor{user: admin, scopes: []string{"admin"}}, "admin"},
		{&visitor{user: admin, scopes: []string{}}, ""},
	} {
		var may []string
		for _, scope := range account.Scopes() {
			if test.who.may(scope) {
				may = append(may, scope)
			}
		}
		if got := strings.Join(may, " "); got != test.want {
			t.Errorf("%+v may %q, want %q", test.who, got, test.want)
		}
	}
}
