package web

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"snug/account"
	"snug/store"
)

// change has somebody do something about a person.
func (c *client) change(do string, user account.ID) answer {
	c.site.t.Helper()
	return c.post("/admin/people/", url.Values{"do": {do}, "user": {user.String()}})
}

func TestAdministratorsChangePeople(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, ada := s.admin("root"), s.person("ada")
	id := ada.user().ID
	page := func() answer { return root.get("/admin/people/?q=ada").want(t, http.StatusOK) }
	page().says(t, `value="promote"`)
	page().says(t, `value="disable"`)

	root.change("promote", id).leadsTo(t, "../../admin/people/?did=promote&to="+id.String())
	root.get("/admin/people/?did=promote&to="+id.String()).says(t, "ada is an administrator now.")
	page().says(t, `value="demote"`)
	ada.get("/admin/people/").want(t, http.StatusOK)
	root.change("demote", id).want(t, http.StatusSeeOther)
	ada.get("/admin/people/").want(t, http.StatusForbidden)

	k := ada.dial("/ws/")
	root.change("disable", id).want(t, http.StatusSeeOther)
	k.closed()
	page().says(t, `value="enable"`)
	ada.get("/").leadsTo(t, "./log_in/?next=%2F")
	root.change("enable", id).want(t, http.StatusSeeOther)
	ada.get("/").leadsTo(t, "./log_in/?next=%2F") // the session is over all the same

	ada.startSession(id)
	ada.get("/").want(t, http.StatusOK)
	root.change("log_out", id).want(t, http.StatusSeeOther)
	ada.get("/").want(t, http.StatusSeeOther)
}

func TestAddressOfTheAdministrationLeadsToItsFirstPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.admin("root").get("/admin/").leadsTo(t, "../admin/people/")
	s.person("ada").get("/admin/").want(t, http.StatusForbidden)
}

func TestAdministratorsCannotShutThemselvesOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, other := s.admin("root"), s.admin("other")
	for _, do := range []string{"disable", "demote"} {
		root.change(do, root.user().ID).want(t, http.StatusConflict).says(t, "Ask another administrator")
	}
	root.change("disable", other.user().ID).want(t, http.StatusSeeOther)
	for do, status := range map[string]int{"dance": 422, "": 422, "promote": 404} {
		root.change(do, account.ID{1}).want(t, status)
	}
	root.get("/admin/people/").want(t, http.StatusOK)
}

func TestWhoChangesPeopleHasProvedWhoTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, ada := s.admin("root"), s.person("ada")
	root.startOldSession()
	root.change("disable", ada.user().ID).leadsTo(t, "../../confirm/?next=%2Fadmin%2Fpeople%2F")
	ada.get("/").want(t, http.StatusOK)
}

// startOldSession logs in as if it had been an hour ago.
func (c *client) startOldSession() {
	c.site.t.Helper()
	then := time.Now().Add(-time.Hour)
	c.token = strings.Repeat("o", 43)
	if _, err := c.site.store.CreateSession(c.site.t.Context(), store.Session{
		ID: store.NewID(), Token: sha256.Sum256([]byte(c.token)), User: c.user().ID, Created: then, Used: then, Expires: then.Add(24 * time.Hour),
	}); err != nil {
		c.site.t.Fatal(err)
	}
}

func TestAdminPeopleAreListedByPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range adminPeopleOnPage {
		s.accountsOf(fmt.Sprintf("user%03d", i))
	}
	root := s.admin("root")
	first := root.get("/admin/people/").want(t, http.StatusOK)
	first.says(t, fmt.Sprintf(`href="?after=user%03d"`, adminPeopleOnPage-2))
	root.get(fmt.Sprintf("/admin/people/?after=user%03d", adminPeopleOnPage-2)).says(t, fmt.Sprintf(`data-person="user%03d"`, adminPeopleOnPage-1))
	root.get("/admin/people/?q=nobody").says(t, "Nobody has")
}
