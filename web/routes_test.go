package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestEveryRouteAnswersByWhoAsks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace, nobody := s.person("ada"), s.person("grace"), s.guest()
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		method, path     string
		loggedIn         int
		loggedOut        int
		loggedOutLeadsTo string
	}{
		{"GET", "/", 200, 303, "./log_in/?next=%2F"},
		{"GET", "/?q=ad&after=a", 200, 303, "./log_in/?next=%2F%3Fq%3Dad%26after%3Da"},
		{"HEAD", "/", 200, 303, ""},
		{"GET", "/sign_up/", 303, 200, ""},
		{"GET", "/log_in/", 303, 200, ""},
		{"GET", "/log_out/", 200, 303, "../log_in/?next=%2Flog_out%2F"},
		{"GET", "/settings/", 200, 303, "../log_in/?next=%2Fsettings%2F"},
		{"GET", "/confirm/", 303, 303, "../log_in/?next=%2Fconfirm%2F"},
		{"POST", "/confirm/", 403, 303, "../log_in/?next=%2Fconfirm%2F"},
		{"GET", "/chat/", 200, 303, "../log_in/?next=%2Fchat%2F"},
		{"POST", "/chat/", 422, 303, "../log_in/?next=%2Fchat%2F"},
		{"GET", "/chat/lobby/", 200, 303, "../../log_in/?next=%2Fchat%2Flobby%2F"},
		{"GET", "/chat/k%C3%BCche/", 200, 303, "../../log_in/?next=%2Fchat%2Fk%25C3%25BCche%2F"},
		{"GET", "/chat/no%20name/", 404, 404, ""},
		{"GET", "/chat/a%2Fb/", 404, 404, ""},
		{"GET", "/chat/lobby/settings/", 200, 303, "../../../log_in/?next=%2Fchat%2Flobby%2Fsettings%2F"},
		{"GET", "/chat/nowhere/settings/", 404, 303, ""},
		{"POST", "/chat/lobby/settings/", 303, 303, "../../../log_in/?next=%2Fchat%2Flobby%2Fsettings%2F"},
		{"GET", "/pm/grace/", 200, 303, "../../log_in/?next=%2Fpm%2Fgrace%2F"},
		{"GET", "/pm/GRACE/", 200, 303, ""},
		{"GET", "/pm/nobody/", 404, 303, ""},
		{"GET", "/pm/%01/", 404, 303, ""},
		{"GET", "/admin/", 403, 303, "../log_in/?next=%2Fadmin%2F"},
		{"GET", "/admin/audit/", 403, 303, "../../log_in/?next=%2Fadmin%2Faudit%2F"},
		{"GET", "/admin/cluster/", 403, 303, "../../log_in/?next=%2Fadmin%2Fcluster%2F"},
		{"POST", "/ws/ticket/", 200, 401, ""},
		{"GET", "/users/", 400, 400, ""},
		{"GET", "/ws/", 400, 400, ""},
		{"GET", "/ws/chat/lobby/", 400, 400, ""},
		{"GET", "/healthz", 200, 200, ""},
		{"GET", "/readyz", 200, 200, ""},
		{"GET", "/nowhere/", 404, 404, ""},
		{"GET", "/static/nothing.css", 404, 404, ""},
		{"GET", "/static/", 404, 404, ""},
		{"GET", "/static/chat/", 404, 404, ""},
		{"GET", "/static/..%2fserver.go", 404, 404, ""},
		{"PUT", "/log_in/", 405, 405, ""},
		{"DELETE", "/", 405, 405, ""},
		{"GET", "/ws/ticket/", 405, 405, ""},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			form := url.Values(nil)
			if test.method == "POST" {
				form = url.Values{}
			}
			in, out := ada.do(test.method, test.path, form), nobody.do(test.method, test.path, form)
			in.want(t, test.loggedIn)
			out.want(t, test.loggedOut)
			if test.loggedOutLeadsTo != "" {
				out.leadsTo(t, test.loggedOutLeadsTo)
			}
		})
	}
	if got := grace.get("/chat/lobby/settings/").status; got != http.StatusForbidden {
		t.Errorf("another's settings: status %d, want 403", got)
	}
	if got := grace.post("/chat/lobby/settings/", nil).status; got != http.StatusForbidden {
		t.Errorf("changing another's settings: status %d, want 403", got)
	}
	if got := s.admin("root").get("/chat/lobby/settings/").status; got != http.StatusOK {
		t.Errorf("settings for an administrator: status %d, want 200", got)
	}
}

func TestAMissingLastSlashIsAddedRelatively(t *testing.T) {
	t.Parallel()
	c := newSite(t).guest()
	for path, location := range map[string]string{
		"/log_in":           "./log_in/",
		"/log_in?next=/x":   "./log_in/?next=/x",
		"/chat/lobby":       "./lobby/",
		"/chat/k%C3%BCche":  "./k%C3%BCche/",
		"/chat/https:evil":  "./https:evil/",
		"/ws/chat/lobby":    "./lobby/",
		"/chat/x/settings":  "./settings/",
		"/chat/a%2Fb":       "./a%2Fb/",
		"/pm/javascript:a%": "",
	} {
		r, err := http.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		if err != nil {
			continue
		}
		a := c.get(r.URL.RequestURI())
		if a.status != http.StatusMovedPermanently || a.header.Get("Location") != location {
			t.Errorf("%s: %d to %q, want 301 to %q", path, a.status, a.header.Get("Location"), location)
		}
	}
	c.get("/nowhere").want(t, http.StatusNotFound)
	c.post("/log_in", nil).want(t, http.StatusNotFound)
}

