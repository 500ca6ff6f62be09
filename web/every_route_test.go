package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// trial is what is tried at one route. Every route of the server has one: whoever adds a route says here who may use it
// and what bounds it, or TestEveryRouteIsTried fails.
type trial struct {
	path  string                   // an address of the route, in the world below
	form  func(n int) url.Values   // what a page sends there; the n-th time, so that nothing is sent twice
	head  map[string]string        // what programs send with it
	host  string                   // the name by which it is called; "": the address of the test's server
	site  func(*siteOptions)       // what the site must be for this route
	ready func(*routeWorld) string // the path, where it is known only then; it may make what the path is about

	// Statuses by who asks: nobody, somebody whose business this is not, and somebody whose it is. The last is an
	// administrator where others may not.
	nobody, other, right int

	// limit makes the limit of this route so small that a few attempts reach it: 429 and Retry-After. nobodys: attempts of
	// people who are not logged in are counted, not those of the right person.
	limit   func(*siteOptions)
	nobodys bool
	// unlimited says why a route that changes something needs no limit of its own.
	unlimited string

	socket bool // a WebSocket: the statuses are for a request that is none, and limits are those of sockets
	shared bool // pages of other origins may read the answer
}

// routeWorld is where routes are tried. The room "lobby" is ada's.
type routeWorld struct {
	*site
	right, other, nobody *client

	hooked string // see webhook
}

func newRouteWorld(t *testing.T, admin bool, change ...func(*siteOptions)) *routeWorld {
	t.Helper()
	changes := change[:0:0]
	for _, f := range change {
		if f != nil {
			changes = append(changes, f)
		}
	}
	s := newSite(t, changes...)
	w := &routeWorld{site: s, other: s.person("grace"), nobody: s.guest()}
	ada := s.person("ada")
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	if w.right = ada; admin {
		w.right = s.admin("root")
	}
	return w
}

func (w *routeWorld) path(tr *trial) string {
	if tr.ready != nil {
		return tr.ready(w)
	}
	return tr.path
}

// webhook is the address of one of the lobby, the same each time.
func (w *routeWorld) webhook() string {
	if w.hooked == "" {
		w.hooked, _ = w.right.hook("lobby", "ci")
	}
	return w.hooked
}

// try asks a route as somebody.
func (w *routeWorld) try(c *client, method string, tr *trial, n int, change ...func(*http.Request)) answer {
	var form url.Values
	if method != http.MethodGet {
		form = url.Values{}
		if tr.form != nil {
			form = tr.form(n)
		}
	}
	change = append([]func(*http.Request){func(r *http.Request) {
		for name, value := range tr.head {
			r.Header.Set(name, value)
		}
		if tr.host != "" {
			r.Host = tr.host
		}
	}}, change...)
	return c.do(method, w.path(tr), form, change...)
}

// isAdmins reports whether a route is for administrators alone.
func isAdmins(pattern string) bool {
	return strings.Contains(pattern, " /admin/") || strings.Contains(pattern, "/settings/delete/")
}

func TestEveryRouteIsTried(t *testing.T) {
	t.Parallel()
	server, operations := newSite(t).server, map[string]bool{}
	for _, route := range server.apiRoutes() {
		operations[route.method+" "+apiPath+route.path] = true // TestEveryOperationIsTried does
	}
	patterns := slices.DeleteFunc(server.routes().patterns, func(pattern string) bool { return operations[pattern] })
	all := trials()
	for _, pattern := range patterns {
		if _, ok := all[pattern]; !ok {
			t.Errorf("%s: nobody has said who may use this route, and what bounds it: add it to trials", pattern)
		}
	}
	for pattern := range all {
		if !slices.Contains(patterns, pattern) {
			t.Errorf("%s is tried and is no route", pattern)
		}
	}
	for pattern, tr := range all {
		method, _, found := strings.Cut(pattern, " ")
		if !found {
			t.Errorf("%s takes every method", pattern)
			continue
		}
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			w := newRouteWorld(t, isAdmins(pattern), tr.site)
			w.tryStrangers(t, method, &tr)
			w.tryForeignPages(t, method, &tr)
			w.tryTooMuch(t, method, &tr)
			tryTooOften(t, pattern, method, &tr)
		})
	}
}

// tryStrangers asks as nobody, as somebody whose business it is not, and as the right person, who must be the only one
// for whom it works.
func (w *routeWorld) tryStrangers(t *testing.T, method string, tr *trial) {
	t.Helper()
	for i, who := range []struct {
		name   string
		client *client
		want   int
	}{{"nobody", w.nobody, tr.nobody}, {"the wrong person", w.other, tr.other}, {"the right person", w.right, tr.right}} {
		a := w.try(who.client, method, tr, i)
		if a.status != who.want {
			t.Errorf("%s gets %d, want %d:\n%.400s", who.name, a.status, who.want, a.body)
		}
		if a.status == http.StatusSeeOther && who.client == w.nobody && !strings.Contains(a.header.Get("Location"), "log_in/") && tr.right != tr.nobody {
			t.Errorf("nobody is led to %s", a.header.Get("Location"))
		}
	}
}

