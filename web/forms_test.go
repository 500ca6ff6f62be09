package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"snug/account"
	"snug/chat"
)

const goodPassword = "correct horse battery"

func TestSigningUpLogsInAndLeadsOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.guest()
	c.get("/sign_up/?next=/chat/lobby/").want(t, http.StatusOK).says(t, `value="/chat/lobby/"`)
	a := c.post("/sign_up/", url.Values{"username": {"ada"}, "password1": {goodPassword}, "next": {"/chat/lobby/"}})
	a.leadsTo(t, "../chat/lobby/")
	cookie := a.cookie("snug")
	if cookie == nil {
		t.Fatal("no session cookie")
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Secure || cookie.Domain != "" {
		t.Errorf("cookie is %v", cookie)
	}
	if cookie.MaxAge != int(cookieLife.Seconds()) {
		t.Errorf("cookie lasts %d s", cookie.MaxAge)
	}
	c.token = cookie.Value
	c.get("/").want(t, http.StatusOK).says(t, "ada")
}

func TestSignUpErrorsStandBesideTheFieldAndKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.person("grace")
	tests := []struct {
		what, name, password string
		again                []string
		says                 string
	}{
		{"taken", "Grace", goodPassword, nil, "taken"},
		{"no name", "", goodPassword, nil, "user name"},
		{"name of signs", "two words", goodPassword, nil, "letters"},
		{"script", "<img src=x onerror=alert(1)>", goodPassword, nil, "letters"},
		{"short", "ada", "a!7", nil, "8"},
		{"common", "ada", "qwertyuiop", nil, "guessed"},
		{"differs", "ada", goodPassword, []string{"correct horse"}, "differ"},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			form := url.Values{"username": {test.name}, "password1": {test.password}, "next": {"/chat/"}, "setup": {""}}
			if test.again != nil {
				form["password2"] = test.again
			}
			a := s.guest().post("/sign_up/", form).want(t, http.StatusUnprocessableEntity)
			a.says(t, test.says)
			a.says(t, `value="/chat/"`)
			a.saysNot(t, test.password)
			a.saysNot(t, "<img src=x")
			if test.name != "" {
				a.says(t, `value="`+htmlOf(test.name)+`"`)
			}
			if a.cookie("snug") != nil {
				t.Error("a session was started")
			}
		})
	}
}

// htmlOf is a text as html/template writes it in an attribute.
func htmlOf(text string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "&", "&amp;", "+", "&#43;").Replace(text)
}

func TestLogInErrorsKeepTheNameAndSayTheSameForAll(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.guest().post("/sign_up/", url.Values{"username": {"ada"}, "password1": {goodPassword}, "password2": {goodPassword}}).
		leadsTo(t, "../")
	wrong := s.guest().post("/log_in/", url.Values{"username": {"ada"}, "password": {"not this one"}, "next": {"/chat/"}}).
		want(t, http.StatusForbidden)
	unknown := s.guest().post("/log_in/", url.Values{"username": {"adb"}, "password": {"not this one"}, "next": {"/chat/"}}).
		want(t, http.StatusForbidden)
	wrong.says(t, `value="ada"`)
	wrong.says(t, `value="/chat/"`)
	wrong.says(t, "do not match")
	wrong.saysNot(t, "not this one")
	if strings.ReplaceAll(wrong.body, "ada", "adb") != unknown.body {
		t.Error("the page tells whether there is such a person")
	}
	right := s.guest().post("/log_in/", url.Values{"username": {"ADA"}, "password": {goodPassword}, "next": {"/chat/"}})
	right.leadsTo(t, "../chat/")
	if right.cookie("snug") == nil {
		t.Error("no session cookie")
	}
}

func TestLogInIsThrottledWithTheTimeToWait(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Accounts.LoginsPerMinute, o.Accounts.SignupsPerHour = 1, 1 })
	form := url.Values{"username": {"ada"}, "password": {"not this one"}}
	a := s.guest().post("/log_in/", form)
	for range 5 {
		if a.status == http.StatusTooManyRequests {
			break
		}
		a = s.guest().post("/log_in/", form)
	}
	a.want(t, http.StatusTooManyRequests).says(t, "too many attempts")
	a.says(t, `value="ada"`)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for i, name := range []string{"ada", "grace", "edsger", "barbara"} {
		a = s.guest().post("/sign_up/", url.Values{"username": {name}, "password1": {goodPassword}})
		if a.status == http.StatusTooManyRequests {
			a.says(t, `value="`+name+`"`)
			if a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
		if i == 3 {
			t.Error("sign-ups are not throttled")
		}
	}
}

func TestLoggingInReplacesTheSessionOfTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.guest()
	first := c.post("/sign_up/", url.Values{"username": {"ada"}, "password1": {goodPassword}}).cookie("snug")
	c.token = first.Value
	second := c.post("/log_in/", url.Values{"username": {"ada"}, "password": {goodPassword}}).cookie("snug")
	if second == nil || second.Value == first.Value {
		t.Fatal("no new session")
	}
	c.get("/").want(t, http.StatusSeeOther)
	c.token = second.Value
	c.get("/").want(t, http.StatusOK)
}

