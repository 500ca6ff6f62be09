package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"snug/account"
)

// operationTrial is what is tried at one operation of the API, in the world of routeWorld: the room "lobby" is ada's, who
// has said what is in it.
type operationTrial struct {
	path  func(*routeWorld) string // an address of the operation
	body  any                      // nil: it takes none
	right int                      // what ada gets
	other int                      // what somebody gets who may log in, and has nothing to do with it
	open  bool                     // anybody may
}

func at(path string) func(*routeWorld) string {
	return func(*routeWorld) string { return path }
}

// ofMessage is an address with a new message of ada's in it.
func ofMessage(w *routeWorld) string {
	return "messages/" + w.right.say("lobby", "hello")["id"].(string)
}

// ofHook is an address with a new webhook of ada's room in it.
func ofHook(w *routeWorld) string {
	_, id := w.right.hook("lobby", "ci")
	return "rooms/lobby/hooks/" + id
}

// operationTrials has every operation: who adds one says here who may use it, or TestEveryOperationIsTried fails.
func operationTrials() map[string]operationTrial {
	text := map[string]any{"message": "hello"}
	return map[string]operationTrial{
		"GET openapi.json":                   {path: at("openapi.json"), right: 200, other: 200, open: true},
		"GET me":                             {path: at("me"), right: 200, other: 200},
		"GET users":                          {path: at("users"), right: 200, other: 200},
		"GET users/{name}":                   {path: at("users/ada"), right: 200, other: 200},
		"GET rooms":                          {path: at("rooms"), right: 200, other: 200},
		"POST rooms":                         {path: at("rooms"), body: map[string]any{"name": "new"}, right: 200, other: 201}, // who asks first makes it
		"GET rooms/{room}":                   {path: at("rooms/lobby"), right: 200, other: 200},
		"GET rooms/{room}/messages":          {path: at("rooms/lobby/messages"), right: 200, other: 200},
		"POST rooms/{room}/messages":         {path: at("rooms/lobby/messages"), body: text, right: 201, other: 201},
		"GET rooms/{room}/hooks":             {path: at("rooms/lobby/hooks"), right: 200, other: 403},
		"POST rooms/{room}/hooks":            {path: at("rooms/lobby/hooks"), body: map[string]any{"name": "ci"}, right: 201, other: 403},
		"DELETE rooms/{room}/hooks/{id}":     {path: ofHook, right: 204, other: 403},
		"PATCH messages/{id}":                {path: ofMessage, body: text, right: 200, other: 403},
		"DELETE messages/{id}":               {path: ofMessage, right: 200, other: 403},
		"GET conversations":                  {path: at("conversations"), right: 200, other: 200},
		"GET conversations/{name}/messages":  {path: at("conversations/grace/messages"), right: 200, other: 200},
		"POST conversations/{name}/messages": {path: at("conversations/grace/messages"), body: text, right: 201, other: 201},
		"GET events":                         {path: at("events?room=lobby"), right: 200, other: 200},
	}
}

// attempt does an operation, and leaves a stream as soon as it has begun.
func (w *routeWorld) attempt(c *client, method, path string, body any, change ...func(*http.Request)) answer {
	w.t.Helper()
	if !strings.HasPrefix(path, "events") {
		return c.call(method, path, body, change...)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, w.url+apiPath+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	c.show(r)
	for _, f := range change {
		f(r)
	}
	response, err := c.http.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.status != http.StatusOK {
		content, err := io.ReadAll(response.Body)
		if err != nil {
			w.t.Fatal(err)
		}
		a.body = string(content)
		a.holdTo(w.t, method, apiPath+"events", "", "")
	}
	return a
}

// show adds to a request what the client has to show.
func (c *client) show(r *http.Request) {
	if c.token != "" {
		r.AddCookie(&http.Cookie{Name: "snug", Value: c.token})
	}
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
}

func TestEveryOperationIsTried(t *testing.T) {
	t.Parallel()
	trials := operationTrials()
	for _, route := range newSite(t).server.apiRoutes() {
		name := route.method + " " + route.path
		tr, ok := trials[name]
		if !ok {
			t.Errorf("%s: nobody has said who may use this operation: add it to operationTrials", name)
			continue
		}
		delete(trials, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRouteWorld(t, false)
			path := tr.path(w)
			w.tryPeople(t, route, &tr, path)
			w.tryTokens(t, route, &tr)
			w.tryPages(t, route, &tr, path)
			w.tryBodies(t, route, &tr, path)
			tryLimit(t, route, &tr)
		})
	}
	for name := range trials {
		t.Errorf("%s is tried and is no operation", name)
	}
}

