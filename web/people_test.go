package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/account"
	"snug/chat"
	"snug/store"
)

// listed are the names that a page of people shows, in order.
func (a answer) listed() []string {
	var names []string
	for _, match := range regexp.MustCompile(`href="[./]*pm/([^/"]+)/"`).FindAllStringSubmatch(a.body, -1) {
		if name, err := url.PathUnescape(match[1]); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (s *site) accountsOf(names ...string) {
	s.t.Helper()
	for _, name := range names {
		key, err := account.Key(name)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.store.CreateUser(s.t.Context(), store.User{ID: store.NewID(), Name: name, Key: key, Standing: store.Standing{Password: "!"}, Created: time.Now()}); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestPeopleOnlineComeFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	zoe, ada := s.person("zoe"), s.person("ada")
	visit := s.chat.EnterServer(zoe.person())
	defer visit.LeaveNow()
	if got := ada.get("/").want(t, http.StatusOK).listed(); !slices.Contains(got, "zoe") || slices.Contains(got[1:], "zoe") {
		t.Errorf("people are %q, want zoe first", got)
	}
}

func TestPeopleAreShownPageByPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	var want []string
	for i := range 2*peopleOnPage + 10 {
		want = append(want, fmt.Sprintf("person%03d", i))
	}
	s.accountsOf(want...)
	online, err := s.accounts.UserByName(t.Context(), want[5])
	if err != nil {
		t.Fatal(err)
	}
	defer s.chat.EnterServer(chat.Person{ID: online.ID, Name: online.Name}).LeaveNow()
	next := regexp.MustCompile(`href="[./]*\?after=([^"&]*)`)
	var got []string
	pages := 0
	for path := "/"; path != ""; pages++ {
		a := ada.get(path).want(t, http.StatusOK)
		got = append(got, a.listed()...)
		path = ""
		if match := next.FindStringSubmatch(a.body); match != nil {
			path = "/?after=" + match[1]
		}
	}
	if pages != 3 {
		t.Errorf("%d pages, want 3", pages)
	}
	slices.Sort(got)
	got = slices.DeleteFunc(got, func(name string) bool { return name == "ada" })
	if !slices.Equal(got, want) {
		t.Errorf("%d people are listed, want each of %d once: %q", len(got), len(want), got)
	}
}

func TestPeopleCanBeSearched(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	s.accountsOf("Grace", "gracious", "edsger")
	got := ada.get("/?q=GRAC").want(t, http.StatusOK).listed()
	if !slices.Equal(got, []string{"Grace", "gracious"}) {
		t.Errorf("found %q", got)
	}
	none := ada.get("/?q=xyz%25").want(t, http.StatusOK)
	if got := none.listed(); len(got) != 0 {
		t.Errorf("found %q", got)
	}
	none.says(t, `value="xyz%"`)
}

func TestPeopleOnlineCanAllBeFoundThoughNotAllAreShown(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range onlineOnPage + 1 {
		names = append(names, fmt.Sprintf("Person%04d", i))
	}
	last := names[onlineOnPage]
	if got := onlineViews(names, ""); len(got) != onlineOnPage {
		t.Errorf("%d people are shown as online, want %d", len(got), onlineOnPage)
	}
	if got := onlineViews(names, strings.ToUpper(last)); len(got) != 1 || got[0].Name != last {
		t.Errorf("found %v, want %s", got, last)
	}
}

// TestPeopleAreFoundTheSameOnlineAndOffline searches for names by what PRECIS makes one with them: other cases and widths.
func TestPeopleAreFoundTheSameOnlineAndOffline(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	for name, queries := range map[string][]string{
		"Grace":      {"GRAC", "ｇｒａｃｅ"},
		"ΟΔΥΣΣΕΥΣ":   {"οδυσσευς", "σευσ", "ΣΕΥΣ"},
		"Jürgen":     {"JÜR", "ju\u0308r"},
		"İpek":       {"ipek", "İPEK"},
		"dotted.dot": {".", "．ＤＯＴ"},
	} {
		s.accountsOf(name)
		user, err := s.accounts.UserByName(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range queries {
			path := "/?q=" + url.QueryEscape(query)
			if got := ada.get(path).want(t, http.StatusOK).listed(); !slices.Contains(got, name) {
				t.Errorf("%q does not find %s while offline: %q", query, name, got)
			}
			visit := s.chat.EnterServer(chat.Person{ID: user.ID, Name: name})
			if got := ada.get(path).want(t, http.StatusOK).listed(); !slices.Contains(got, name) {
				t.Errorf("%q does not find %s while online: %q", query, name, got)
			}
			visit.LeaveNow()
		}
	}
}