func TestLoggingOutNeedsAPost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	ada.get("/log_out/").want(t, http.StatusOK).says(t, "<button")
	ada.get("/").want(t, http.StatusOK)
	a := ada.post("/log_out/", nil)
	a.leadsTo(t, "../log_in/")
	if cookie := a.cookie("snug"); cookie == nil || cookie.Value != "" || cookie.MaxAge >= 0 {
		t.Errorf("cookie is %v", cookie)
	}
	ada.get("/").want(t, http.StatusSeeOther)
	ada.post("/log_out/", nil).leadsTo(t, "../log_in/")
}

func TestTheFirstAdministratorIsMadeByTheLink(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	secret, err := s.accounts.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.guest().get("/sign_up/?setup="+secret).want(t, http.StatusOK).says(t, `value="`+secret+`"`)
	s.guest().get("/sign_up/?setup=wrong").want(t, http.StatusForbidden).says(t, "not valid any more")
	wrong := url.Values{"username": {"mallory"}, "password1": {goodPassword}, "setup": {"wrong"}}
	refused := s.guest().post("/sign_up/", wrong).want(t, http.StatusForbidden)
	refused.says(t, "This link is used up")
	refused.saysNot(t, "Nobody has an account here yet")
	refused.saysNot(t, `name="password1"`)
	right := url.Values{"username": {"ada"}, "password1": {goodPassword}, "setup": {secret}}
	s.guest().post("/sign_up/", right).leadsTo(t, "../")
	user, err := s.accounts.UserByName(t.Context(), "ada")
	if err != nil || !user.Admin {
		t.Errorf("user is %+v, %v", user, err)
	}
	s.guest().get("/sign_up/?setup="+secret).want(t, http.StatusForbidden)
}

func TestCookieIsBoundToTheHostOverTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.TLS = true })
	c := s.guest()
	c.trust()
	cookie := c.post("/sign_up/", url.Values{"username": {"ada"}, "password1": {goodPassword}}).cookie("__Host-snug")
	if cookie == nil || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" {
		t.Fatalf("cookie is %v", cookie)
	}
	c.get("/", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-snug", Value: cookie.Value}) }).want(t, http.StatusOK)
	c.get("/", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "snug", Value: cookie.Value}) }).want(t, http.StatusSeeOther)
}

func TestNextLeadsOnlyToPagesOfOurs(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"":                            "/",
		"/":                           "/",
		"/chat/lobby/":                "/chat/lobby/",
		"/chat/k%C3%BCche/?x=1":       "/chat/k%C3%BCche/?x=1",
		"chat/":                       "/",
		"//evil.example/":             "/",
		"/\\evil.example/":            "/",
		"\\\\evil.example":            "/",
		"https://evil.example/":       "/",
		"javascript:alert(1)":         "/",
		"/\t/evil.example/":           "/",
		"/\n/evil.example/":           "/",
		"/%zz":                        "/",
		"/chat/#//evil":               "/chat/",
		"/chat/?next=//evil.example/": "/chat/?next=//evil.example/",
	} {
		if got := nextPath(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestTextIsText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	const script = `<img src=x onerror=alert(1)></script><script>alert(2)</script>`
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.chat.Post(t.Context(), ada.person(), "lobby", chat.ID{}, script); err != nil {
		t.Fatal(err)
	}
	escaped := url.QueryEscape(script)
	for _, path := range []string{
		"/chat/lobby/", "/chat/" + url.PathEscape(script) + "/", "/?q=" + escaped, "/?after=" + escaped, "/pm/" + url.PathEscape(script) + "/",
	} {
		a := ada.get(path)
		a.saysNot(t, "<img src=x")
		a.saysNot(t, "<script>alert")
	}
	a := ada.post("/chat/", url.Values{"name": {script}}).want(t, http.StatusUnprocessableEntity)
	a.says(t, "&lt;img src=x")
	a.saysNot(t, "<img src=x")
	for _, path := range []string{"/log_in/?next=" + escaped, "/sign_up/?next=" + escaped} {
		s.guest().get(path).saysNot(t, "<img src=x")
	}
	login := s.guest().post("/log_in/", url.Values{"username": {script}, "password": {"x"}}).want(t, http.StatusForbidden)
	login.says(t, "&lt;img src=x")
	login.saysNot(t, "<img src=x")
}

func TestSignUpPageSaysWhatToDoWhereNobodyMaySignUp(t *testing.T) {
	t.Parallel()
	for admission, says := range map[account.Admission]string{account.AdmitInvited: "invitation link", account.AdmitNobody: "Accounts are made by"} {
		s := newSite(t, func(o *siteOptions) { o.Accounts.Admission = admission })
		page := s.guest().get("/sign_up/?next=/chat/").want(t, http.StatusForbidden)
		page.says(t, says)
		page.says(t, `href="../log_in/?next=%2fchat%2f"`)
		if strings.Contains(page.body, `name="password1"`) {
			t.Errorf("with %s, there is a form", admission)
		}
		s.guest().post("/sign_up/", url.Values{"username": {"ada"}, "password1": {goodPassword}}).want(t, http.StatusForbidden).says(t, says)
		token, err := s.accounts.Setup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.guest().get("/sign_up/?setup="+token).want(t, http.StatusOK).says(t, `name="password1"`)
	}
}
