package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/snugtest"
)

// TestBrowserTalksOverTLS goes through the whole of a room in a Chromium that has installed the authority: the pages come over HTTP/2, the sockets
// beside them.
func TestBrowserTalksOverTLS(t *testing.T) {
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
