package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"snug/snugtest"
)

// canaries are secrets that are planted wherever a person or program could put them, and must never be seen again: not in the log, even at its most talkative,
// not in an answer that is an error, and not in what is stored.
type canaries struct {
	t       *testing.T
	server  *snugtest.Server
	client  *http.Client
	secrets map[string]string // by what they are
	answers []string          // error answers: what was asked, and what came
}

func newCanaries(t *testing.T, s *snugtest.Server) *canaries {
	client := &http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	return &canaries{t: t, server: s, client: client, secrets: make(map[string]string)}
}

// ask sends a request. What it gets is kept if it is an error. Body nil is no form.
func (c *canaries) ask(what, method, path string, body url.Values, head http.Header) (answer string, header http.Header) {
	c.t.Helper()
	var content io.Reader
	if body != nil {
		content = strings.NewReader(body.Encode())
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	maps.Copy(r.Header, head)
	if host := head.Get("Host"); host != "" {
		r.Host = host
	}
	response, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		c.answers = append(c.answers, fmt.Sprintf("%s: %s: %d\n%v\n%s", what, method, response.StatusCode, response.Header, text))
	}
	return string(text), response.Header
}

// make sends a form and gives the page that it leads to, where what it has made is shown, once.
func (c *canaries) make(what, path string, form url.Values, head http.Header) string {
	c.t.Helper()
	text, header := c.ask(what, "POST", path, form, head)
	at, err := url.Parse(path)
	if err == nil {
		at, err = at.Parse(header.Get("Location"))
	}
	if err != nil || header.Get("Location") == "" {
		c.t.Fatalf("%s leads nowhere (%v):\n%s", what, err, text)
	}
	text, _ = c.ask(what+": see it", "GET", at.String(), nil, head)
	return text
}

// dial opens a socket if it can be opened, and shuts it again.
func (c *canaries) dial(what, path string, head http.Header) bool {
	c.t.Helper()
	conn, response, err := websocket.Dial(c.t.Context(), c.server.URL+path, &websocket.DialOptions{HTTPHeader: head})
	if err == nil {
		_ = conn.CloseNow()
		return true
	}
	if response != nil {
		text, _ := io.ReadAll(response.Body) // what came of it
		c.answers = append(c.answers, fmt.Sprintf("%s: %d\n%v\n%s", what, response.StatusCode, response.Header, text))
	}
	return false
}

// session logs in and gives the cookie.
func (c *canaries) session(path string, form url.Values) http.Header {
	c.t.Helper()
	text, header := c.ask("begin a session", "POST", path, form, nil)
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	if cookie == "" {
		c.t.Fatalf("%s: no session:\n%s", path, text)
	}
	return http.Header{"Cookie": {cookie}}
}

// find gives what an expression finds in a text.
func (c *canaries) find(text, expression string) string {
	c.t.Helper()
	found := regexp.MustCompile(expression).FindStringSubmatch(text)
	if found == nil {
		c.t.Fatalf("no %s in\n%s", expression, text)
	}
	return found[len(found)-1]
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// TestNoSecretIsEverInALog does all that a log could be told of, well and badly, and looks for what must not be there.
func TestNoSecretIsEverInALog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sites, settings := jwtSites(t, dir)
	file := filepath.Join(dir, "snug.toml")
	settings = "[log]\nlevel = \"debug\"\n[limits]\nlogins_per_minute = 0\nsignups_per_hour = 0\n" + settings
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	s := snugtest.Start(t, snugtest.Options{Args: []string{"--config", file}})
	c := newCanaries(t, s)
	c.useWell(sites)
	for _, name := range slices.Sorted(maps.Keys(c.secrets)) {
		c.useBadly(name, c.secrets[name])
	}
	s.Stop()
	c.look()
}

