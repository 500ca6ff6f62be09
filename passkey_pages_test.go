package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/snugtest"
)

func TestPagesSayWherePasskeysCannotWork(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{
		Env: []string{"SNUG_SERVER_NAMES=chat.localhost,other.localhost"},
	})
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	for _, place := range []struct{ base, works, why string }{
		{"http://chat.localhost" + port, "yes", ""},
		{"http://other.localhost" + port, "", "only on its own machine, at chat.localhost"},
		{s.URL, "", "only on its own machine, at chat.localhost"},
		{"http://127.0.0.1" + port, "", "Open Snug by its name"},
	} {
		b := snugtest.OpenBrowser(t, place.base)
		b.OnOpen(noList)
		b.Authenticator(true)
		b.Open("/log_in/")
		if place.works != "" {
			b.Wait(`$("[data-passkey-log-in]").checkVisibility() && !$("[data-why=place]")`)
			signUp(b, "ada")
			addPasskey(b, "mine")
			continue
		}
		b.Wait(`$("[data-why=place]")?.textContent.includes(` + snugtest.Quote(place.why) + `) && !$("[data-passkey-log-in]")`)
		b.Allow("the server responded with a status of 403")
		if got := b.Value(`fetch("/passkeys/log_in/begin/", { method: "POST" }).then(r => String(r.status))`); got != "403" {
			t.Errorf("%s: a question at a place where passkeys cannot work: %s", place.base, got)
		}
	}
	// A browser without passkeys says so in place of the buttons.
	b := snugtest.OpenBrowser(t, "http://chat.localhost"+port)
	b.OnOpen(`delete window.PublicKeyCredential`)
	signUp(b, "grace")
	b.Open("/settings/passkeys/")
	b.Wait(`$("[data-why=browser]").checkVisibility() && !$("[data-add]").checkVisibility()`)
}

// TestEveryPageAboutPasskeys is TestEveryPageInTheBrowser for pages that need a device, or somebody who came in a certain way.
func TestEveryPageAboutPasskeys(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	stranger, ada, grace := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)
	nowhere := snugtest.OpenBrowser(t, strings.Replace(s.URL, "localhost", "127.0.0.1", 1))
	browsers := []*snugtest.Browser{stranger, ada, grace, nowhere}
	for _, b := range browsers[:3] {
		b.OnOpen(noList)
		b.Authenticator(b == ada)
	}
	signUp(nowhere, "hedy")
	nowhere.Open("/settings/") // which has no socket that breaks
	signUp(grace, "grace")
	addPasskey(grace, "Grace’s key with a name that is as long as a name may be")
	signUp(ada, "ada")
	addPasskey(ada, "my phone")
	ada.Authenticator(false)
	addPasskey(ada, "the key on my ring")
	s.Stop()
	grace.SetCookie("snug", oldSession(t, s.Dir, "grace"))
	s.Restart()
	shown := func(css string) string { return `$("` + css + `")?.checkVisibility()` }
	pages := []struct {
		name, path, ready string
		who               *snugtest.Browser
	}{
		{"passkey_log_in", "/log_in/", shown(passkeyButton), stranger},
		{"passkey_sign_up", "/sign_up/", shown("[data-passkey-sign-up]"), stranger},
		{"passkey_new", "/settings/passkeys/?new&next=%2F", shown(addButton), ada},
		{"passkeys", "/settings/passkeys/", shown(addButton), ada},
		{"passkey_offer", "/passkeys/offer/?next=%2Fchat%2F", shown(addButton), ada},
		{"passkey_cloned", "/settings/passkeys/?cloned&next=%2Fchat%2F", shown(addButton), ada},
		{"passkey_one", "/settings/passkeys/", shown(addButton), grace},
		{"passkey_confirm", "/confirm/?next=%2F", shown("[data-passkey-confirm]"), grace},
		{"passkeys_nowhere", "/settings/passkeys/", shown("[data-why=place]") + ` && !$("[data-add]")`, nowhere},
		{"recovery", "/log_in/recovery/", `$("#code")`, stranger},
	}
	for _, size := range []struct{ w, h int64 }{{1440, 900}, {390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			for _, b := range browsers {
				b.Size(size.w, size.h)
				b.Prefer(scheme)
			}
			picture := func(b *snugtest.Browser, name string) {
				b.Wait(`document.documentElement.scrollWidth <= innerWidth`)
				if dir := os.Getenv("SNUG_PICTURES"); dir != "" {
					b.Picture(filepath.Join(dir, fmt.Sprintf("%s-%dx%d-%s.png", name, size.w, size.h, scheme)))
				}
			}
			for _, p := range pages {
				p.who.Open(p.path)
				p.who.Wait(p.ready)
				picture(p.who, p.name)
			}
			ada.Open("/settings/passkeys/")
			ada.Click("[value=codes]")
			ada.Wait(`$$("[data-codes] code").length === 10 && $("[data-print]").checkVisibility()`)
			picture(ada, "recovery_codes")
			ada.Open("/settings/passkeys/")
			ada.Click(".key .fold:first-child summary")
			ada.Click(".key .fold:last-child summary")
			ada.Wait(shown(".key [value=remove]"))
			picture(ada, "passkeys_unfolded")
		}
	}
}
