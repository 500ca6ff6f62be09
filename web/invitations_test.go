package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/account"
)

// invitation is the path of an invitation link.
func (w *routeWorld) invitation() string {
	return w.invite(account.NewInvitation{Uses: 5, Room: "lobby"})
}

// invite makes an invitation and gives the path of its link.
func (s *site) invite(n account.NewInvitation) string {
	s.t.Helper()
	token, _, err := s.accounts.Invite(s.t.Context(), account.Actor{}, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return "/invite/" + token + "/"
}

func inviteOnly(o *siteOptions) { o.Accounts.Admission = account.AdmitInvited }

func TestInvitationLeadsFromItsLinkToItsRoom(t *testing.T) {
	t.Parallel()
	s := newSite(t, inviteOnly)
	root := s.admin("root")
	page := root.submit("/admin/invitations/", url.Values{"uses": {"1"}, "life": {"24h"}, "room": {"lobby"}}).want(t, http.StatusOK)
	link := regexp.MustCompile(`value="(http://[^"]*)/invite/([\w-]{43})/" data-href="../../invite/`).FindStringSubmatch(page.body)
	if link == nil || link[1] != s.url {
		t.Fatalf("the page shows no link of ours:\n%s", page.body)
	}
	root.get("/admin/invitations/").want(t, http.StatusOK).says(t, "1 of 1 left, to <bdi>lobby</bdi>")
	if again := root.get("/admin/invitations/"); strings.Contains(again.body, link[2]) {
		t.Error("the link is shown again")
	}

	guest := s.guest()
	invited := guest.get("/invite/"+link[2]+"/").want(t, http.StatusOK)
	invited.says(t, "<bdi>root</bdi> invites you")
	invited.says(t, "<bdi>lobby</bdi>")
	invited.says(t, `action="../../sign_up/"`)
	invited.says(t, `name="invitation" value="`+link[2]+`"`)
	form := url.Values{"username": {"ada"}, "password1": {"short"}, "invitation": {link[2]}}
	guest.post("/sign_up/", form).want(t, http.StatusUnprocessableEntity).says(t, "<bdi>root</bdi> invites you")
	form.Set("password1", goodPassword)
	guest.post("/sign_up/", form).leadsTo(t, "../chat/lobby/")

	// Used up, for those who come with it and for those who look at the list.
	s.guest().get("/invite/"+link[2]+"/").want(t, http.StatusForbidden).says(t, "not valid any more")
	form.Set("username", "grace")
	s.guest().post("/sign_up/", form).want(t, http.StatusForbidden).says(t, "not valid any more")
	root.get("/admin/invitations/").want(t, http.StatusOK).says(t, "Used up")
	// Who has an account may have it from there, and opens it again.
	root.get("/invite/"+link[2]+"/").leadsTo(t, "../../")
}

func TestInvitationCanBeTakenBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, inviteOnly)
	root := s.admin("root")
	path := s.invite(account.NewInvitation{})
	s.guest().get(path).want(t, http.StatusOK).says(t, "You are invited")
	id := regexp.MustCompile(`name="revoke" value="([^"]+)"`).FindStringSubmatch(root.get("/admin/invitations/").body)
	if id == nil {
		t.Fatal("the list has no button to take it back")
	}
	root.post("/admin/invitations/", url.Values{"revoke": {id[1]}}).leadsTo(t, "../../admin/invitations/")
	s.guest().get(path).want(t, http.StatusForbidden)
	root.get("/admin/invitations/").says(t, "There are none.")
	root.post("/admin/invitations/", url.Values{"revoke": {id[1]}}).want(t, http.StatusSeeOther)
	root.post("/admin/invitations/", url.Values{"revoke": {"x"}}).want(t, http.StatusBadRequest)
}

func TestInvitationFormSaysWhatToMend(t *testing.T) {
	t.Parallel()
	s := newSite(t, inviteOnly)
	root := s.admin("root")
	for _, test := range []struct{ uses, life, room, says string }{
		{"0", "24h", "", "1 to 1000 times"},
		{"many", "24h", "", "1 to 1000 times"},
		{"1", "1s", "", "one minute to 366 days"},
		{"1", "", "", "one minute to 366 days"},
		{"1", "24h", "two words", "A room cannot have that name"},
	} {
		page := root.post("/admin/invitations/", url.Values{"uses": {test.uses}, "life": {test.life}, "room": {test.room}})
		page.want(t, http.StatusUnprocessableEntity)
		page.says(t, test.says)
		page.says(t, `value="`+test.uses+`"`)
		page.says(t, "There are none.")
	}
}

func TestInvitationsWhereNobodyMaySignUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Accounts.Admission = account.AdmitNobody })
	root := s.admin("root")
	root.get("/admin/invitations/").want(t, http.StatusOK).says(t, "snug user add")
	root.post("/admin/invitations/", url.Values{"uses": {"1"}, "life": {"1h"}}).want(t, http.StatusForbidden)
}

// A link that is in a log is one for everybody who reads logs.
func TestInvitationIsNotInTheLog(t *testing.T) {
	t.Parallel()
	var log logged
	s := newSite(t, inviteOnly, func(o *siteOptions) { o.Web.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	path := s.invite(account.NewInvitation{Life: time.Hour})
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	s.guest().get(path).want(t, http.StatusServiceUnavailable)
	s.guest().do(http.MethodPost, path, url.Values{}, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	if token := strings.Split(path, "/")[2]; strings.Contains(log.String(), token) || !strings.Contains(log.String(), "/invite/") {
		t.Errorf("the log says:\n%s", log.String())
	}
}