// useWell makes every kind of secret and uses it as it is meant.
func (c *canaries) useWell(sites []jwtSite) {
	t, s := c.t, c.server
	const first, second, third = "canary of the first password", "canary of the second password", "canary of the third password"
	c.secrets["password"], c.secrets["new password"], c.secrets["password of a program"] = first, second, third
	c.secrets["secret of a site"] = string(sites[0].key.([]byte))

	c.secrets["setup token"] = c.find(s.Setup, `setup=(.+)`)
	c.ask("the setup page", "GET", "/sign_up/?setup="+c.secrets["setup token"], nil, nil)
	admin := c.session("/sign_up/", url.Values{"username": {"root"}, "password1": {first}, "setup": {c.secrets["setup token"]}})
	invited := c.make("invite", "/admin/invitations/", url.Values{"uses": {"5"}, "life": {"24h"}, "room": {""}}, admin)
	c.secrets["invitation"] = c.find(invited, `invite/([\w-]{43})`)
	c.ask("the invitation page", "GET", "/invite/"+c.secrets["invitation"]+"/", nil, nil)
	grace := c.session("/sign_up/", url.Values{"username": {"grace"}, "password1": {first}, "invitation": {c.secrets["invitation"]}})
	c.secrets["old session"] = c.find(grace.Get("Cookie"), `snug=(.+)`)
	grace = c.session("/log_in/", url.Values{"username": {"grace"}, "password": {first}, "stay": {"on"}})
	c.secrets["session"] = c.find(grace.Get("Cookie"), `snug=(.+)`)
	c.ask("change the password", "POST", "/settings/password/", url.Values{"old_password": {first}, "password": {second}}, grace)
	c.ask("confirm", "POST", "/confirm/", url.Values{"password": {second}}, grace)

	made := c.make("make a token", "/settings/tokens/", url.Values{"name": {"doorbell"}, "scope": {"read", "write"}, "days": {"7"}}, grace)
	c.secrets["access token"] = c.find(made, `(snug_pat_[\w-]{43})`)
	c.ask("who am I", "GET", "/api/v1/me", nil, bearer(c.secrets["access token"]))
	c.ask("who am I", "GET", "/api/v1/me", nil, grace)
	revoked := snugtest.Run(t, "token", "add", "grace", "canary", "--data", s.Dir)
	c.secrets["revoked token"] = strings.TrimSpace(revoked.Out)
	list := snugtest.Run(t, "token", "list", "grace", "--data", s.Dir)
	snugtest.Run(t, "token", "revoke", "grace", c.find(list.Out, `(\S+)\s+canary `), "--data", s.Dir)

	codes := c.make("recovery codes", "/settings/passkeys/", url.Values{"do": {"codes"}}, grace)
	used := c.find(codes, `<code>(\w{4}(?:-\w{4}){3})</code>`)
	c.secrets["recovery code"] = c.find(strings.Replace(codes, used, "", 1), `<code>(\w{4}(?:-\w{4}){3})</code>`)
	c.secrets["used recovery code"] = used
	c.session("/log_in/recovery/", url.Values{"username": {"grace"}, "code": {used}})

	for _, path := range []string{"/ws/", "/users/", "/ws/chat/lobby/"} {
		for name, head := range map[string]http.Header{"session": grace, "access token": bearer(c.secrets["access token"])} {
			if !c.dial(name, path, head) {
				t.Errorf("%s: no socket with a good %s", path, name)
			}
			ticket, _ := c.ask("a ticket", "POST", "/ws/ticket/", url.Values{}, head)
			c.secrets["ticket by "+name] = c.find(ticket, `"ticket":"(\w+)"`)
			if !c.dial("ticket", path+"?token="+c.secrets["ticket by "+name], nil) {
				t.Errorf("%s: no socket with a ticket", path)
			}
		}
		for _, site := range sites {
			if !c.dial("jwt", path+"?token="+site.token(t, nil), nil) || !c.dial("jwt", path, bearer(site.token(t, nil))) {
				t.Errorf("%s: no socket with a JWT of %s", path, site.name)
			}
		}
	}
	hook := c.make("make a webhook", "/chat/lobby/settings/hooks/", url.Values{"name": {"doorbell"}}, grace)
	c.secrets["webhook"] = c.find(hook, `hook/(snug_hook_\w+)`)
	if done, _ := c.ask("post by a webhook", "POST", "/hook/"+c.secrets["webhook"], url.Values{"payload": {`{"text":"ding"}`}}, nil); !strings.Contains(done, `"ok":true`) {
		t.Errorf("the webhook answers %s", done)
	}
	for _, site := range sites {
		parts := strings.Split(site.token(t, nil), ".")
		c.secrets["claims of "+site.name], c.secrets["signature of "+site.name] = parts[1], parts[2]
		expired := site.token(t, func(claims jwt.MapClaims) { claims["exp"] = 1 })
		c.secrets["expired JWT of "+site.name] = expired
	}
	c.command(third, "user", "add", "robot")
	c.command(third, "user", "passwd", "robot")
}

