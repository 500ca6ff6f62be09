package web

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"snug/account"
	"snug/store"
)

func TestPersonTakesAnotherName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	s.person("grace")
	tutorial, users := s.person("hedy").dial("/ws/chat/lobby/"), s.person("edsger").dial("/users/")
	tutorial.next("user_list")
	here := ada.dial("/ws/chat/lobby/")
	here.next("user_list")
	tutorial.until("ada comes", func(f frame) bool { return f.kind() == "user_join" && f["user"] == "ada" })

	ada.get("/settings/name/").want(t, http.StatusOK).says(t, `value="ada"`)
	ada.post("/settings/name/", url.Values{"username": {"GRACE"}}).want(t, http.StatusUnprocessableEntity).says(t, "is taken: choose another name.")
	ada.post("/settings/name/", url.Values{"username": {"Countess"}}).leadsTo(t, "../../settings/name/?saved")
	ada.get("/settings/name/?saved").says(t, "<bdi>Countess</bdi></strong> now")
	tutorial.until("ada goes", func(f frame) bool { return f.kind() == "user_leave" && f["user"] == "ada" })
	tutorial.until("the countess comes", func(f frame) bool { return f.kind() == "user_join" && f["user"] == "Countess" })
	users.until("ada is gone", func(f frame) bool {
		return f["username"] == "ada" && f["is_logged_in"] == false && f["renamed_to"] == "Countess"
	})
	users.until("the countess is here", func(f frame) bool { return f["username"] == "Countess" && f["is_logged_in"] == true })
	here.send(`{"message":"still me"}`)
	if f := tutorial.next("chat_message"); f["user"] != "Countess" {
		t.Errorf("a message of the socket that was open: %v", f)
	}
	ada.get("/").says(t, "<bdi class=\"top__name\">Countess</bdi>")
}

// Who lost a name to somebody on another node is told when they log in next, and may take another.
func TestWhoLostTheirNameIsToldAtTheNextLogIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.accounts.AddUser(t.Context(), account.Actor{}, account.NewUser{Name: "ada", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	mine, err := s.accounts.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	row, err := s.store.UserByID(t.Context(), mine.ID)
	if err != nil {
		t.Fatal(err)
	}
	first := row
	first.ID, first.Feed, first.Seq, first.Claimed = store.NewID(), store.NewID(), 1, store.StampAt(time.Now().Add(-time.Hour))
	if _, err := s.store.Merge(t.Context(), []store.Row{&first}); err != nil {
		t.Fatal(err)
	}
	if mine, err = s.accounts.UserByID(t.Context(), mine.ID); err != nil || mine.Wanted() != "ada" {
		t.Fatalf("the later one is %+v, %v", mine, err)
	}
	c := s.guest()
	entered := c.post("/log_in/", url.Values{"username": {mine.Name}, "password": {goodPassword}, "next": {"/chat/"}})
	entered.leadsTo(t, "../settings/name/?next=%2Fchat%2F")
	c.token, c.name = entered.cookie("snug").Value, mine.Name
	page := c.get("/settings/name/?next=%2Fchat%2F").want(t, http.StatusOK)
	page.says(t, "Somebody else is <strong><bdi>ada</bdi></strong>")
	page.says(t, "<bdi>"+mine.Name+"</bdi>")
	page.says(t, `href="../../chat/"`)
	c.post("/settings/name/", url.Values{"username": {"ada"}}).want(t, http.StatusUnprocessableEntity).says(t, "is taken")
	c.post("/settings/name/", url.Values{"username": {"lovelace"}}).want(t, http.StatusSeeOther)
	again := s.guest().post("/log_in/", url.Values{"username": {"lovelace"}, "password": {goodPassword}, "next": {"/chat/"}})
	again.leadsTo(t, "../chat/")
}
