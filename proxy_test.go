package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"

	"snug/snugtest"
)

const proxyName = "chat.example.org"

// examples are the blocks of one language in docs/proxy.md.
func examples(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		all = append(all, block[1])
	}
	return all
}

// front is a proxy before a real server, as docs/proxy.md says.
type front struct {
	server  *snugtest.Server
	beside  *snugtest.Server // another node; nil: there is none
	options snugtest.Options // of the server
	root    *x509.Certificate
	port    int
	base    string // https://chat.example.org:PORT, and the path
	dir     string
}

// newFront starts the server with the settings of the page, and one that allows two sockets for each address; more are flags.
func newFront(t *testing.T, path string, more ...string) *front {
	t.Helper()
	f := &front{port: freePort(t), dir: t.TempDir()}
	f.base = fmt.Sprintf("https://%s:%d%s", proxyName, f.port, path)
	settings := filepath.Join(f.dir, "snug.toml")
	write(t, settings, examples(t, "toml")[0])
	f.options = snugtest.Options{
		Args: append([]string{"--config", settings, "--listen", "127.0.0.1:0"}, more...),
		Env:  []string{"SNUG_LIMITS_SOCKETS_PER_ADDRESS=2"},
	}
	f.server = snugtest.Start(t, f.options)
	f.root = writePair(t, filepath.Join(f.dir, "site.pem"), filepath.Join(f.dir, "site.key"), proxyName)
	return f
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// backend is where a server listens.
func backend(s *snugtest.Server) string {
	if s == nil {
		return "192.0.2.0:1" // nobody has one
	}
	return strings.TrimPrefix(s.URL, "http://")
}

// start starts a proxy and waits until it answers.
func (f *front) start(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name // which Debian leaves out of the path of everybody but root
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "HOME="+f.dir, "XDG_DATA_HOME="+f.dir, "XDG_CONFIG_HOME="+f.dir)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v (make test installs it)", name, err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", name, &said)
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); ; {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.port))
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended at its start", name)
		case <-end:
			t.Fatalf("%s does not listen: %v", name, err)
		case <-tick.C:
		}
	}
}

// browser is one that comes from an address of the loopback network, and trusts the proxy's certificate.
func (f *front) browser(t *testing.T, from string) *http.Client {
	t.Helper()
	client := trusting(t, f.root)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", f.port))
	}
	return client
}

// startNginx runs the example of the page, with other ports and paths.
func startNginx(t *testing.T, path string) *front {
	t.Helper()
	f := newFront(t, path)
	blocks := examples(t, "nginx")
	site := blocks[0]
	if path != "" {
		site = regexp.MustCompile(`(?s)    location / \{.*?\n    \}\n`).ReplaceAllLiteralString(site, blocks[1])
	}
	if (path != "") != strings.Contains(site, "location /snug/") {
		t.Fatalf("the example has changed, and its test must follow:\n%s", site)
	}
	f.runNginx(t, site)
	return f
}

// runNginx runs an example with other ports and paths.
func (f *front) runNginx(t *testing.T, site string) {
	t.Helper()
	site = strings.NewReplacer(
		"listen 443 ssl http2;", fmt.Sprintf("listen 127.0.0.1:%d ssl http2;", f.port), "listen 80;", fmt.Sprintf("listen 127.0.0.1:%d;", freePort(t)),
		"127.0.0.1:8000", backend(f.server), "192.0.2.1:8000", backend(f.server), "192.0.2.2:8000", backend(f.beside), "/etc/ssl/"+proxyName+".pem", f.dir+"/site.pem", "/etc/ssl/"+proxyName+".key", f.dir+"/site.key",
		"/var/log/nginx/snug.log", f.dir+"/access.log",
	).Replace(site)
	if strings.Contains(site, "/etc/") || strings.Contains(site, ":8000") {
		t.Fatalf("the example has changed, and its test must follow:\n%s", site)
	}
	write(t, filepath.Join(f.dir, "snug.conf"), site)
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // any other could not read the directories of tests
	}
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "%s_temp_path %s/%s;\n", kind, f.dir, kind)
	}
	write(t, filepath.Join(f.dir, "nginx.conf"), fmt.Sprintf("%sdaemon off;\npid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\n%sinclude %s/snug.conf;\n}\n",
		user, f.dir, &temporary, f.dir))
	f.start(t, "nginx", "-p", f.dir, "-e", "stderr", "-c", filepath.Join(f.dir, "nginx.conf"))
}

