package web

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The origin of the page that moves in these tests, which is not that of the server.
const elsewhere = "http://barn:8000"

// from makes a request one that a page of another site sends, as browsers do.
func from(origin string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
	}
}

// movers is a site in a cluster, and somebody who has a session.
func movers(t *testing.T) (s *site, nodes *fakeNodes, ada *client) {
	t.Helper()
	nodes = newNodes()
	s = newSite(t, func(o *siteOptions) { o.Web.Nodes = nodes })
	return s, nodes, s.person("ada")
}

// pass is one for a page of elsewhere, made some time ago.
func (s *site) pass(ada *client, age time.Duration) string {
	s.t.Helper()
	sealed, err := s.server.moves.seal(ada.token, elsewhere, time.Now().Add(-age))
	if err != nil {
		s.t.Fatal(err)
	}
	return sealed
}

func form(pass string) url.Values {
	return url.Values{"pass": {pass}, "next": {"/chat/lobby/"}, "kept": {`{"from":"barn"}`}}
}

func TestPageOfAnotherNodeGoesOnHere(t *testing.T) {
	t.Parallel()
	s, _, ada := movers(t)
	f := form(s.pass(ada, 0))
	f.Set("kept", `{"from":"barn","outbox":[{"id":"019aa5b2-7c00-7000-8000-0000000000a1","place":{"kind":"room","name":"lobby"},"text":"</script><b>é","time":1,"state":"sending","problem":null}],`+
		`"drafts":{"room lobby":"half a"},"marks":{"since":5,"users":{"grace":7}}}`)
	browser := s.guest()
	a := browser.post("/move/", f, from(elsewhere)).want(t, http.StatusOK)
	cookie := a.cookie("snug")
	if cookie == nil || cookie.Value != ada.token || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Fatalf("the cookie is %v", cookie)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Security-Policy") != policy {
		t.Errorf("the headers are %v", a.header)
	}
	_, data, _ := strings.Cut(a.body, `id="boot">`)
	data, _, _ = strings.Cut(data, "</script>")
	var boot moveBoot
	if err := json.Unmarshal([]byte(html.UnescapeString(data)), &boot); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	post := boot.Kept.Outbox
	if boot.Me != "ada" || boot.Next != "../chat/lobby/" || len(post) != 1 || post[0].Text != "</script><b>é" || post[0].ID != "019aa5b2-7c00-7000-8000-0000000000a1" ||
		boot.Kept.Drafts["room lobby"] != "half a" || boot.Kept.Marks.Users["grace"] != 7 {
		t.Errorf("the page is given %+v", boot)
	}
	a.saysNot(t, ada.token)
	a.saysNot(t, f.Get("pass"))
	browser.token = cookie.Value
	browser.get("/chat/lobby/").want(t, http.StatusOK)
	ada.post("/log_out/", nil)
	if got := browser.get("/chat/").header.Get("Location"); !strings.HasPrefix(got, "../log_in/") {
		t.Errorf("after logging out with the first cookie, the second leads to %q", got)
	}
}

func TestPassesThatDoNotHold(t *testing.T) {
	t.Parallel()
	s, nodes, ada := movers(t)
	grace := s.person("grace")
	used := s.pass(ada, 0)
	s.guest().post("/move/", form(used), from(elsewhere)).want(t, http.StatusOK)
	revoked := s.pass(grace, 0)
	grace.post("/log_out/", nil)
	nodes.keys[0] = strings.Repeat("x", 32)
	foreign := s.pass(ada, 0)
	nodes.keys[0] = strings.Repeat("k", 32)
	good := s.pass(ada, 0)
	last := byte('A')
	if good[30] == last {
		last = 'B'
	}
	changed := good[:30] + string(last) + good[31:]
	for name, c := range map[string]struct{ pass, origin string }{
		"used":                 {used, elsewhere},
		"expired":              {s.pass(ada, moveLife), elsewhere},
		"of the far future":    {s.pass(ada, -moveAhead-time.Minute), elsewhere},
		"session is over":      {revoked, elsewhere},
		"sealed by others":     {foreign, elsewhere},
		"changed":              {changed, elsewhere},
		"too short":            {"AAAA", elsewhere},
		"no text of ours":      {"*", elsewhere},
		"none":                 {"", elsewhere},
		"too long":             {strings.Repeat("A", maxPass+4), elsewhere},
		"a token":              {ada.token, elsewhere},
		"page of another site": {good, "http://evil.example"},
		"page of our own":      {good, s.url},
		"hidden origin":        {good, "null"},
	} {
		a := s.guest().post("/move/", form(c.pass), from(c.origin))
		if a.status != http.StatusForbidden || a.cookie("snug") != nil {
			t.Errorf("%s: status %d, cookie %v", name, a.status, a.cookie("snug"))
		}
	}
	s.guest().post("/move/", form(good)).want(t, http.StatusForbidden) // no origin at all
	s.guest().post("/move/", form(good), from(elsewhere), func(r *http.Request) { r.Header.Add("Origin", elsewhere) }).want(t, http.StatusForbidden)
	s.guest().post("/move/", form(good), from(elsewhere)).want(t, http.StatusOK) // and it was not used up by all that
}

