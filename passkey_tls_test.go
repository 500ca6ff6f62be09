package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"snug/snugtest"
)

// TestOnePasskeyWorksUnderEveryName makes a passkey under one name and uses it under another, which the browser allows after it has
// asked the first name, over TLS and at port 443, whether they belong together.
func TestOnePasskeyWorksUnderEveryName(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_TLS_MODE=internal", "SNUG_SERVER_NAMES=chat.example,other.test,deep.chat.example"}})
	root := snugtest.Run(t, "tls", "root", "--data", s.Dir)
	port := s.URL[strings.LastIndexByte(s.URL, ':')+1:]
	rules := fmt.Sprintf("MAP chat.example:443 127.0.0.1:%s, MAP *.example 127.0.0.1, MAP *.test 127.0.0.1", port)
	b := snugtest.OpenBrowser(t, "https://chat.example:"+port, snugtest.Trusting(t, []byte(root.Out)), chromedp.Flag("host-resolver-rules", rules))
	b.OnOpen(noList)
	device := b.Authenticator(true)
	b.Open("/sign_up/")
	b.Wait(`$("[data-passkey-sign-up]")?.checkVisibility()`)
	b.Type("#username", "ada")
	b.Click("[data-passkey-sign-up]")
	b.Wait(`location.pathname === "/settings/passkeys/" && document.cookie === ""`)
	for _, name := range []string{"other.test", "deep.chat.example"} {
		b.Value(fmt.Sprintf(`(location.assign("https://%s:%s/log_in/"), "")`, name, port))
		b.Wait(fmt.Sprintf(`location.hostname === %s && $(%s)?.checkVisibility()`, snugtest.Quote(name), snugtest.Quote(passkeyButton)))
		b.Click(passkeyButton)
		b.Wait(peopleShown)
	}
	if n := device.Passkeys(); n != 1 {
		t.Errorf("the device keeps %d passkeys, want 1", n)
	}
}
