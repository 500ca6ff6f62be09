package web

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
)

func TestAdministratorsDeleteARoomOnItsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, root := s.person("ada"), s.admin("root")
	ada.call("POST", "rooms", map[string]any{"name": "küche"}).want(t, http.StatusCreated)
	ada.call("POST", "rooms/k%C3%BCche/messages", map[string]any{"message": "hello"}).want(t, http.StatusCreated)
	ada.call("POST", "rooms/k%C3%BCche/hooks", map[string]any{"name": "ci"}).want(t, http.StatusCreated)
	const settings = "/chat/k%C3%BCche/settings/"

	// Whoever made the room has its settings, and no such button.
	ada.get(settings).want(t, http.StatusOK).saysNot(t, "Delete the room")
	ada.get(settings+"delete/").want(t, http.StatusForbidden)
	root.get(settings).want(t, http.StatusOK).says(t, `href="../../../chat/k%C3%BCche/settings/delete/"`)

	page := root.get(settings+"delete/").want(t, http.StatusOK)
	page.says(t, "everything that was said in it")
	page.says(t, "its webhook")
	id := regexp.MustCompile(`name="room" value="([^"]+)"`).FindStringSubmatch(page.body)
	if id == nil {
		t.Fatalf("the page does not say which room it is about:\n%s", page.body)
	}
	form := func(name string) url.Values { return url.Values{"room": {id[1]}, "name": {name}} }
	root.post(settings+"delete/", form("kuche")).want(t, http.StatusUnprocessableEntity).says(t, "Nothing was deleted")
	root.post(settings+"delete/", form(" ")).want(t, http.StatusUnprocessableEntity).says(t, "Nothing was deleted")
	root.post(settings+"delete/", form("two words")).want(t, http.StatusUnprocessableEntity).says(t, `value="two words"`)
	root.post(settings+"delete/", url.Values{"name": {"küche"}}).want(t, http.StatusConflict).says(t, "Nothing was deleted")
	ada.call("GET", "rooms/k%C3%BCche/messages", nil).want(t, http.StatusOK).says(t, "hello")

	root.post(settings+"delete/", form(" KÜCHE\t")).leadsTo(t, "../../../../chat/?deleted")
	root.get("/chat/?deleted").says(t, "The room is deleted")
	ada.get("/chat/k%C3%BCche/").want(t, http.StatusGone)
	root.post(settings+"delete/", form("küche")).want(t, http.StatusGone)
	root.get("/admin/audit/?kind=room.deleted").want(t, http.StatusOK).says(t, "küche")

	// Another room of that name is not deleted by a page that was open before.
	ada.call("POST", "rooms", map[string]any{"name": "küche"}).want(t, http.StatusCreated)
	root.post(settings+"delete/", form("küche")).want(t, http.StatusConflict)
	ada.get("/chat/k%C3%BCche/").want(t, http.StatusOK)
}

func TestDeletingARoomAsksWhoItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.admin("root")
	root.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, http.StatusCreated)
	root.provedLongAgo()
	root.get("/chat/lobby/settings/delete/").leadsTo(t, "../../../../confirm/?next=%2Fchat%2Flobby%2Fsettings%2Fdelete%2F")
	root.post("/chat/lobby/settings/delete/", url.Values{"name": {"lobby"}}).want(t, http.StatusSeeOther)
	root.get("/chat/lobby/").want(t, http.StatusOK)
}
