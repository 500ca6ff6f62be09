package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
	"snug/store"
)

// Parts of the pages about passkeys.
const (
	passkeyButton = "[data-passkey-log-in]"
	addButton     = "[data-add] button"
	peopleShown   = `$("[data-people]")`
	// noList keeps the browser from using a passkey by itself as soon as the log-in page is open, as its virtual authenticator
	// does where a person would choose from the list below the field.
	noList = `if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false`
)

func logOut(b *snugtest.Browser) {
	b.Open("/log_out/")
	b.Wait(`$("main form button")`)
	b.Click("main form button")
	b.Wait(`location.pathname === "/log_in/"`)
}

// addPasskey makes one in the settings of somebody who is logged in.
func addPasskey(b *snugtest.Browser, name string) {
	b.Open("/settings/passkeys/")
	b.Wait(`$("[data-add]:not([hidden])")`)
	b.Type("#name", name)
	b.Click(addButton)
	b.Wait(fmt.Sprintf(`location.search === "?did=add" && $$(".key__name").some(n => n.innerText === %s)`, snugtest.Quote(name)))
}

func TestPasskeyLogsInWithoutTyping(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	b := snugtest.OpenBrowser(t, s.URL)
	device := b.Authenticator(true)
	signUp(b, "ada")

	// After a log-in with the password, a passkey is offered, once.
	logOut(b)
	passwordLogIn := func() {
		b.Wait(`$("[name=passkeys]").value === "known"`)
		b.Type("#username", "ada")
		b.Type("#password", password)
		b.Enter("#password")
	}
	passwordLogIn()
	b.Wait(`location.pathname === "/passkeys/offer/" && $("[data-add]")?.checkVisibility()`)
	b.Click("main a.button")
	b.Wait(peopleShown)
	logOut(b)
	passwordLogIn()
	b.Wait(peopleShown)

	// In the settings it is made, with a name.
	addPasskey(b, "my phone")
	b.Wait(`text("[data-backup]").startsWith("Backed up") && text(".key").includes("not used yet")`)
	if n := device.Passkeys(); n != 1 {
		t.Errorf("the device keeps %d passkeys, want 1", n)
	}
	// The same device does not make a second one for the same person.
	b.Type("#name", "again")
	b.Click(addButton)
	b.Wait(`text("#add-error").includes("already")`)

	// The list below the name field logs in, and nobody types anything.
	logOut(b)
	b.Wait(peopleShown)
	b.Open("/settings/passkeys/")
	b.Wait(`text(".key").includes("last used")`)

	// So does the button.
	b.OnOpen(noList)
	logOut(b)
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)
	b.Click(passkeyButton)
	b.Wait(peopleShown)

	// A counter that goes back is told to its owner, at once and in the list.
	logOut(b)
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)
	device.Count(0)
	b.Click(passkeyButton)
	b.Wait(`location.pathname === "/settings/passkeys/" && text("[role=alert]").includes("second copy") && $("[data-cloned]")`)
	s.WaitStderr("event=passkey.cloned")

	// Renaming and removing; what was removed, the device is told to forget.
	b.Click(".key .fold:first-child summary")
	b.Wait(`$(".key input[name=name]").value === "my phone"`)
	b.Type(".key input[name=name]", " (old)")
	b.Enter(".key input[name=name]")
	b.Wait(`location.search === "?did=rename" && text(".key__name").includes("(old)")`)
	b.Click(".key .fold:last-child summary")
	b.Click(".key [value=remove]")
	b.Wait(`location.search === "?did=remove" && $$(".key").length === 0`)
	for _, kind := range []string{"passkey.added", "passkey.renamed", "passkey.removed"} {
		s.WaitStderr("event=" + kind)
	}

	// The device still has it, and the log-in refuses it without saying more.
	logOut(b)
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)
	b.Allow("the server responded with a status of 403")
	b.Click(passkeyButton)
	b.Wait(`text("[data-passkey-error]").includes("was not accepted")`)
}

