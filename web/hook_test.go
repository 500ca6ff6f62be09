package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// hook makes a webhook of the room and returns its path.
func (c *client) hook(room, name string) (path, id string) {
	c.site.t.Helper()
	o := c.call("POST", "rooms/"+room+"/hooks", map[string]any{"name": name}).want(c.site.t, 201).object(c.site.t)
	return o["path"].(string), o["id"].(string)
}

// send posts a body to any address.
func (c *client) send(path, kind, body string, change ...func(*http.Request)) answer {
	c.site.t.Helper()
	a := c.do("POST", path, nil, append([]func(*http.Request){func(r *http.Request) {
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), -1
	}}, change...)...)
	a.holdTo(c.site.t, "POST", path, kind, body)
	return a
}

func TestProgramsPostByWebhooks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, program := s.person("ada"), s.guest()
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	path, id := ada.hook("lobby", "Build server")
	socket := ada.dial("/ws/")
	if f := socket.ask(`{"type":"join","ref":1,"room":"lobby"}`); f.kind() != "joined" {
		t.Fatalf("answer is %v", f)
	}
	const message = "019aa5b2-7c00-7000-8000-0000000000a1"
	for _, post := range []struct{ kind, body, want string }{
		{"application/json", `{"text":"built","id":"` + message + `","channel":"#ops","icon_emoji":":hammer:"}`, "built"},
		{"application/json; charset=utf-8", `{"attachments":[{"fallback":"one","color":"good"},{"fallback":"x","text":"two"}]}`, "one\ntwo"},
		{"text/plain", "plain\nwords", "plain\nwords"},
		{"application/x-www-form-urlencoded", "payload=" + url.QueryEscape(`{"text":"a form"}`), "a form"},
		{"text/plain", "/pm ada not a command", "/pm ada not a command"},
	} {
		a := program.send(path, post.kind, post.body).want(t, 200)
		if a.object(t)["ok"] != true {
			t.Errorf("answer is %s", a.body)
		}
		if f := socket.next("chat_message"); f["message"] != post.want || f["hook"] != "Build server" || f["user"] != "Build server (webhook)" {
			t.Errorf("message is %v", f)
		}
	}
	program.send(path, "application/json", `{"text":"built","id":"`+message+`"}`).want(t, 200)
	if n := len(texts(ada.call("GET", "rooms/lobby/messages", nil).object(t)["messages"])); n != 5 {
		t.Errorf("there are %d messages, want 5", n)
	}
	for _, bad := range []struct {
		kind, body string
		status     int
		code       string
	}{
		{"application/json", `{"text":""}`, 422, "empty"},
		{"application/json", `{}`, 422, "empty"},
		{"application/json", `[]`, 400, "bad_frame"},
		{"application/json", `{"text":`, 400, "bad_frame"},
		{"application/json", `{"text":"x","id":"y"}`, 400, "bad_field"},
		{"application/x-www-form-urlencoded", "text=x", 400, "bad_frame"},
		{"", "x", 415, "media_type"},
		{"image/png", "x", 415, "media_type"},
		{"text/plain", strings.Repeat("x", 5000), 422, "too_long"},
		{"text/plain", strings.Repeat("x", maxBody+1), 413, "too_large"},
	} {
		program.send(path, bad.kind, bad.body).isProblem(t, bad.status, bad.code)
	}
	if hooks := ada.call("GET", "rooms/lobby/hooks", nil).want(t, 200); strings.Contains(hooks.body, path) {
		t.Errorf("the list tells the secret: %s", hooks.body)
	}
	ada.call("DELETE", "rooms/lobby/hooks/"+id, nil).want(t, 204)
	program.send(path, "text/plain", "too late").isProblem(t, 404, "not_found")
	program.send(hookPath+"guess", "text/plain", "x").isProblem(t, 404, "not_found")
}

// TestModeratingEveryRoomTakesTheScopeAdmin holds that an administrator's token does no more than it was made for.
func TestModeratingEveryRoomTakesTheScopeAdmin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, root := s.person("ada"), s.admin("root")
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	path, _ := ada.hook("lobby", "ci")
	said := s.guest().send(path, "text/plain", "hello").want(t, 200).object(t)["id"].(string)
	plain, _ := root.accessToken("read", "write")
	mighty, _ := root.accessToken("read", "write", "admin")
	plain.call("GET", "rooms/lobby/hooks", nil).isProblem(t, 403, "forbidden")
	plain.call("DELETE", "messages/"+said, nil).isProblem(t, 403, "forbidden")
	if o := plain.call("GET", "rooms/lobby", nil).object(t); o["can_moderate"] != false {
		t.Errorf("the room is %v", o)
	}
	mighty.call("GET", "rooms/lobby/hooks", nil).want(t, 200)
	mighty.call("DELETE", "messages/"+said, nil).want(t, 200)
	root.call("GET", "rooms/lobby/hooks", nil).want(t, 200)
}

func TestWebhooksAreLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.CallsPerMinute = 5 })
	ada, program := s.person("ada"), s.guest()
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	path, _ := ada.hook("lobby", "ci")
	for range 5 {
		program.send(path, "text/plain", "x").want(t, 200)
	}
	over := program.send(path, "text/plain", "x")
	over.isProblem(t, 429, "rate_limited")
	if over.header.Get("Retry-After") == "" || over.header.Get("RateLimit-Remaining") != "0" {
		t.Errorf("headers are %v", over.header)
	}
	for range 5 {
		program.send(hookPath+"guess", "text/plain", "x").want(t, 404)
	}
	program.send(hookPath+"guess", "text/plain", "x").isProblem(t, 429, "rate_limited")
}

// TestTheSecretOfAWebhookIsNotLogged brings about every line of the log that has a path in it.
func TestTheSecretOfAWebhookIsNotLogged(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := newSite(t, func(o *siteOptions) {
		o.Web.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Accounts.Logger = o.Web.Logger
	})
	ada, program := s.person("ada"), s.guest()
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	path, _ := ada.hook("lobby", "ci")
	program.send(path, "text/plain", "x", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }).isProblem(t, 403, "cross_origin")
	program.send(path, "text/plain", "x", func(r *http.Request) { r.Host = "evil.example" }).isProblem(t, 421, "unknown_host")
	program.get(path).isProblem(t, 405, "method")
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	program.send(path, "text/plain", "x").isProblem(t, 503, "unavailable")
	s.server.logFailure(httptest.NewRequest(http.MethodPost, path, nil), errInternal, errors.New("out of cheese"))
	log := logged.String()
	for _, line := range []string{"cross-origin request refused", "unknown host name", "request could not be answered", "hook.added"} {
		if !strings.Contains(log, line) {
			t.Errorf("the log has no %q:\n%s", line, log)
		}
	}
	if secret := strings.TrimPrefix(path, hookPath); strings.Contains(log, secret) {
		t.Errorf("the log holds the secret %s:\n%s", secret, log)
	}
}

func TestOnlyOriginsOfBrowsersAreLogged(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"":                             "",
		"null":                         "null",
		"https://evil.example":         "https://evil.example",
		"http://localhost:3000":        "http://localhost:3000",
		"http://192.0.2.7":             "http://192.0.2.7",
		"https://[2001:db8::7]:8443":   "https://[2001:db8::7]:8443",
		"https://eyJhbGciOiJI.eyJ.sig": "…",
		"https://abcd-efgh-jkmn":       "…",
		"https://snug_pat_x.example":   "…",
		"https://me:secret@a.example":  "…",
		"correct horse battery":        "…",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Origin", origin)
		if got := loggedOrigin(r); got != want {
			t.Errorf("of %q the log has %q, want %q", origin, got, want)
		}
	}
}

func TestNoNameFillsTheLog(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"chat.example:8000":               "chat.example:8000",
		"two\nlines":                      "two\nlines", // slog quotes it
		strings.Repeat("a", 1000):         strings.Repeat("a", maxLoggedHost) + "…",
		strings.Repeat("a", 258) + "é":    strings.Repeat("a", 258) + "…", // and nothing is cut in two
		strings.Repeat("a", 253) + ":443": strings.Repeat("a", 253) + ":443",
	} {
		if got := loggedHost(&http.Request{Host: host}); got != want {
			t.Errorf("of %q the log has %q, want %q", host, got, want)
		}
	}
}

func TestModeratorsMakeWebhooksOnThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	ada.call("POST", "rooms", map[string]any{"name": "küche"}).want(t, 201)
	const settings = "/chat/k%C3%BCche/settings/"
	page := ada.submit(settings+"hooks/", url.Values{"name": {"Build server"}}).want(t, 200)
	_, rest, found := strings.Cut(page.body, s.url+hookPath)
	if !found {
		t.Fatalf("the page shows no address:\n%s", page.body)
	}
	secret, _, _ := strings.Cut(rest, `"`)
	page.says(t, `data-href="../../../hook/`+secret+`"`) // for who comes by way of a proxy with a path of its own
	s.guest().send(hookPath+secret, "text/plain", "hello").want(t, 200)
	ada.get(settings).saysNot(t, secret)
	ada.get(settings).says(t, "Build server")
	ada.get(settings+"hooks/").leadsTo(t, "../../../../chat/k%C3%BCche/settings/")
	ada.post(settings+"hooks/", url.Values{"name": {"<b>"}}).want(t, 422).says(t, "A webhook cannot have that name")
	grace.post(settings+"hooks/", url.Values{"name": {"mine"}}).want(t, 403)
	hooks := ada.call("GET", "rooms/k%C3%BCche/hooks", nil).object(t)["hooks"].([]any)
	id := hooks[0].(map[string]any)["id"].(string)
	grace.post(settings+"hooks/revoke/", url.Values{"revoke": {id}}).want(t, 403)
	ada.post(settings+"hooks/revoke/", url.Values{"revoke": {id}}).leadsTo(t, "../../../../../chat/k%C3%BCche/settings/?revoked")
	s.guest().send(hookPath+secret, "text/plain", "hello").want(t, 404)
}
