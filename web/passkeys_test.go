package web

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"snug/account"
	"snug/account/passkeytest"
	"snug/store"
)

// pageAt has a request come under a name, as a browser there would send it.
func pageAt(origin string) func(*http.Request) {
	_, host, _ := strings.Cut(origin, "://")
	return func(r *http.Request) {
		r.Host = host
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

// withCookie sends the cookie of a ceremony.
func withCookie(cookie *http.Cookie) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(cookie) }
}

// asked reads what a page is told to ask the browser.
func (a answer) asked(t testing.TB) account.Ceremony {
	t.Helper()
	a.want(t, http.StatusOK)
	var c account.Ceremony
	if err := json.Unmarshal([]byte(a.body), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// leadsOn checks where a page goes on after a ceremony.
func (a answer) leadsOn(t testing.TB, next string) {
	t.Helper()
	a.want(t, http.StatusOK)
	var d done
	if err := json.Unmarshal([]byte(a.body), &d); err != nil || d.Next != next {
		t.Errorf("goes on at %q, %v, want %q", d.Next, err, next)
	}
}

// addPasskey makes a passkey for somebody who is logged in.
func (c *client) addPasskey(d *passkeytest.Device, origin string) *passkeytest.Key {
	t := c.site.t
	t.Helper()
	begun := c.post("/passkeys/add/begin/", nil, pageAt(origin))
	asked := begun.asked(t)
	key, made := d.Make(t, asked.Options)
	c.post("/passkeys/add/", url.Values{"ceremony": {asked.ID}, "response": {string(made)}}, pageAt(origin), withCookie(begun.cookie("snug-passkey"))).
		leadsOn(t, "./settings/passkeys/?did=add")
	return key
}

func localSite(t testing.TB, change ...func(*siteOptions)) (s *site, origin string) {
	s = newSite(t, change...)
	return s, strings.Replace(s.url, "127.0.0.1", "localhost", 1)
}

func TestPasskeyStartsANewSessionInThisBrowserOnly(t *testing.T) {
	t.Parallel()
	s, origin := localSite(t)
	d := &passkeytest.Device{Origin: origin}
	key := s.person("ada").addPasskey(d, origin)
	begin := func() (account.Ceremony, *http.Cookie) {
		begun := s.guest().post("/passkeys/log_in/begin/", nil, pageAt(origin))
		return begun.asked(t), begun.cookie("snug-passkey")
	}
	asked, cookie := begin()
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.MaxAge != 0 {
		t.Errorf("cookie is %v", cookie)
	}
	form := url.Values{"ceremony": {asked.ID}, "response": {string(d.Use(t, key, asked.Options))}, "next": {"/chat/"}}
	_, others := begin()
	s.guest().post("/passkeys/log_in/", form, pageAt(origin)).want(t, http.StatusConflict)
	s.guest().post("/passkeys/log_in/", form, pageAt(origin), withCookie(others)).want(t, http.StatusConflict)
	in := s.guest().post("/passkeys/log_in/", form, pageAt(origin), withCookie(cookie))
	in.leadsOn(t, "./chat/")
	session := in.cookie("snug")
	if session == nil || !session.HttpOnly || session.MaxAge != 0 {
		t.Fatalf("session cookie is %v", session)
	}
	known := s.guest()
	known.token = session.Value
	known.get("/").want(t, http.StatusOK).says(t, "ada")
	if again := s.guest().post("/passkeys/log_in/", form, pageAt(origin), withCookie(cookie)); again.status != http.StatusConflict || again.cookie("snug") != nil {
		t.Errorf("the same answer again: %d", again.status)
	}
	for _, next := range []string{"//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"} {
		asked, cookie := begin()
		form := url.Values{"ceremony": {asked.ID}, "response": {string(d.Use(t, key, asked.Options))}, "next": {next}, "stay": {"on"}}
		in := s.guest().post("/passkeys/log_in/", form, pageAt(origin), withCookie(cookie))
		in.leadsOn(t, "./")
		if in.cookie("snug").MaxAge == 0 {
			t.Error("a session that should stay ends with the browser")
		}
	}
}

func TestPasskeyRefusalsTellNothing(t *testing.T) {
	t.Parallel()
	s, origin := localSite(t)
	d := &passkeytest.Device{Origin: origin}
	hers := s.person("ada").addPasskey(d, origin)
	begun := s.person("grace").post("/passkeys/add/begin/", nil, pageAt(origin))
	unknown, _ := d.Make(t, begun.asked(t).Options)
	var bodies []string
	for _, try := range []struct {
		device *passkeytest.Device
		key    *passkeytest.Key
	}{{d, unknown}, {&passkeytest.Device{Origin: origin, Unproven: true}, hers}, {&passkeytest.Device{Origin: "https://evil.example"}, hers}} {
		begun := s.guest().post("/passkeys/log_in/begin/", nil, pageAt(origin))
		asked := begun.asked(t)
		a := s.guest().post("/passkeys/log_in/", url.Values{"ceremony": {asked.ID}, "response": {string(try.device.Use(t, try.key, asked.Options))}},
			pageAt(origin), withCookie(begun.cookie("snug-passkey"))).want(t, http.StatusForbidden)
		bodies = append(bodies, a.body)
	}
	if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
		t.Errorf("what is wrong can be told from the answers:\n%s", strings.Join(bodies, "\n"))
	}
}

func TestWaysInChangeOnlyForWhoHasProvedLatelyWhoTheyAre(t *testing.T) {
	t.Parallel()
	s, origin := localSite(t)
	ada := s.person("ada")
	d := &passkeytest.Device{Origin: origin}
	key := ada.addPasskey(d, origin)
	token := strings.Repeat("a", 43)
	old, err := s.store.CreateSession(t.Context(), store.Session{
		Token: sha256.Sum256([]byte(token)), User: ada.user().ID, Created: time.Now().Add(-time.Hour), Used: time.Now(), Expires: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	later := s.guest()
	later.token = token
	later.get("/settings/passkeys/").want(t, http.StatusOK)
	for _, do := range []string{"rename", "remove", "codes", "off"} {
		later.post("/settings/passkeys/", url.Values{"do": {do}}).leadsTo(t, "../../confirm/?next=%2Fsettings%2Fpasskeys%2F")
	}
	for _, path := range []string{"/passkeys/add/begin/", "/passkeys/add/"} {
		refused := later.post(path, nil, pageAt(origin)).want(t, http.StatusForbidden)
		refused.says(t, `"code":"confirm"`)
	}
	begun := later.post("/passkeys/confirm/begin/", nil, pageAt(origin))
	asked := begun.asked(t)
	later.post("/passkeys/confirm/", url.Values{
		"ceremony": {asked.ID}, "response": {string(d.Use(t, key, asked.Options))}, "next": {"/settings/passkeys/"},
	}, pageAt(origin), withCookie(begun.cookie("snug-passkey"))).leadsOn(t, "./settings/passkeys/")
	later.submit("/settings/passkeys/", url.Values{"do": {"codes"}}).want(t, http.StatusOK).says(t, "shown this once")
	if err := s.accounts.EndSession(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	later.post("/passkeys/add/begin/", nil, pageAt(origin)).want(t, http.StatusUnauthorized)
}

func TestPasskeyIsOfferedOnceAfterAPassword(t *testing.T) {
	t.Parallel()
	s, origin := localSite(t)
	if _, err := s.accounts.SignUp(t.Context(), account.SignUp{Name: "ada", Password: "tall blue kettle"}); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"username": {"ada"}, "password": {"tall blue kettle"}, "next": {"/chat/"}}
	s.guest().post("/log_in/", form, pageAt(origin)).leadsTo(t, "../chat/") // its browser has none
	form.Set("passkeys", "known")
	s.guest().post("/log_in/", form).leadsTo(t, "../chat/") // they do not work there
	s.guest().post("/log_in/", form, pageAt(origin)).leadsTo(t, "../passkeys/offer/?next=%2Fchat%2F")
	s.guest().post("/log_in/", form, pageAt(origin)).leadsTo(t, "../chat/")
}

func TestPagesKnowWherePasskeysWork(t *testing.T) {
	t.Parallel()
	plain := newSite(t, func(o *siteOptions) {
		o.Web.Names = []string{"chat.example", "attic.chat.example", "other.example"}
		o.Web.Origins = []string{"https://other.example:8443"}
		o.Web.Proxies = Proxies{Trusted: prefixes("127.0.0.1/32")}
	})
	port := plain.url[strings.LastIndexByte(plain.url, ':'):]
	if err := plain.accounts.FixRelyingParty(t.Context(), "chat.example", "", false); err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]string{
		"https://chat.example":         "",
		"https://chat.example" + port:  "",
		"https://attic.chat.example":   "",
		"https://other.example":        "", // by asking chat.example
		"https://other.example:8443":   "",
		"https://chat.example:8443":    "does not know that browsers reach it at port 8443",
		"https://chat.example:8080":    "auth.origins",
		"http://chat.example":          "https://",
		"http://chat.example" + port:   "plain HTTP",
		"http://localhost" + port:      "only under the name chat.example",
		"https://192.0.2.1":            "an address in numbers",
		"https://[2001:db8::1]" + port: "https://chat.example/",
		"http://127.0.0.1" + port:      "an address in numbers",
	} {
		scheme, _, _ := strings.Cut(origin, "://")
		behind := func(r *http.Request) {
			r.Header.Set("X-Forwarded-For", "192.0.2.7")
			r.Header.Set("X-Forwarded-Proto", scheme)
		}
		begun := plain.guest().post("/passkeys/log_in/begin/", nil, pageAt(origin), behind)
		page := plain.guest().get("/log_in/", pageAt(origin), behind)
		if want == "" {
			begun.want(t, http.StatusOK)
			page.says(t, "data-passkey-log-in")
			page.saysNot(t, `data-why="place"`)
			continue
		}
		if begun.status != http.StatusForbidden || !strings.Contains(begun.body, want) {
			t.Errorf("%s: %d %s, want %q", origin, begun.status, begun.body, want)
		}
		page.saysNot(t, "data-passkey-log-in")
		page.says(t, `data-why="place"`)
	}
	a := plain.guest().get("/.well-known/webauthn").want(t, http.StatusOK)
	if got, want := strings.TrimSpace(a.body), `{"origins":["https://chat.example","https://attic.chat.example","https://other.example","https://other.example:8443"]}`; got != want {
		t.Errorf("related origins are %s, want %s", got, want)
	}
	if kind := a.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type is %q", kind)
	}
}

func TestPasskeysAreAllowedToOurOwnPagesAlone(t *testing.T) {
	t.Parallel()
	got := newSite(t).guest().get("/log_in/").header.Get("Permissions-Policy")
	for _, want := range []string{"publickey-credentials-get=(self)", "publickey-credentials-create=(self)"} {
		if !strings.Contains(got, want) {
			t.Errorf("Permissions-Policy is %q, without %s", got, want)
		}
	}
}

func TestSignUpByPasskeyKeepsTheRulesOfTheForm(t *testing.T) {
	t.Parallel()
	s, origin := localSite(t, func(o *siteOptions) { o.Accounts.Admission = account.AdmitInvited })
	nobody := s.guest()
	nobody.post("/passkeys/sign_up/begin/", url.Values{"username": {"ada"}}, pageAt(origin)).want(t, http.StatusForbidden)
	nobody.post("/passkeys/sign_up/begin/", url.Values{"username": {"ada"}, "invitation": {"made up"}}, pageAt(origin)).want(t, http.StatusForbidden)
	root := s.admin("root")
	link, _, err := s.accounts.Invite(t.Context(), account.Actor{User: root.user().ID}, account.NewInvitation{Uses: 1})
	if err != nil {
		t.Fatal(err)
	}
	d := &passkeytest.Device{Origin: origin}
	for i, want := range []int{http.StatusOK, http.StatusForbidden} {
		form := url.Values{"username": {[]string{"ada", "grace"}[i]}, "invitation": {link}}
		begun := nobody.post("/passkeys/sign_up/begin/", form, pageAt(origin)).want(t, want)
		if want != http.StatusOK {
			continue
		}
		asked := begun.asked(t)
		_, made := d.Make(t, asked.Options)
		in := nobody.post("/passkeys/sign_up/", url.Values{"ceremony": {asked.ID}, "response": {string(made)}, "next": {"/chat/lobby/"}}, pageAt(origin), withCookie(begun.cookie("snug-passkey")))
		in.leadsOn(t, "./settings/passkeys/?new&next=%2Fchat%2Flobby%2F")
		if in.cookie("snug") == nil {
			t.Error("nobody is logged in after signing up")
		}
	}
}