func TestSignUpWithAPasskeyAndNoPassword(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	b := snugtest.OpenBrowser(t, s.URL)
	b.OnOpen(noList)
	b.Authenticator(false)
	b.Allow("the server responded with a status of 4")
	b.Open("/sign_up/")
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)
	b.Type("#username", "two words")
	b.Click("[data-passkey-sign-up]")
	b.Wait(`text("#username-error") !== ""`)
	b.Open("/sign_up/?next=%2Fchat%2F")
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)
	b.Type("#username", "ada")
	b.Click("[data-passkey-sign-up]")
	b.Wait(`location.pathname === "/settings/passkeys/" && text("[role=status]").includes("Welcome, ada")`)
	b.Wait(`text("[data-backup]").startsWith("Not backed up")`)

	// Ten recovery codes, shown once.
	b.Click("[value=codes]")
	b.Wait(`$$("[data-codes] code").length === 10`)
	codes := strings.Fields(b.Value(`[...document.querySelectorAll("[data-codes] code")].map(c => c.innerText).join(" ")`))
	b.Click("main a.button--main")
	b.Wait(`$("[data-codes='10']")`)
	if shown := b.Text(); strings.Contains(shown, codes[0]) {
		t.Errorf("the codes are shown again:\n%s", shown)
	}

	// The passkey logs in; a password does not, whatever it is.
	logOut(b)
	b.Type("#username", "ada")
	b.Type("#password", password)
	b.Enter("#password")
	b.Wait(`text("#form-error").includes("do not match")`)
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)
	b.Click(passkeyButton)
	b.Wait(peopleShown)

	// Without the device, a code does, once.
	useCode := func() {
		logOut(b)
		b.Click(`a[href*="log_in/recovery/"]`)
		b.Wait(`$("#code")`)
		b.Type("#username", "ada")
		b.Type("#code", strings.ToUpper(codes[0]))
		b.Enter("#code")
	}
	useCode()
	b.Wait(`location.pathname === "/settings/passkeys/" && text("[role=status]").includes("9 are left")`)
	useCode()
	b.Wait(`text("#form-error").includes("used already")`)
	s.WaitStderr("event=recovery.used")
	if stderr := s.Stderr(); strings.Contains(strings.ToLower(stderr), codes[0]) {
		t.Errorf("the log has a code:\n%s", stderr)
	}

	// A password can be turned on, and off again with the codes that are left.
	b.Open("/log_in/")
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)
	b.Click(passkeyButton)
	b.Wait(peopleShown)
	b.Open("/settings/passkeys/")
	b.Click("section:last-of-type a.button")
	b.Wait(`location.pathname === "/settings/password/"`)
	b.Type("#password", password)
	b.Enter("#password")
	b.Wait(`text("[role=status]").includes("password is changed")`)
	b.Open("/settings/passkeys/")
	b.Click("[value=off]")
	b.Wait(`text("[role=status]").includes("password is off")`)
	// The last passkey stays while there is no password.
	b.Click(".key .fold:last-child summary")
	b.Click(".key [value=remove]")
	b.Wait(`text("[role=alert]").includes("two passkeys") && $$(".key").length === 1`)
}

