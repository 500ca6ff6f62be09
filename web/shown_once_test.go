package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/store"
)

func TestWhatIsShownOnceIsShownToItsSessionOnItsPageOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, shownOnceToItsSession)
}

func shownOnceToItsSession(t *testing.T) {
	once, ada, grace := newShownOnce(), store.NewID(), store.NewID()
	asks := func(method string, session store.ID, page, want string) {
		t.Helper()
		if got, ok := takeOnce[string](once, &http.Request{Method: method}, session, page); got != want || ok != (want != "") {
			t.Errorf("%s gets %q, %t, want %q", page, got, ok, want)
		}
	}
	gives := func(session store.ID, page, want string) {
		t.Helper()
		asks(http.MethodGet, session, page, want)
	}
	once.keep(ada, onceToken, "secret")
	gives(grace, onceToken, "")
	gives(ada, onceInvitation, "")
	asks(http.MethodHead, ada, onceToken, "")
	time.Sleep(onceWait - 1)
	gives(ada, onceToken, "secret")
	gives(ada, onceToken, "")

	once.keep(ada, onceToken, "first")
	time.Sleep(onceWait - 1)
	once.keep(ada, onceToken, "second")
	time.Sleep(onceWait - 1)
	gives(ada, onceToken, "second")

	// What nobody fetches is forgotten, though nobody makes another.
	once.keep(ada, onceToken, "never fetched")
	time.Sleep(onceWait)
	synctest.Wait()
	if len(once.kept) != 0 {
		t.Errorf("%d are kept, want none", len(once.kept))
	}
}

// A browser that reloads the page asks for the page again, and posts nothing.
func TestReloadingAfterAFormMakesNothingAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, inviteOnly)
	root := s.admin("root")
	root.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, http.StatusCreated)
	for _, test := range []struct {
		path   string
		form   url.Values
		page   string
		lost   string // where the browser is led if there is nothing to show
		secret string // what it looks like
	}{
		{"/admin/invitations/", url.Values{"uses": {"1"}, "life": {"1h"}}, "/admin/invitations/", "/admin/invitations/?made", `/invite/[\w-]{43}/`},
		{"/settings/tokens/", url.Values{"name": {"x"}, "scope": {"read"}, "days": {"7"}}, "/settings/tokens/", "/settings/tokens/?made", `snug_pat_[\w-]{43}`},
		{"/chat/lobby/settings/hooks/", url.Values{"name": {"ci"}}, "/chat/lobby/settings/", "/chat/lobby/settings/?made", `snug_hook_\w+`},
		{"/settings/passkeys/", url.Values{"do": {"codes"}}, "/settings/passkeys/codes/", "/settings/passkeys/?did=codes", `<code>\w{4}(-\w{4}){3}</code>`},
	} {
		secret := regexp.MustCompile(test.secret)
		page := root.submit(test.path, test.form).want(t, http.StatusOK)
		if !secret.MatchString(page.body) {
			t.Errorf("%s shows nothing of what it has made:\n%s", test.path, page.body)
		}
		if again := root.get(test.page); secret.MatchString(again.body) {
			t.Errorf("%s shows it again:\n%s", test.page, again.body)
		}
		// Another node, to which a proxy may lead the browser, has nothing to show, and says so.
		if lost := "not here. If you have not"; strings.Contains(page.body, lost) {
			t.Errorf("%s says that what it shows is lost", test.page)
		} else {
			root.get(test.lost).says(t, lost)
		}
	}
	invitations, err := s.accounts.Invitations(t.Context())
	if err != nil || len(invitations) != 1 {
		t.Errorf("there are %d invitations, %v", len(invitations), err)
	}
	root.get("/settings/passkeys/?did=codes").says(t, "shown once")
}

// A browser that fetches a page because somebody may ask for it must not use up what it shows.
func TestAPageThatIsFetchedAheadUsesNothingUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, inviteOnly)
	root := s.admin("root")
	root.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, http.StatusCreated)
	ahead := []http.Header{
		{"Sec-Purpose": {"prefetch"}},
		{"Sec-Purpose": {"prefetch;prerender"}},
		{"Sec-Purpose": {"prefetch; anonymous-client-ip"}},
		{"Purpose": {"Prefetch"}},
		{"X-Moz": {"prefetch"}},
		{"X-Purpose": {"preview"}},
	}
	for _, test := range []struct {
		path   string
		form   url.Values
		secret string // what it looks like
	}{
		{"/admin/invitations/", url.Values{"uses": {"1"}, "life": {"1h"}}, `/invite/[\w-]{43}/`},
		{"/settings/tokens/", url.Values{"name": {"x"}, "scope": {"read"}, "days": {"7"}}, `snug_pat_[\w-]{43}`},
		{"/chat/lobby/settings/hooks/", url.Values{"name": {"ci"}}, `snug_hook_\w+`},
		{"/settings/passkeys/", url.Values{"do": {"codes"}}, `<code>\w{4}(-\w{4}){3}</code>`},
	} {
		made := root.post(test.path, test.form).want(t, http.StatusSeeOther)
		base, err := url.Parse(s.url + test.path)
		if err != nil {
			t.Fatal(err)
		}
		at, err := base.Parse(made.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		secret := regexp.MustCompile(test.secret)
		for _, header := range ahead {
			a := root.get(at.RequestURI(), func(r *http.Request) {
				for name := range header {
					r.Header.Set(name, header.Get(name))
				}
			}).want(t, http.StatusServiceUnavailable)
			if secret.MatchString(a.body) || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, fetched ahead with %v: Cache-Control %q\n%s", at, header, a.header.Get("Cache-Control"), a.body)
			}
		}
		if page := root.get(at.RequestURI(), func(r *http.Request) { r.Header.Set("Sec-Purpose", "") }).want(t, http.StatusOK); !secret.MatchString(page.body) {
			t.Errorf("%s shows nothing when it is asked for:\n%s", at, page.body)
		}
	}
}
