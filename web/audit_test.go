package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/account"
	"snug/chat"
	"snug/store"
)

// note keeps events in the audit log, one after the other, and waits until they are there.
func (s *site) note(events ...account.Event) {
	s.t.Helper()
	written := make(chan struct{}, len(events))
	stop := s.store.Watch(func(rows []store.Row) {
		for _, row := range rows {
			if r, ok := row.(*store.Record); ok && r.Kind == store.KindAudit {
				written <- struct{}{}
			}
		}
	})
	defer stop()
	for _, e := range events {
		s.accounts.Audit(s.t.Context(), e)
		select {
		case <-written:
		case <-time.After(10 * time.Second):
			s.t.Fatalf("%+v is not in the audit log", e)
		}
	}
}

func TestAuditPageIsForAdministrators(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.note(account.Event{Kind: account.EventLogin, Address: "192.0.2.77"})
	s.person("ada").get("/admin/audit/").want(t, http.StatusForbidden).saysNot(t, "192.0.2.77")
	s.guest().get("/admin/audit/").leadsTo(t, "../../log_in/?next=%2Fadmin%2Faudit%2F")
	page := s.admin("root").get("/admin/audit/").want(t, http.StatusOK)
	page.says(t, "192.0.2.77")
	page.says(t, `aria-current="page">Audit`)
}

func TestAuditPageTellsWhatHappened(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCluster(someNodes(), nil), func(o *siteOptions) { o.Accounts.Node = "attic <b>" })
	root, ada := s.admin("root"), s.person("ada")
	s.note(
		account.Event{Kind: account.EventLogin, Actor: ada.user().ID, Address: "192.0.2.1", Detail: "with a <password>"},
		account.Event{Kind: account.EventLoginFailed, Target: ada.user().ID, Address: "192.0.2.2", Detail: "wrong"},
		account.Event{Kind: account.EventUserPromoted, Actor: root.user().ID, Target: ada.user().ID},
		account.Event{Kind: account.EventClusterInvited, Detail: "good until tomorrow"},
		account.Event{Kind: account.EventLogin, Actor: account.ID{99}},
		account.Event{Kind: "from.the.future"},
	)
	page := root.get("/admin/audit/").want(t, http.StatusOK)
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page.body, "")
	for _, words := range []string{
		"ada logged in", "with a &lt;password&gt;", "Somebody could not log in: ada", "root made somebody an administrator: ada",
		"A command invited a machine to the cluster", "An account that is not here logged in", "from.the.future", "on attic &lt;b&gt;",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("page does not say %q:\n%s", words, text)
		}
	}
	if newest, oldest := strings.Index(text, "from.the.future"), strings.Index(text, "ada logged in"); newest > oldest {
		t.Error("the newest is not first")
	}
	page.says(t, `<p class="log__time"><time datetime="`+time.Now().UTC().Format("2006-01-02T"))

	entries := func(query string) int {
		t.Helper()
		return strings.Count(root.get("/admin/audit/"+query).want(t, http.StatusOK).body, "data-entry=")
	}
	for query, want := range map[string]int{
		"": 6, "?kind=login": 2, "?kind=&person=": 6, "?person=ada": 3, "?person=+ADA+": 3, "?person=ada&kind=login": 1, "?person=root": 1, "?kind=logout": 0,
	} {
		if got := entries(query); got != want {
			t.Errorf("%q shows %d entries, want %d", query, got, want)
		}
	}
	root.get("/admin/audit/?kind=logout").says(t, "There is nothing of it.")
	unknown := root.get("/admin/audit/?person=nobody&kind=login").want(t, http.StatusOK)
	unknown.says(t, "There is nobody of that name")
	unknown.says(t, `value="nobody"`)
	unknown.says(t, `<option value="login" selected>`)
	for _, bad := range []string{"?kind=nonsense", "?before=1", "?before=x.y"} {
		root.get("/admin/audit/"+bad).want(t, http.StatusNotFound)
	}
}

func TestAuditPageLeadsToOlderEntries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.admin("root")
	var events []account.Event
	for i := range auditOnPage + 3 {
		events = append(events, account.Event{Kind: account.EventRoomMade, Actor: root.user().ID, Detail: fmt.Sprintf("room %d.", i)})
	}
	s.note(events...)
	page := root.get("/admin/audit/?person=root").want(t, http.StatusOK)
	page.says(t, "room 52.")
	page.saysNot(t, "room 2.")
	page.saysNot(t, "The newest")
	older := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(page.body)
	if older == nil {
		t.Fatalf("there is no way to older entries:\n%s", page.body)
	}
	link := strings.ReplaceAll(older[1], "&amp;", "&")
	if query, err := url.ParseQuery(link[1:]); err != nil || query.Get("person") != "root" {
		t.Errorf("the way to older entries is %q, %v", link, err)
	}
	rest := root.get("/admin/audit/"+link).want(t, http.StatusOK)
	for _, words := range []string{"room 2.", "room 0.", "The newest"} {
		rest.says(t, words)
	}
	rest.saysNot(t, `rel="next"`)
	rest.saysNot(t, "room 3.")
}

// What package chat notes has words too.
func TestNotesOfChatHaveWords(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, k := range account.EventKinds() {
		known[k.Kind] = true
	}
	for _, kind := range []string{chat.AuditRoomMade, chat.AuditRoomChanged, chat.AuditMessageDeleted} {
		if !known[kind] {
			t.Errorf("%s has no words", kind)
		}
	}
}
