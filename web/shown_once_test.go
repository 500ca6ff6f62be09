package web

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"snug/store"
)

func TestWhatIsShownOnceIsShownToItsSessionOnItsPageOnce(t *testing.T) {
	t.Parallel()
	once, ada, grace, now := newShownOnce(), store.NewID(), store.NewID(), time.Now()
	gives := func(session store.ID, page string, at time.Time, want string) {
		t.Helper()
		if got, ok := takeOnce[string](once, session, page, at); got != want || ok != (want != "") {
			t.Errorf("%s gets %q, %t, want %q", page, got, ok, want)
		}
	}
	once.keep(ada, onceToken, "secret", now)
	gives(grace, onceToken, now, "")
	gives(ada, onceInvitation, now, "")
	gives(ada, onceToken, now.Add(onceWait-1), "secret")
	gives(ada, onceToken, now, "")

	once.keep(ada, onceToken, "first", now)
	once.keep(ada, onceToken, "second", now)
	gives(ada, onceToken, now, "second")

	// What nobody fetches is forgotten, and takes no room for ever.
	once.keep(ada, onceToken, "late", now)
	gives(ada, onceToken, now.Add(onceWait), "")
	once.keep(ada, onceToken, "never fetched", now)
	once.keep(grace, onceToken, "later", now.Add(onceWait))
	if len(once.kept) != 1 {
		t.Errorf("%d are kept, want the later one alone", len(once.kept))
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
		secret string // what it looks like
	}{
		{"/admin/invitations/", url.Values{"uses": {"1"}, "life": {"1h"}}, "/admin/invitations/", `/invite/[\w-]{43}/`},
		{"/settings/tokens/", url.Values{"name": {"x"}, "scope": {"read"}, "days": {"7"}}, "/settings/tokens/", `snug_pat_[\w-]{43}`},
		{"/chat/lobby/settings/hooks/", url.Values{"name": {"ci"}}, "/chat/lobby/settings/", `snug_hook_\w+`},
		{"/settings/passkeys/", url.Values{"do": {"codes"}}, "/settings/passkeys/codes/", `<code>\w{4}(-\w{4}){3}</code>`},
	} {
		secret := regexp.MustCompile(test.secret)
		page := root.submit(test.path, test.form).want(t, http.StatusOK)
		if !secret.MatchString(page.body) {
			t.Errorf("%s shows nothing of what it has made:\n%s", test.path, page.body)
		}
		if again := root.get(test.page); secret.MatchString(again.body) {
			t.Errorf("%s shows it again:\n%s", test.page, again.body)
		}
	}
	invitations, err := s.accounts.Invitations(t.Context())
	if err != nil || len(invitations) != 1 {
		t.Errorf("there are %d invitations, %v", len(invitations), err)
	}
	root.get("/settings/passkeys/?did=codes").says(t, "shown once")
}