// startCaddy runs the example of the page, with another port and certificate.
func startCaddy(t *testing.T, path string) *front {
	t.Helper()
	f := newFront(t, path)
	blocks := examples(t, "caddy")
	site := blocks[0]
	if path != "" {
		site = proxyName + " {\n" + blocks[1] + "}\n"
	}
	f.runCaddy(t, site)
	return f
}

// runCaddy runs an example with another port and certificate.
func (f *front) runCaddy(t *testing.T, site string) {
	t.Helper()
	site = strings.NewReplacer(
		proxyName+" {", fmt.Sprintf("%s:%d {\n\ttls %s/site.pem %s/site.key", proxyName, f.port, f.dir, f.dir),
		"127.0.0.1:8000", backend(f.server), "192.0.2.1:8000", backend(f.server), "192.0.2.2:8000", backend(f.beside),
	).Replace(site)
	write(t, filepath.Join(f.dir, "Caddyfile"), "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"+site)
	f.start(t, "caddy", "run", "--adapter", "caddyfile", "--config", filepath.Join(f.dir, "Caddyfile"))
}

func TestProxyExamples(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, path string) *front{"nginx": startNginx, "caddy": startCaddy} {
		for _, path := range []string{"", "/snug"} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				f := start(t, path)
				f.pages(t)
				f.sockets(t)
				if path == "" { // which is the block with the limit
					f.bodies(t)
				}
				if name == "nginx" {
					if log, err := os.ReadFile(filepath.Join(f.dir, "access.log")); err != nil || !strings.Contains(string(log), "/ws/") || strings.Contains(string(log), "canary") {
						t.Errorf("the log of nginx: %v\n%s", err, log)
					}
				}
			})
		}
	}
}

// pages looks at cookies and links as the browser sees them.
func (f *front) pages(t *testing.T) {
	t.Helper()
	b := f.browser(t, "127.0.0.7")
	response, body := asked(t, b, f.base+"/")
	if !strings.HasPrefix(response.Request.URL.String(), f.base+"/log_in/?next=") {
		t.Errorf("a stranger is led to %s", response.Request.URL)
	}
	if strings.Contains(body, "Not private") {
		t.Error("a page over TLS says that it is not private")
	}
	response, err := b.PostForm(f.base+"/sign_up/", url.Values{"username": {"ada"}, "password1": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Request.URL.String() != f.base+"/" {
		t.Errorf("signing up leads to %s, %s", response.Request.URL, response.Status)
	}
	at, err := url.Parse(f.base)
	if err != nil {
		t.Fatal(err)
	}
	if cookies := b.Jar.Cookies(at); len(cookies) != 1 || cookies[0].Name != "__Host-snug" {
		t.Errorf("the cookies are %v", cookies)
	}
	evil, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.base+"/chat/", strings.NewReader("name=evil"))
	if err != nil {
		t.Fatal(err)
	}
	evil.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"https://evil.example"}, "X-Forwarded-Host": {"evil.example"}}
	if response, err = b.Do(evil); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden { // 421 would be that the name is believed
		t.Errorf("a form of another site: %s", response.Status)
	}
}

