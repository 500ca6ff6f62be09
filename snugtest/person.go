package snugtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
)

// SignUp makes an account through the form. The client carries its session.
func SignUp(t testing.TB, base, name, password string) *http.Client {
	t.Helper()
	return fillIn(t, nil, base+"/sign_up/", url.Values{"username": {name}, "password1": {password}})
}

// LogIn logs somebody in through the form. The client carries the session.
func LogIn(t testing.TB, base, name, password string) *http.Client {
	t.Helper()
	return fillIn(t, nil, base+"/log_in/", url.Values{"username": {name}, "password": {password}})
}

// fillIn posts a form as a new visitor, who must be led on to a page. A transport of nil is the default one.
func fillIn(t testing.TB, transport http.RoundTripper, address string, form url.Values) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: transport, Timeout: startWait}
	t.Cleanup(client.CloseIdleConnections)
	response, err := client.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Request.Method != http.MethodGet {
		t.Fatalf("%s for %s: %s\n%s", address, form.Get("username"), response.Status, page)
	}
	return client
}