// TestAnswersThatProveNothingAreRefused has the browser answer otherwise than it was asked.
func TestAnswersThatProveNothingAreRefused(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_LIMITS_LOGINS_PER_MINUTE=0"}})
	b := snugtest.OpenBrowser(t, s.URL)
	b.OnOpen(noList)
	b.Allow("the server responded with a status of 4")
	device := b.Authenticator(true)
	signUp(b, "ada")
	addPasskey(b, "mine")
	logOut(b)
	b.Wait(`$("[data-needs-passkeys]:not([hidden])")`)

	// The person does not prove who they are: the browser itself gives up.
	device.Verifies(false)
	b.Click(passkeyButton)
	b.Wait(`text("[data-passkey-error]").includes("cancelled")`)
	device.Verifies(true)
	// The device says so, and signs it: the server must look.
	device.Lies(true)
	b.Click(passkeyButton)
	b.Wait(`text("[data-passkey-error]").includes("was not accepted")`)
	device.Lies(false)

	answer := func(change string) string {
		return b.Value(`(async () => {
			const send = (path, fields) => fetch("/passkeys/log_in/" + path, { method: "POST", body: new URLSearchParams(fields) });
			const begin = async () => (await send("begin/", {})).json();
			const use = (options) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
			const { ceremony, options } = await begin();
			` + change + `
			})()`)
	}
	// An answer counts once, even though the browser would give it to whoever has it.
	got := answer(`
		const fields = { ceremony, response: JSON.stringify(await use(options)), next: "/" };
		const first = await send("", fields), second = await send("", fields);
		return [first.status, second.status].join(" ");`)
	if got != "200 409" {
		t.Errorf("one answer, sent twice: %s", got)
	}
	// It counts for its own question.
	got = answer(`
		const other = await begin();
		const response = await send("", { ceremony: other.ceremony, response: JSON.stringify(await use(options)), next: "/" });
		return response.status + " " + (await response.json()).message`)
	if !strings.HasPrefix(got, "403 This passkey was not accepted.") {
		t.Errorf("the answer to another question: %s", got)
	}
	// The browser uses it for no other party.
	got = answer(`options.rpId = "evil.example"; try { await use(options); return "used" } catch (error) { return error.name }`)
	if got != "SecurityError" {
		t.Errorf("for another party: %s", got)
	}
	// And what is made for another place, at another origin, is worth nothing here.
	other := snugtest.Start(t, snugtest.Options{})
	b.Open("/log_in/")
	asked := b.Value(`fetch("/passkeys/log_in/begin/", { method: "POST" }).then(r => r.text())`)
	elsewhere := snugtest.OpenBrowser(t, other.URL)
	elsewhere.OnOpen(noList)
	elsewhere.Authenticator(true)
	signUp(elsewhere, "ada")
	addPasskey(elsewhere, "hers")
	phished := elsewhere.Value(`(async () => {
		const { options } = ` + asked + `;
		options.allowCredentials = [];
		return JSON.stringify(await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })) })()`)
	got = b.Value(`(async () => {
		const response = await fetch("/passkeys/log_in/", { method: "POST", body: new URLSearchParams({ ceremony: ` + asked + `.ceremony, response: ` + snugtest.Quote(phished) + ` }) });
		return response.status + " " + (await response.json()).message })()`)
	if !strings.HasPrefix(got, "403 This passkey was not accepted.") {
		t.Errorf("from another place: %s", got)
	}
	// Why they were refused is for the log alone.
	for _, why := range []string{"User verification required", "challenge", "such passkey"} {
		line := regexp.MustCompile("(?i)passkey not accepted.*(" + why + ")")
		eventually(t, why+" in the log", time.Minute, func() bool { return line.MatchString(s.Stderr()) })
	}
}

func TestPasskeyConfirmsWhoSomebodyIs(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	b := snugtest.OpenBrowser(t, s.URL)
	b.OnOpen(noList)
	b.Authenticator(true)
	signUp(b, "ada")
	addPasskey(b, "mine")

	// Somebody who logged in an hour ago has to prove again who they are before they change what opens their account.
	s.Stop()
	b.SetCookie("snug", oldSession(t, s.Dir, "ada"))
	s.Restart()
	b.Open("/settings/passkeys/")
	b.Allow("the server responded with a status of 403") // which says so
	b.Type("#name", "another")
	b.Click(addButton)
	b.Wait(`location.pathname === "/confirm/" && $("[data-passkey-confirm]")?.checkVisibility()`)
	b.Click("[data-passkey-confirm]")
	b.Wait(`location.pathname === "/settings/passkeys/"`)
	b.Click(".key .fold:last-child summary")
	b.Click(".key [value=remove]")
	b.Wait(`location.search === "?did=remove"`)
}

// oldSession makes a session that somebody began an hour ago, in the data of a server that does not run.
func oldSession(t *testing.T, dir, name string) (token string) {
	t.Helper()
	st, err := store.Open(t.Context(), dir, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	user, err := st.UserByKey(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	token = base64.RawURLEncoding.EncodeToString([]byte("thirty-two bytes that are known."))
	_, err = st.CreateSession(t.Context(), store.Session{
		Token: sha256.Sum256([]byte(token)), User: user.ID,
		Created: time.Now().Add(-time.Hour), Used: time.Now(), Expires: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}