// command gives a password to a command, as it is asked for: by standard input.
func (c *canaries) command(password string, args ...string) {
	c.t.Helper()
	command := exec.Command(snugtest.Build(c.t), append(args, "--data", c.server.Dir)...)
	command.Stdin = strings.NewReader(password + "\n")
	if out, err := command.CombinedOutput(); err != nil || strings.Contains(string(out), password) {
		c.t.Errorf("snug %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// useBadly puts a secret where it is wrong, and where it is right but does not help.
func (c *canaries) useBadly(name, secret string) {
	c.t.Helper()
	grace := http.Header{"Cookie": {"snug=" + c.secrets["session"]}}
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	foreign := http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}, "Cookie": grace["Cookie"]}
	form := func(pairs ...string) url.Values {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values
	}
	// An answer has what was typed as a name, a link or a hidden field: it is the form, once more, of whoever typed it.
	kept := len(c.answers)
	c.ask(name+" as a name", "POST", "/log_in/", form("username", secret, "password", secret), nil)
	c.ask(name+" as where to go on", "POST", "/log_in/", form("username", "grace", "password", "wrong", "next", "/"+path), nil)
	c.ask(name+" as a setup token", "POST", "/sign_up/", form("username", "eve", "password1", "short", "setup", secret), nil)
	c.ask(name+" as an invitation", "POST", "/sign_up/", form("username", "eve", "password1", "short", "invitation", secret), nil)
	c.answers = c.answers[:kept]

	c.ask(name+" as a wrong password", "POST", "/log_in/", form("username", "nobody", "password", secret), nil)
	c.ask(name+" as a bad password", "POST", "/sign_up/", form("username", "no name", "password1", secret), nil)
	c.ask(name+" as a recovery code", "POST", "/log_in/recovery/", form("username", "nobody", "code", secret), nil)
	c.ask(name+" twice", "POST", "/sign_up/", form("username", "eve", "password1", secret, "password2", "another"), nil)
	c.ask(name+" to confirm", "POST", "/confirm/", form("password", secret+"!"), grace)
	c.ask(name+" as a new password", "POST", "/settings/password/", form("old_password", secret+"!", "password", secret), grace)
	c.ask(name+" as a session to end", "POST", "/settings/", form("end", secret), grace)
	c.ask(name+" as a token to revoke", "POST", "/settings/tokens/", form("revoke", secret), grace)
	c.ask(name+" in a form that is too long", "POST", "/log_in/", form("password", strings.Repeat(secret, 1+100_000/len(secret))), nil)
	c.ask(name+" in a form that is none", "POST", "/log_in/?%zz="+query, url.Values{"password": {secret}}, http.Header{"Content-Type": {"multipart/form-data"}})
	for _, address := range []string{
		"/sign_up/?setup=" + query, "/invite/" + path + "/", "/invite/" + path, "/invite/" + path + "//", "/?token=" + query,
		"/hook/" + path, "/hook/" + path + "/", "//hook/" + path, "/x/../hook/" + path, "/hook/x?" + query,
		"/nowhere/?" + query, "/api/v1/me?token=" + query, "/chat/lobby/?token=" + query, "/static/x.css?" + query,
	} {
		c.ask(name+" in an address", "GET", address, nil, nil)
		if !strings.HasPrefix(address, "/sign_up/") {
			c.ask(name+" in an address", "POST", address, url.Values{}, nil)
		}
		c.ask(name+" in an address of another site's page", "POST", address, url.Values{}, foreign)
		c.ask(name+" under another name", "GET", address, nil, http.Header{"Host": {"evil.example"}, "Cookie": {"snug=" + path}})
	}
	heads := []http.Header{
		{"Cookie": {"snug=" + path}},
		{"Cookie": {"__Host-snug=" + path + "; snug=\"" + path}},
		bearer(secret),
		bearer("snug_pat_" + secret),
		{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("grace:"+secret)), "Bearer"}},
		{"Sec-Websocket-Protocol": {secret}, "Origin": {"https://" + path}},
	}
	for _, head := range heads {
		for _, address := range []string{"/", "/settings/", "/api/v1/me", "/api/v1/rooms/none/messages", "/admin/people/"} {
			c.ask(name+" in a header", "GET", address, nil, head)
		}
		c.ask(name+" for a ticket", "POST", "/ws/ticket/", url.Values{}, head)
		c.dial(name+" in a header of a socket", "/ws/", head)
		c.dial(name+" in a header of a socket", "/ws/chat/lobby/", head)
	}
	for _, address := range []string{"/ws/?token=", "/users/?token=", "/ws/chat/lobby/?token=", "/ws/?x=%zz&token=", "/ws/chat/lobby/?history=none&token="} {
		c.dial(name+" in the address of a socket", address+query, nil)
		c.dial(name+" in the address of a socket", address+query+"x", nil)
		c.dial(name+" in the address of a socket of another site's page", address+query, foreign)
	}
	c.ask(name+" in an upgrade that is none", "GET", "/ws/", nil, http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Cookie": grace["Cookie"], "Sec-Websocket-Key": {secret},
	})
	c.raw(name, "GET /?"+query+" HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer "+secret+"\r\n\r\n")
	c.raw(name, "GET /"+secret+"\r\n\r\n"+secret)
	c.raw(name, "\x16\x03\x01\x00"+secret+"\r\n\r\n")
	c.frames(name, secret)
}