// sockets looks who may have one, and by which address they are counted.
func (f *front) sockets(t *testing.T) {
	t.Helper()
	person := f.browser(t, "127.0.0.7")
	response, err := person.PostForm(f.base+"/sign_up/", url.Values{"username": {"grace"}, "password1": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	dial := func(from, origin, made string) (*websocket.Conn, int) {
		t.Helper()
		client := f.browser(t, from)
		client.Jar, client.Timeout = person.Jar, 0
		header := http.Header{"Origin": {origin}}
		if made != "" {
			header["X-Forwarded-For"], header["Forwarded"] = []string{made}, []string{"for=" + made}
		}
		conn, response, err := websocket.Dial(t.Context(), f.base+"/ws/", &websocket.DialOptions{HTTPClient: client, HTTPHeader: header})
		if response == nil {
			t.Fatal(err)
		}
		if err == nil {
			t.Cleanup(func() { _ = conn.CloseNow() })
		}
		return conn, response.StatusCode
	}
	own := fmt.Sprintf("https://%s:%d", proxyName, f.port)
	for i, one := range []struct {
		from, origin, made string
		want               int
	}{
		{"127.0.0.7", "https://evil.example", "", http.StatusForbidden},
		{"127.0.0.7", own, "", http.StatusSwitchingProtocols},
		{"127.0.0.7", own, "198.51.100.1", http.StatusSwitchingProtocols},
		{"127.0.0.7", own, "", http.StatusTooManyRequests},
		{"127.0.0.7", own, "198.51.100.2", http.StatusTooManyRequests},
		{"127.0.0.7", own, "127.0.0.1", http.StatusTooManyRequests},
		{"127.0.0.8", own, "127.0.0.7", http.StatusSwitchingProtocols},
	} {
		if _, got := dial(one.from, one.origin, one.made); got != one.want {
			t.Errorf("socket %d from %s (which says %q) for %s: %d, want %d", i, one.from, one.made, one.origin, got, one.want)
		}
	}
	conn, _ := dial("127.0.0.9", own, "")
	socket := conn
	if err := socket.Write(t.Context(), websocket.MessageText, []byte(`{"type":"join","room":"lobby"}`)); err != nil {
		t.Fatal(err)
	}
	for {
		_, frame, err := socket.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(frame), `"joined"`) {
			break
		}
	}
	client := f.browser(t, "127.0.0.10")
	if _, response, err := websocket.Dial(t.Context(), f.base+"/ws/?token=canary", &websocket.DialOptions{HTTPClient: client}); err == nil || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token that is none: %v", err)
	}
}

// bodies looks what may be sent: more than Snug takes anywhere passes the proxy, and much more does not.
func (f *front) bodies(t *testing.T) {
	t.Helper()
	b := f.browser(t, "127.0.0.7")
	send := func(size int) (status int, ours bool) {
		t.Helper()
		response, err := b.Post(f.base+"/log_in/", "application/x-www-form-urlencoded", strings.NewReader("username="+strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body) // the answer may be cut short
		return response.StatusCode, response.Header.Get("Content-Security-Policy") != ""
	}
	if status, ours := send(600 << 10); !ours || status != http.StatusBadRequest {
		t.Errorf("600 KiB: %d, of Snug %v", status, ours)
	}
	if status, ours := send(3 << 20); status < 400 || (ours && status != http.StatusBadRequest) {
		t.Errorf("3 MiB: %d, of Snug %v", status, ours)
	}
}

// TestBrowserBehindAProxy talks through nginx, at the root and below a path.
func TestBrowserBehindAProxy(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/snug"} {
		f := startNginx(t, path)
		root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.root.Raw})
		b := snugtest.OpenBrowser(t, f.base, snugtest.Trusting(t, root), chromedp.Flag("host-resolver-rules", "MAP "+proxyName+" 127.0.0.1"))
		signUp(b, "ada")
		b.Open("/chat/")
		b.Type("#name", "lobby")
		b.Enter("#name")
		b.Wait(fmt.Sprintf("location.pathname === %s && %s", snugtest.Quote(path+"/chat/lobby/"), connected))
		say(b, "through a proxy")
		b.Wait(`performance.getEntriesByType("navigation")[0].nextHopProtocol === "h2" && !text("body").includes("Not private")`)
		b.Open("/pm/ada/")
		b.Wait(connected)
		b.Open("/log_out/")
		b.Click("main form button")
		b.Wait(fmt.Sprintf("location.pathname === %s", snugtest.Quote(path+"/log_in/")))
	}
}
