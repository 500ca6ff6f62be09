package web

import (
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/account"
	"snug/chat"
	"snug/layer"
	"snug/presence"
	"snug/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// site is a whole server on a store of its own.
type site struct {
	t        testing.TB
	url      string
	server   *Server
	store    *store.Store
	accounts *account.Accounts
	chat     *chat.Chat
	presence *presence.Tracker
	layer    layer.Layer
}

// siteOptions are what a test may want otherwise.
type siteOptions struct {
	t        testing.TB
	Web      Options
	Accounts account.Options
	Chat     chat.Options
	Presence presence.Options
	TLS      bool
}

func newSite(t testing.TB, change ...func(*siteOptions)) *site {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	opts := siteOptions{
		t:        t,
		Web:      Options{Files: siteFiles(), Version: "0.1.0", Logger: logger},
		Accounts: account.Options{Logger: logger},
		Chat:     chat.Options{Logger: logger},
		Presence: presence.Options{Linger: 50 * time.Millisecond},
	}
	for _, f := range change {
		f(&opts)
	}
	st, err := store.Open(t.Context(), t.TempDir(), store.Options{Logger: logger, Synchronous: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, store: st}
	memory := layer.NewMemory(layer.Options{})
	s.layer = memory
	s.presence = presence.New(opts.Presence)
	s.accounts = account.New(st, opts.Accounts)
	s.chat = chat.New(st, memory, s.presence, opts.Chat)
	opts.Web.Accounts, opts.Web.Chat, opts.Web.Presence, opts.Web.Layer = s.accounts, s.chat, s.presence, memory
	if s.server, err = New(opts.Web); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(s.server)
	front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if opts.TLS {
		front.StartTLS()
	} else {
		front.Start()
	}
	s.url = front.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.server.Shutdown(ctx); err != nil {
			t.Errorf("shut down: %v", err)
		}
		front.Close()
		s.chat.Close()
		s.accounts.Close()
		s.presence.Close()
		if err := memory.Close(); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// siteFiles are the real templates and static files.
func siteFiles() fs.FS { return os.DirFS(".") }

// client is a browser with a session, or without.
type client struct {
	site   *site
	http   *http.Client
	name   string
	token  string
	bearer string // an access token or JWT, for the header
}

// guest is a browser in which nobody is logged in.
func (s *site) guest() *client {
	s.t.Helper()
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &client{site: s, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// person is a browser of somebody new who is logged in. Their password is not made, which would take long.
func (s *site) person(name string) *client {
	s.t.Helper()
	return s.member(name, false)
}

func (s *site) admin(name string) *client {
	s.t.Helper()
	return s.member(name, true)
}

func (s *site) member(name string, admin bool) *client {
	s.t.Helper()
	key, err := account.Key(name)
	if err != nil {
		s.t.Fatal(err)
	}
	user, err := s.store.CreateUser(s.t.Context(), store.User{
		ID: store.NewID(), Name: name, Key: key, Standing: store.Standing{Password: "!", Admin: admin}, Created: time.Now(),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	c := s.guest()
	c.name = name
	c.startSession(user.ID)
	return c
}

// again is another device of the same person.
func (c *client) again() *client {
	c.site.t.Helper()
	other := c.site.guest()
	other.name = c.name
	other.startSession(c.user().ID)
	return other
}

func (c *client) startSession(user account.ID) {
	c.site.t.Helper()
	token, _, err := c.site.accounts.StartSession(c.site.t.Context(), user, account.Client{})
	if err != nil {
		c.site.t.Fatal(err)
	}
	c.token = token
}

// provedLongAgo makes it so long since somebody logged in that they have to prove who they are for some changes.
func (c *client) provedLongAgo() {
	t := c.site.t
	t.Helper()
	v, err := c.site.server.visitorByToken(t.Context(), c.token)
	if err != nil || v == nil {
		t.Fatal(v, err)
	}
	_, err = c.site.store.UpdateSession(t.Context(), v.session, func(x *store.Session) error {
		x.Proven = time.Now().Add(-account.ConfirmLife)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *client) user() account.User {
	c.site.t.Helper()
	user, err := c.site.accounts.UserByName(c.site.t.Context(), c.name)
	if err != nil {
		c.site.t.Fatal(err)
	}
	return user
}

func (c *client) person() chat.Person {
	return chat.Person{ID: c.user().ID, Name: c.name}
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   string
}

func (c *client) do(method, path string, form url.Values, change ...func(*http.Request)) answer {
	t := c.site.t
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, c.site.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.token != "" {
		r.AddCookie(&http.Cookie{Name: "snug", Value: c.token})
	}
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for _, f := range change {
		f(r)
	}
	response, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(content)}
}

func (c *client) get(path string, change ...func(*http.Request)) answer {
	c.site.t.Helper()
	return c.do(http.MethodGet, path, nil, change...)
}

func (c *client) post(path string, form url.Values, change ...func(*http.Request)) answer {
	c.site.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return c.do(http.MethodPost, path, form, change...)
}

// submit posts a form and fetches the page that it leads to, as a browser does.
func (c *client) submit(path string, form url.Values) answer {
	t := c.site.t
	t.Helper()
	posted := c.post(path, form).want(t, http.StatusSeeOther)
	at, err := url.Parse(path)
	if err == nil {
		at, err = at.Parse(posted.header.Get("Location"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.get(at.String())
}

// want checks the status of an answer.
func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status is %d, want %d; body:\n%s", a.status, status, a.body)
	}
	return a
}

// leadsTo checks that an answer is a redirect to a place.
func (a answer) leadsTo(t testing.TB, location string) {
	t.Helper()
	a.want(t, http.StatusSeeOther)
	if got := a.header.Get("Location"); got != location {
		t.Fatalf("leads to %q, want %q", got, location)
	}
}

// says checks that a page has some text, as it stands in HTML.
func (a answer) says(t testing.TB, text string) {
	t.Helper()
	if !strings.Contains(a.body, text) {
		t.Errorf("page does not say %q:\n%s", text, a.body)
	}
}

func (a answer) saysNot(t testing.TB, text string) {
	t.Helper()
	if strings.Contains(a.body, text) {
		t.Errorf("page says %q:\n%s", text, a.body)
	}
}

// cookie returns a cookie that an answer sets.
func (a answer) cookie(name string) *http.Cookie {
	response := http.Response{Header: a.header}
	for _, cookie := range response.Cookies() {
		if cookie.Name == name {
			return cookie
		}
	}
	return nil
}

// trust lets a client talk TLS to the test's server, whose certificate nobody signed.
func (c *client) trust() {
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
}