// TestPathsThatAreNotCleanLeadNowhere holds that no redirect is absolute: a proxy may stand before us with a path of its own.
func TestPathsThatAreNotCleanLeadNowhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	for _, path := range []string{"/chat//x/", "//chat/x/", "/chat/x//", "/chat/./x/", "/chat/../chat/x/", "/chat/x/..", "/static//tokens.css", "//"} {
		a := ada.get(path)
		if a.status != http.StatusNotFound || a.header.Get("Location") != "" {
			t.Errorf("%s: %d to %q, want 404", path, a.status, a.header.Get("Location"))
		}
	}
	s.accountsOf("x..y")
	ada.get("/pm/x..y/").want(t, http.StatusOK)
}

func TestErrorsArePagesOfOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	nobody := s.guest()
	missing := nobody.get("/nowhere/at/all/").want(t, http.StatusNotFound)
	missing.says(t, "There is no page here")
	missing.says(t, `href="../../../`)
	wrong := nobody.do(http.MethodPut, "/log_in/", url.Values{}).want(t, http.StatusMethodNotAllowed)
	if allow := wrong.header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "POST") {
		t.Errorf("Allow is %q", allow)
	}
	bad := s.person("ada").get("/chat/two%20words/").want(t, http.StatusNotFound)
	bad.says(t, "A room cannot have that name")
	if kind := bad.header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
		t.Errorf("content type is %q", kind)
	}
}

func TestSecurityHeadersStandOnEveryAnswer(t *testing.T) {
	t.Parallel()
	c := newSite(t).guest()
	for _, path := range []string{"/", "/log_in/", "/nowhere/", "/healthz", "/static/tokens.css", "/ws/"} {
		h := c.get(path).header
		for name, want := range map[string]string{
			"Content-Security-Policy":      policy,
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for _, path := range []string{"/", "/log_in/", "/nowhere/", "/healthz"} {
		if got := c.get(path).header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
	}
}

func TestHostMustBeOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Names = []string{"Chat.Example"} })
	tests := []struct {
		host string
		want int
	}{
		{"localhost:8000", 200},
		{"LOCALHOST", 200},
		{"127.0.0.1:8000", 200},
		{"192.168.3.4", 200},
		{"[::1]:8000", 200},
		{"[fe80::1]", 200},
		{"chat.example", 200},
		{"chat.example.:8443", 200},
		{"evil.example", 421},
		{"sub.chat.example", 421},
		{"localhost.evil.example", 421},
		{"127.0.0.1.evil.example:8000", 421},
	}
	for _, test := range tests {
		a := s.guest().get("/log_in/", func(r *http.Request) { r.Host = test.host })
		if a.status != test.want {
			t.Errorf("host %q: status %d, want %d", test.host, a.status, test.want)
		}
	}
	ada := s.person("ada")
	page := ada.get("/", func(r *http.Request) { r.Host = "evil.example" }).want(t, http.StatusMisdirectedRequest)
	page.says(t, "server.names")
	page.saysNot(t, "ada")
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	foreign := []func(*http.Request){
		func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		func(r *http.Request) { r.Header.Set("Origin", "null") },
	}
	for _, change := range foreign {
		for _, path := range []string{"/log_in/", "/sign_up/", "/log_out/", "/chat/", "/chat/lobby/settings/", "/ws/ticket/", "/confirm/"} {
			a := ada.post(path, nil, change)
			if a.status != http.StatusForbidden {
				t.Errorf("%s: status %d, want 403", path, a.status)
			}
		}
	}
	ada.get("/").want(t, http.StatusOK)
	ada.post("/chat/", url.Values{"name": {"lobby"}}, func(r *http.Request) {
		r.Header.Set("Origin", s.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}).leadsTo(t, "../chat/lobby/")
}

func TestFormsThatAreTooLongAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	long := url.Values{"username": {strings.Repeat("x", maxBody)}, "name": {strings.Repeat("x", maxBody)}}
	s.guest().post("/log_in/", long).want(t, http.StatusBadRequest)
	s.guest().post("/sign_up/", long).want(t, http.StatusBadRequest)
	s.person("ada").post("/chat/", long).want(t, http.StatusBadRequest)
}

func TestAPanicIsAPageAndALogLine(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := newSite(t, func(o *siteOptions) {
		o.Web.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		o.Web.Ready = func(context.Context) error { panic("out of cheese") }
	})
	s.guest().get("/readyz").want(t, http.StatusInternalServerError).says(t, "Something went wrong here")
	if !strings.Contains(logged.String(), "out of cheese") || !strings.Contains(logged.String(), "/readyz") {
		t.Errorf("log is %q", logged.String())
	}
	s.guest().get("/healthz").want(t, http.StatusOK)
}

func TestReadyzSaysWhyNot(t *testing.T) {
	t.Parallel()
	var broken error
	s := newSite(t, func(o *siteOptions) { o.Web.Ready = func(context.Context) error { return broken } })
	s.guest().get("/readyz").want(t, http.StatusOK)
	broken = errors.New("disk full")
	s.guest().get("/readyz").want(t, http.StatusServiceUnavailable).says(t, "disk full")
	broken = nil
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.guest().get("/readyz").want(t, http.StatusServiceUnavailable).says(t, "stopping")
	s.guest().get("/healthz").want(t, http.StatusOK)
}

func TestNewRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Files: os.DirFS(".")}); err == nil {
		t.Error("a server without its parts was made")
	}
	if _, err := parseTemplates(os.DirFS("socket")); err == nil {
		t.Error("templates that are not there were parsed")
	}
}