// raw sends what is no good HTTP.
func (c *canaries) raw(name, text string) {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.server.URL, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
	fmt.Fprint(conn, text)
	if half, ok := conn.(*net.TCPConn); ok {
		_ = half.CloseWrite() // or it has closed it already
	}
	answer, _ := io.ReadAll(conn)
	c.answers = append(c.answers, name+" in what is no HTTP: "+string(answer))
}

// frames says a secret to a socket that knows nothing of it.
func (c *canaries) frames(name, secret string) {
	c.t.Helper()
	conn, _, err := websocket.Dial(c.t.Context(), c.server.URL+"/ws/", &websocket.DialOptions{
		HTTPHeader: http.Header{"Cookie": {"snug=" + c.secrets["session"]}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	for _, frame := range []string{
		fmt.Sprintf(`{"type":%q}`, secret), fmt.Sprintf(`{"type":"join","room":%q,"after":"%s"}`, "lobby", secret),
		fmt.Sprintf(`{"type":"history","room":"lobby","before":%q}`, secret), secret,
	} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
			c.t.Fatal(err)
		}
		for {
			_, answer, err := conn.Read(ctx)
			if err != nil {
				c.t.Fatal(err)
			}
			if strings.Contains(string(answer), `"type":"error"`) {
				c.answers = append(c.answers, name+" in a frame: "+string(answer))
				break
			}
		}
	}
}

// look searches everywhere.
func (c *canaries) look() {
	t := c.t
	log := c.server.Stderr()
	if !strings.Contains(log, "level=DEBUG") || len(c.answers) < 100 {
		t.Errorf("the log and %d answers are too little to find something in", len(c.answers))
	}
	stored := map[string]string{}
	err := filepath.WalkDir(c.server.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		stored[filepath.Base(path)] = string(content)
		return err
	})
	if err != nil || len(stored) == 0 {
		t.Fatalf("%d files are stored: %v", len(stored), err)
	}
	for name, secret := range c.secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			for line := range strings.Lines(log) {
				if strings.Contains(line, form) {
					t.Errorf("the log has the %s: %s", name, line)
				}
			}
			for _, answer := range c.answers {
				if strings.Contains(answer, form) {
					t.Errorf("an answer has the %s: %.200s", name, answer)
				}
			}
			for file, content := range stored {
				if strings.Contains(content, form) {
					t.Errorf("%s has the %s", file, name)
				}
			}
		}
	}
}