// tryForeignPages asks as a page of another site does in the browser of the right person.
func (w *routeWorld) tryForeignPages(t *testing.T, method string, tr *trial) {
	t.Helper()
	for _, origin := range []string{"https://evil.example", "null", "http://localhost:1"} {
		foreign := func(r *http.Request) {
			r.Header.Set("Origin", origin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		a := w.try(w.right, method, tr, 10, foreign)
		if method != http.MethodGet && a.status != http.StatusForbidden {
			t.Errorf("a page of %s gets %d, want 403:\n%.400s", origin, a.status, a.body)
		}
		if got := a.header.Get("Access-Control-Allow-Origin"); (got != "") != tr.shared {
			t.Errorf("a page of %s is told Access-Control-Allow-Origin: %q", origin, got)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Referrer-Policy"} {
			if a.header.Get(name) == "" {
				t.Errorf("a page of %s gets no %s", origin, name)
			}
		}
		if tr.socket {
			if got := w.right.refused(w.path(tr), func(h http.Header) { h.Set("Origin", origin) }); got != http.StatusForbidden {
				t.Errorf("a page of %s opens a socket: %d, want 403", origin, got)
			}
		}
	}
	if a := w.try(w.right, method, tr, 11, func(r *http.Request) { r.Host = "evil.example" }); a.status != http.StatusMisdirectedRequest {
		t.Errorf("under a name that is not ours: %d, want 421", a.status)
	}
}

// tryTooMuch sends a body that is longer than any.
func (w *routeWorld) tryTooMuch(t *testing.T, method string, tr *trial) {
	t.Helper()
	if method == http.MethodGet {
		return
	}
	for _, c := range []*client{w.nobody, w.right} {
		long := *tr
		long.form = func(n int) url.Values {
			form := url.Values{}
			if tr.form != nil {
				form = tr.form(n)
			}
			for name := range form {
				form[name] = []string{strings.Repeat("x", maxMoveBody)}
			}
			form.Set("more", strings.Repeat("x", maxMoveBody))
			return form
		}
		a := w.try(c, method, &long, 20)
		if ignored := tr.form == nil && a.status < 400; a.status >= 500 || (c == w.right && a.status < 400 && !ignored) {
			t.Errorf("a body of a megabyte is answered with %d", a.status)
		}
	}
}

// tryTooOften reaches the limit of a route on a site of its own.
func tryTooOften(t *testing.T, pattern, method string, tr *trial) {
	t.Helper()
	switch {
	case tr.socket:
		w := newRouteWorld(t, false, tr.site, func(o *siteOptions) { o.Web.Limits.SocketsPerUser = 1 })
		path := w.path(tr)
		w.right.dial(path)
		if got := w.right.refused(path); got != http.StatusTooManyRequests {
			t.Errorf("a second socket of a person: %d, want 429", got)
		}
		w = newRouteWorld(t, false, tr.site, func(o *siteOptions) { o.Web.Limits.Sockets = 1 })
		path = w.path(tr)
		k := w.right.dial(path)
		if got := w.other.refused(path); got != http.StatusServiceUnavailable {
			t.Errorf("one socket more than limits.sockets: %d, want 503", got)
		}
		_ = k.conn.Close(websocket.StatusNormalClosure, "")
		w.freed(path)
	case tr.limit != nil:
		w := newRouteWorld(t, isAdmins(pattern), tr.site, tr.limit)
		c := w.right
		if tr.nobodys {
			c = w.nobody
		}
		const most = 60
		for n := range most {
			a := w.try(c, method, tr, n)
			if a.status != http.StatusTooManyRequests {
				continue
			}
			if a.header.Get("Retry-After") == "" {
				t.Error("who is too fast is not told when to try again")
			}
			if !strings.Contains(strings.ToLower(a.body), "again") {
				t.Errorf("who is too fast is not told what to do:\n%.400s", a.body)
			}
			return
		}
		t.Errorf("%d attempts reach no limit", most)
	case method != http.MethodGet && tr.unlimited == "":
		t.Error("this route changes something: say what limits it, or why it needs no limit")
	}
}

// freed waits until somebody else may have the place of a socket that has ended.
func (w *routeWorld) freed(path string) {
	w.t.Helper()
	w.until("the place of a socket that has ended is free for another", func() bool {
		k, _, err := w.other.tryDial(path)
		if err == nil {
			_ = k.conn.CloseNow()
		}
		return err == nil
	})
}

func fields(pairs ...string) func(int) url.Values {
	return func(n int) url.Values {
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], strings.ReplaceAll(pairs[i+1], "#", fmt.Sprint(n)))
		}
		return form
	}
}