// tryPeople asks as nobody, with a token that is no good, as somebody whose business it is not, and as the right person.
func (w *routeWorld) tryPeople(t *testing.T, route apiRoute, tr *operationTrial, path string) {
	t.Helper()
	if a := w.attempt(w.other, route.method, path, tr.body); a.status != tr.other {
		t.Errorf("the wrong person gets %d, want %d: %s", a.status, tr.other, a.body)
	}
	good := w.attempt(w.right, route.method, path, tr.body)
	if good.status != tr.right {
		t.Errorf("the right person gets %d, want %d: %s", good.status, tr.right, good.body)
	}
	if !tr.open && good.header.Get("Cache-Control") != "no-store" {
		t.Errorf("private data may be cached: %q", good.header.Get("Cache-Control"))
	}
	if tr.open {
		w.attempt(w.nobody, route.method, path, tr.body).want(t, tr.right)
		return
	}
	a := w.attempt(w.nobody, route.method, path, tr.body)
	a.isProblem(t, http.StatusUnauthorized, "unauthorized")
	if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="snug"` {
		t.Errorf("nobody is told WWW-Authenticate: %q", got)
	}
	stranger := w.guest()
	stranger.bearer, stranger.token = account.TokenPrefix+"made-up", w.right.token
	a = w.attempt(stranger, route.method, path, tr.body)
	a.isProblem(t, http.StatusUnauthorized, "unauthorized")
	if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
		t.Errorf("a wrong token, beside a good cookie, is told WWW-Authenticate: %q", got)
	}
}

// tryTokens asks with a token for this, and with one that may do everything but this.
func (w *routeWorld) tryTokens(t *testing.T, route apiRoute, tr *operationTrial) {
	t.Helper()
	if tr.open {
		return
	}
	good, _ := w.right.accessToken(route.scope)
	if a := w.attempt(good, route.method, tr.path(w), tr.body); a.status >= 300 {
		t.Errorf("a token with the scope %s gets %d: %s", route.scope, a.status, a.body)
	}
	others := slices.DeleteFunc([]string{account.ScopeRead, account.ScopeWrite}, func(scope string) bool { return scope == route.scope })
	poor, _ := w.right.accessToken(others...)
	a := w.attempt(poor, route.method, tr.path(w), tr.body)
	a.isProblem(t, http.StatusForbidden, "scope")
	if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope", scope="`+route.scope+`"`) {
		t.Errorf("a token for %v is told WWW-Authenticate: %q", others, got)
	}
}

// tryPages asks as pages of other places do in the browser of the right person. None of them is told anything.
func (w *routeWorld) tryPages(t *testing.T, route apiRoute, tr *operationTrial, path string) {
	t.Helper()
	for _, site := range []string{"cross-site", "same-site", ""} { // in plain HTTP off localhost browsers do not say it
		a := w.attempt(w.right, route.method, path, tr.body, func(r *http.Request) {
			r.Header.Set("Origin", "http://localhost:1")
			if site != "" {
				r.Header.Set("Sec-Fetch-Site", site)
			}
		})
		if tr.open {
			a.want(t, tr.right)
		} else {
			a.isProblem(t, http.StatusForbidden, "cross_origin")
		}
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("a page of another origin may read: %q", got)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Cross-Origin-Resource-Policy"} {
			if a.header.Get(name) == "" {
				t.Errorf("there is no %s", name)
			}
		}
	}
	preflight := w.right.do(http.MethodOptions, apiPath+path, nil, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	if preflight.status < 400 || preflight.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a preflight gets %d", preflight.status)
	}
}