func TestPassHoldsThroughTheReplacementOfTheSecret(t *testing.T) {
	t.Parallel()
	s, nodes, ada := movers(t)
	pass := s.pass(ada, 0)
	nodes.keys = []string{strings.Repeat("n", 32), nodes.keys[0]}
	s.guest().post("/move/", form(pass), from(elsewhere)).want(t, http.StatusOK)
	pass = s.pass(ada, 0)
	nodes.keys = nodes.keys[:1]
	s.guest().post("/move/", form(pass), from(elsewhere)).want(t, http.StatusOK)
}

func TestMoveIsTheOnlyFormFromElsewhere(t *testing.T) {
	t.Parallel()
	s, _, ada := movers(t)
	for _, path := range []string{"/log_in/", "/sign_up/", "/log_out/", "/chat/", "/ws/ticket/", "/move", "/move/x", "/chat/lobby/settings/"} {
		if status := ada.post(path, form(s.pass(ada, 0)), from(elsewhere)).status; status != http.StatusForbidden {
			t.Errorf("a form of another site to %s is answered with %d", path, status)
		}
	}
	ada.get("/move/").want(t, http.StatusMethodNotAllowed)
}

func TestMoveTakesNoMoreThanItSays(t *testing.T) {
	t.Parallel()
	s, _, ada := movers(t)
	kept := func(n int) string {
		head, tail := `{"drafts":{"room lobby":"`, `"}}`
		return head + strings.Repeat("%", n-len(head)-len(tail)) + tail // three bytes each in the form
	}
	for name, c := range map[string]struct {
		kept string
		want int
	}{
		"all that may come": {kept(maxKept), http.StatusOK},
		"more":              {kept(maxKept + 1), http.StatusBadRequest},
		"far more":          {kept(2 * maxMoveBody), http.StatusBadRequest},
		"no JSON":           {"{", http.StatusBadRequest},
		"another type":      {`{"outbox":5}`, http.StatusBadRequest},
		"no UTF-8":          {"{\"from\":\"\xff\"}", http.StatusBadRequest},
		"nothing":           {"", http.StatusOK},
	} {
		f := form(s.pass(ada, 0))
		f.Set("kept", c.kept)
		if status := s.guest().post("/move/", f, from(elsewhere)).status; status != c.want {
			t.Errorf("%s: status %d, want %d", name, status, c.want)
		}
	}
}

func TestMoveLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s, _, ada := movers(t)
	for _, next := range []string{"//evil.example/", "http://evil.example/", "/\\evil.example", "javascript:alert(1)", ""} {
		f := form(s.pass(ada, 0))
		f.Set("next", next)
		a := s.guest().post("/move/", f, from(elsewhere)).want(t, http.StatusOK)
		a.says(t, `<a href="../">`)
		a.saysNot(t, "evil")
	}
}

func TestSpentPassesAreForgottenWhenTheyExpire(t *testing.T) {
	t.Parallel()
	m := newMoves(newNodes().Keys)
	now := time.Now()
	for n := range 3 {
		a := accepted{expires: now.Add(time.Duration(n) * time.Minute)}
		a.number[0] = byte(n)
		if err := m.spend(a, now); err != nil {
			t.Fatal(err)
		}
	}
	m.clean(now.Add(time.Minute))
	if len(m.spent) != 1 {
		t.Errorf("%d are remembered", len(m.spent))
	}
}
