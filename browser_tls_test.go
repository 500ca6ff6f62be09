package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/snugtest"
)

// TestBrowserTalksOverTLS goes through the whole of a room in a Chromium that has installed the authority: the pages come over HTTP/2, the sockets
// beside them.
func TestBrowserTalksOverTLS(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_TLS_MODE=internal"}})
	root := snugtest.Run(t, "tls", "root", "--data", s.Dir)
	trust := snugtest.Trusting(t, []byte(root.Out))
	for _, base := range []string{s.URL, strings.Replace(s.URL, "localhost", "127.0.0.1", 1)} {
		name := "ada"
		if base != s.URL {
			name = "grace"
		}
		b := snugtest.OpenBrowser(t, base, trust)
		signUp(b, name)
		b.Open("/chat/lobby/")
		b.Wait(connected)
		say(b, name+" was here")
		b.Wait(`isSecureContext && location.protocol === "https:"`)
		b.Wait(`performance.getEntriesByType("navigation")[0].nextHopProtocol === "h2"`)
		b.Wait(`!text("body").includes("Not private")`)
		b.Wait(`document.cookie === ""`)
	}

	// Who has not installed it does not get in, and nothing shows but the browser's own warning.
	stranger := snugtest.OpenBrowser(t, s.URL)
	stranger.Allow("ERR_CERT_AUTHORITY_INVALID")
	stranger.OpenRefused("/", "ERR_CERT_AUTHORITY_INVALID")
}

// TestPageOfTheAuthorityInTheBrowser is what somebody sees who has to install it, at both sizes and in both colour schemes. With
// SNUG_PICTURES=DIR it leaves a picture of each.
func TestPageOfTheAuthorityInTheBrowser(t *testing.T) {
	t.Parallel()
	plain := fmt.Sprintf("localhost:%d", freePort(t))
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_TLS_MODE=internal", "SNUG_TLS_HTTP_LISTEN=" + plain}})
	fingerprint := strings.TrimSpace(snugtest.Run(t, "tls", "fingerprint", "--data", s.Dir).Out)
	b := snugtest.OpenBrowser(t, "http://"+plain)
	for _, size := range []struct{ w, h int64 }{{1440, 900}, {390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			b.Size(size.w, size.h)
			b.Prefer(scheme)
			b.Open("/ca/")
			b.Wait(fmt.Sprintf(`text("[data-fingerprint]").replaceAll(/\s+/g, ":") === %s`, snugtest.Quote(fingerprint)))
			b.Wait(`document.documentElement.scrollWidth <= innerWidth`)
			picture := func(name string) {
				if dir := os.Getenv("SNUG_PICTURES"); dir != "" {
					b.Picture(filepath.Join(dir, fmt.Sprintf("%s-%dx%d-%s.png", name, size.w, size.h, scheme)))
				}
			}
			picture("authority")
			for n, system := range []string{"Windows", "macOS", "iPhone and iPad", "Android", "Linux", "Firefox, on every system"} {
				summary := fmt.Sprintf(".trust__system:nth-of-type(%d) summary", n+1)
				b.Wait(fmt.Sprintf("text(%s) === %s", snugtest.Quote(summary), snugtest.Quote(system)))
				b.Enter(summary)
				b.Wait(`$$(".trust__system[open]").length === 1 && $$(".trust__system[open] li").every(li => li.getBoundingClientRect().height > 0)`)
				b.Wait(`document.documentElement.scrollWidth <= innerWidth`)
			}
			b.Enter(".trust__system:nth-of-type(5) summary")
			b.Wait(`($(".trust__system[open]").scrollIntoView(), true)`)
			picture("authority_linux")
		}
	}
}

// TestBrowserMovesToAnotherNodeOverTLS kills the node of a page: the other one has the same authority, so the page goes on there without a warning.
func TestBrowserMovesToAnotherNodeOverTLS(t *testing.T) {
	t.Parallel()
	options := func(name, dir string) snugtest.Options {
		o := nodeOptions(name, dir)
		o.Env = []string{"SNUG_TLS_MODE=internal"}
		return o
	}
	a := snugtest.Start(t, options("attic", ""))
	dir := filepath.Join(t.TempDir(), "data")
	if joined := snugtest.Run(t, append(strings.Fields(inviteTo(t, a))[1:], "--data", dir)...); joined.Code != 0 {
		t.Fatalf("join ended with code %d:\n%s", joined.Code, joined.Err)
	}
	b := snugtest.Start(t, options("barn", dir))
	b.WaitStderr("the certificate authority is that of the cluster")
	root := snugtest.Run(t, "tls", "root", "--data", a.Dir)
	ada := snugtest.OpenBrowser(t, strings.Replace(a.URL, "localhost", "127.0.0.1", 1), snugtest.Trusting(t, []byte(root.Out)))
	signUp(ada, "ada")
	client := trusting(t, rootOf(t, a))
	response, err := client.PostForm(a.URL+"/log_in/", url.Values{"username": {"ada"}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	socket := snugtest.Dial(t, client, a.URL+"/ws/")
	eventually(t, "pages may go to the other node", clusterWait, func() bool {
		return len(socket.Ask(t, snugtest.Frame{"type": "nodes"}).Frames("nodes")) == 1
	})
	socket.Cut()
	ada.Open("/chat/lobby/")
	ada.Wait(connected)
	say(ada, "before the break")
	ada.Wait(`$("[data-banner]").dataset.node === "attic"`)

	allowBreak(ada)
	a.Kill()
	ada.Wait(fmt.Sprintf(`location.origin === %s && %s`, snugtest.Quote(b.URL), connected))
	ada.Wait(shows("before the break", 1))
	say(ada, "and after it")
}