// tryBodies sends what is no body of this operation.
func (w *routeWorld) tryBodies(t *testing.T, route apiRoute, tr *operationTrial, path string) {
	t.Helper()
	if tr.body == nil {
		return
	}
	as := func(kind string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", kind) }
	}
	for _, bad := range []string{"", "null", "[]", `"x"`, "{", `{} {}`, "{\"message\":\"\xff\"}", strings.Repeat("[", 10_000)} {
		w.right.call(route.method, path, bad, as("application/json")).isProblem(t, http.StatusBadRequest, "bad_frame")
	}
	for _, bad := range []string{`{}`, `{"nonsense":1}`, `{"Message":"a"}`, `{"message":1,"name":1}`, `{"message":"a","message":"b"}`, `{"name":"a","name":"b"}`} {
		w.right.call(route.method, path, bad, as("application/json")).isProblem(t, http.StatusBadRequest, "bad_field")
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "multipart/form-data"} {
		w.right.call(route.method, path, `{}`, as(kind)).isProblem(t, http.StatusUnsupportedMediaType, "media_type")
	}
	long := `{"message":"` + strings.Repeat("x", maxBody) + `"}`
	w.right.call(route.method, path, long, as("application/json")).isProblem(t, http.StatusRequestEntityTooLarge, "too_large")
}

// tryLimit makes one call too many, on a site of its own.
func tryLimit(t *testing.T, route apiRoute, tr *operationTrial) {
	t.Helper()
	const most = 4
	w := newRouteWorld(t, false, func(o *siteOptions) { o.Web.Limits.CallsPerMinute = most })
	path := tr.path(w)
	c := w.right
	if tr.open {
		c = w.nobody
	}
	for range most + 1 {
		a := w.attempt(c, route.method, path, tr.body)
		if a.header.Get("RateLimit-Limit") != strconv.Itoa(most) || a.header.Get("RateLimit-Reset") == "" {
			t.Errorf("limits are told as %v", a.header)
		}
		if a.status != http.StatusTooManyRequests {
			continue
		}
		a.isProblem(t, http.StatusTooManyRequests, "rate_limited")
		if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 || a.header.Get("RateLimit-Remaining") != "0" {
			t.Errorf("who is too fast is told %v", a.header)
		}
		if w.attempt(w.other, route.method, "me", nil).status == http.StatusTooManyRequests {
			t.Error("one person's calls are counted for another")
		}
		return
	}
	t.Errorf("%d calls reach no limit of %d", most+1, most)
}

// What is left of a deleted room is told as the document says, by every operation that names it.
func TestCallsAboutADeletedRoomAreAnsweredAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	w := newRouteWorld(t, false)
	message, hooked := ofMessage(w), w.webhook()
	trials := operationTrials()
	if _, err := w.chat.DeleteRoom(t.Context(), "lobby"); err != nil {
		t.Fatal(err)
	}
	for _, route := range w.server.apiRoutes() {
		tr := trials[route.method+" "+route.path]
		path := strings.NewReplacer("{room}", "lobby", "{id}", "019aa5b2-7c00-7000-8000-0000000000a1").Replace(route.path)
		want := http.StatusGone
		switch {
		case strings.HasPrefix(route.path, "messages/"):
			path, want = message, http.StatusNotFound
		case route.path == "events":
			path += "?room=lobby"
		case path == route.path || route.method == http.MethodPost && route.path == "rooms":
			continue // it is about no room, or about another
		}
		if a := w.attempt(w.right, route.method, path, tr.body); a.status != want {
			t.Errorf("%s %s: %d, want %d: %s", route.method, route.path, a.status, want, a.body)
		}
	}
	w.nobody.do(http.MethodPost, hooked, url.Values{"payload": {`{"text":"built"}`}}).want(t, http.StatusNotFound)
}
