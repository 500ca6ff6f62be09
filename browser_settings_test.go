package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"snug/account"
	"snug/snugtest"
	"snug/store"
)

// picture leaves one at both sizes and in both colour schemes, if the tests are to leave pictures.
func picture(b *snugtest.Browser, name string) {
	dir := os.Getenv("SNUG_PICTURES")
	if dir == "" {
		return
	}
	b.Prefer("light")
	b.Size(1440, 900)
	b.Picture(filepath.Join(dir, name+"-1440x900-light.png"))
	b.Size(390, 844)
	b.Prefer("dark")
	b.Picture(filepath.Join(dir, name+"-390x844-dark.png"))
	b.Prefer("light")
	b.Size(1440, 900)
}

// TestSettingsInTheBrowser makes a token after proving again who it is, ends the session of another browser, and changes the password.
func TestSettingsInTheBrowser(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	ada, phone := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)
	signUp(ada, "ada")
	s.Stop()
	proveLongAgo(t, s.Dir)
	s.Restart()
	ada.Allow("ERR_CONNECTION") // while the server was away
	ada.Allow("WebSocket")

	ada.Open("/settings/tokens/")
	ada.Wait(`$("[data-tokens] .account__step a")`)
	picture(ada, "tokens_locked")
	ada.Click(".account__step a")
	ada.Wait(`location.pathname === "/confirm/"`)
	picture(ada, "confirm")
	ada.Allow("the server responded with a status of 403")
	ada.Type("#password", "not my password")
	ada.Enter("#password")
	ada.Wait(`text("[role=alert]").includes("not your password")`)
	ada.Type("#password", password)
	ada.Enter("#password")
	ada.Wait(`location.pathname === "/settings/tokens/" && $("#days")`)
	ada.Type("#name", "doorbell")
	ada.Enter("#name")
	ada.Wait(`$(".secret__text")?.value.startsWith("snug_pat_")`)
	picture(ada, "tokens_made")
	ada.Click("[data-copy] button")
	ada.Wait(`text("[data-copy] button") === "Copied"`)
	ada.Open("/settings/tokens/")
	ada.Wait(`$('[data-token="doorbell"] button') && !$(".secret__text")`)
	picture(ada, "tokens_list")
	ada.Click(`[data-token="doorbell"] button`)
	ada.Wait(`!$('[data-token="doorbell"]') && text("[role=status]").startsWith("Revoked")`)

	logIn(phone, "ada")
	phone.Open("/chat/lobby/")
	phone.Wait(connected)
	ada.Open("/settings/")
	ada.Wait(`$$("[data-session]").length === 2`)
	picture(ada, "account_two")
	ada.Size(390, 844)
	ada.Wait(`$$(".tabs a").length === 5 && new Set($$(".tabs a").map(tab => tab.offsetTop)).size === 1`) // in one line
	ada.Size(1440, 900)
	phone.Allow("the server responded with a status of 401")
	phone.Allow("WebSocket")
	ada.Click("[data-session][data-here=false] button")
	ada.Wait(`$$("[data-session]").length === 1 && text("[role=status]") === "Logged out there."`)
	phone.Wait(`location.pathname === "/log_in/" || !(` + connected + `)`)

	ada.Open("/settings/password/")
	ada.Allow("the server responded with a status of 422")
	ada.Type("#old_password", "not my password")
	ada.Type("#password", "qwertyuiop")
	ada.Enter("#password")
	ada.Wait(`text("#old_password-error") !== "" && text("#password-error") !== ""`)
	picture(ada, "password_wrong")
	ada.Type("#old_password", password)
	ada.Type("#password", "six green windows")
	ada.Enter("#password")
	ada.Wait(`text("[role=status]").includes("is changed")`)
}

// proveLongAgo makes all sessions of a server that does not run ones whose owners proved too long ago who they are.
func proveLongAgo(t *testing.T, dir string) {
	t.Helper()
	st, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	users, err := st.Users(t.Context(), store.UserQuery{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		sessions, err := st.SessionsOf(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range sessions {
			_, err := st.UpdateSession(t.Context(), x.ID, func(x *store.Session) error {
				x.Proven = time.Now().Add(-2 * account.ConfirmLife)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}
