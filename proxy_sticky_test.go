package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"snug/snugtest"
)

// stickyNginx runs the example of the page before several nodes.
func stickyNginx(t *testing.T, f *front) {
	t.Helper()
	blocks := examples(t, "nginx")
	f.runNginx(t, regexp.MustCompile(`(?s)upstream snug \{.*?\n\}\n`).ReplaceAllLiteralString(blocks[0], blocks[2]))
}

// stickyCaddy runs the example of the page before several nodes.
func stickyCaddy(t *testing.T, f *front) {
	t.Helper()
	f.runCaddy(t, proxyName+" {\n"+examples(t, "caddy")[2]+"}\n")
}

// TestStickyProxyExamples: a browser stays at one of two nodes, so that what is shown once is shown; and goes to the other one when its own is gone.
func TestStickyProxyExamples(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, *front){"nginx": stickyNginx, "caddy": stickyCaddy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, "", "--set", "cluster.enabled=true", "--set", "cluster.bind=127.0.0.1:0")
			f.beside = f.startBeside(t)
			start(t, f)

			var b *http.Client
			var home *snugtest.Server // that of the last browser
			made := 0                 // accounts, on the first node
			for i := range 8 {
				b = f.browser(t, fmt.Sprintf("127.0.%d.7", i)) // nginx goes by the first three numbers
				b.Transport.(*http.Transport).DisableKeepAlives = true
				f.signUp(t, b, fmt.Sprint("person", i))
				for range 4 {
					f.makesToken(t, b)
				}
				home = f.beside
				if k := strings.Count(f.server.Stderr(), "event=signup"); k > made {
					made, home = k, f.server
				}
			}
			if made == 0 || made == 8 {
				t.Errorf("one node has made %d of 8 accounts", made)
			}
			home.Kill()
			// A form that was sent to the node might have been taken by it, so no proxy sends it again. A page comes from the other node at once.
			if response, _ := asked(t, b, f.base+"/settings/tokens/"); response.StatusCode != http.StatusOK {
				t.Errorf("when the node is gone, a page is answered with %s", response.Status)
			}
			f.makesToken(t, b)
		})
	}
}

// startBeside starts another node of the server's cluster, with the same settings.
func (f *front) startBeside(t *testing.T) *snugtest.Server {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if joined := snugtest.Run(t, append(strings.Fields(inviteTo(t, f.server))[1:], "--data", dir)...); joined.Code != 0 {
		t.Fatalf("join ended with code %d:\n%s", joined.Code, joined.Err)
	}
	o := f.options
	o.Dir = dir
	return snugtest.Start(t, o)
}

func (f *front) signUp(t *testing.T, b *http.Client, name string) {
	t.Helper()
	response, err := b.PostForm(f.base+"/sign_up/", url.Values{"username": {name}, "password1": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.Request.URL.Path != "/" {
		t.Fatalf("signing up leads to %s, %s", response.Request.URL, response.Status)
	}
}

// makesToken makes an access token, which is shown once.
func (f *front) makesToken(t *testing.T, b *http.Client) {
	t.Helper()
	response, err := b.PostForm(f.base+"/settings/tokens/", url.Values{"name": {"x"}, "scope": {"read"}, "days": {"7"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`snug_pat_[\w-]{43}`).Match(page) {
		t.Errorf("a token was made and is not shown, %s:\n%s", response.Status, page)
	}
}
