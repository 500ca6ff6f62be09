package socket

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestForeignOriginIsRefused(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	host := strings.TrimSuffix(strings.TrimPrefix(k.url, "ws://"), "/")

	for _, c := range []struct {
		origin string
		opens  bool
	}{
		{"", true},
		{"http://" + host, true},
		{"https://" + host, true}, // behind a proxy that speaks TLS
		{"http://evil.example", false},
		{"http://" + host + ".evil.example", false},
		{"null", false},
		{"http://[", false},
	} {
		header := http.Header{}
		if c.origin != "" {
			header.Set("Origin", c.origin)
		}
		client, answer, err := k.dialer.Dial(k.url, header)
		switch {
		case c.opens && err != nil:
			t.Errorf("origin %q was refused: %v", c.origin, err)
		case c.opens:
			_ = client.Close()
		case answer == nil || answer.StatusCode != http.StatusForbidden:
			t.Errorf("origin %q: answer %v, want 403", c.origin, answer)
		}
	}
	if got := k.hub.Stats().Refused; got != 4 {
		t.Errorf("%d refusals were counted, want 4", got)
	}
}

func TestCheckOriginDecides(t *testing.T) {
	k := onTCP(t, Options{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "http://friend.example" }}, nil)
	client, _, err := k.dialer.Dial(k.url, http.Header{"Origin": {"http://friend.example"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	if status, _ := k.refused(t, "", nil); status != http.StatusForbidden {
		t.Errorf("status %d, want 403", status)
	}
}

func TestOrdinaryRequestIsRefused(t *testing.T) {
	hub := NewHub(Options{})
	defer func() { _ = hub.Shutdown(context.Background()) }()

	w := httptest.NewRecorder()
	hub.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), Info{}, nil)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "WebSocket") {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
}

func TestFailedUpgradeFreesItsPlace(t *testing.T) {
	k := onTCP(t, Options{PerUser: 1}, nil)
	for range 3 {
		r, err := http.NewRequest(http.MethodGet, "http"+strings.TrimPrefix(k.url, "ws")+"?user=ada", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-WebSocket-Version", "13") // and no key
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d, want 400", answer.StatusCode)
		}
	}
	k.dial(t, "user=ada")
}

func TestResponseWriterThatCannotHijack(t *testing.T) {
	hub := NewHub(Options{})
	defer func() { _ = hub.Shutdown(context.Background()) }()

	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	w := httptest.NewRecorder()
	hub.Serve(w, r, Info{}, nil)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
}

func TestSocketsPerUser(t *testing.T) {
	k := onTCP(t, Options{PerUser: 2}, nil)
	first, rec := k.dial(t, "user=ada")
	k.dial(t, "user=ada")

	status, text := k.refused(t, "user=ada", nil)
	if status != http.StatusTooManyRequests || !strings.Contains(text, "2 connections") {
		t.Errorf("answer %d %q", status, text)
	}
	k.dial(t, "user=grace")
	for range 5 {
		k.dial(t, "user=") // guests have no name to count
	}

	_ = first.WriteControl(8, closeFrame(1000, "")[2:], farFuture())
	expectClose(t, first, 1000)
	rec.waitClosed(t)
	waitFor(t, func() bool { return k.hub.Count() == 7 })
	k.dial(t, "user=ada")
}

func TestSocketsPerAddress(t *testing.T) {
	k := onTCP(t, Options{PerAddress: 1}, nil)
	k.dial(t, "user=ada&address=192.0.2.1")
	status, text := k.refused(t, "user=grace&address=192.0.2.1", nil)
	if status != http.StatusTooManyRequests || !strings.Contains(text, "your address") {
		t.Errorf("answer %d %q", status, text)
	}
	k.dial(t, "user=grace&address=192.0.2.2")
}

func TestHeaderOfTheResponseIsSentWithTheUpgrade(t *testing.T) {
	hub := NewHub(Options{})
	defer func() { _ = hub.Shutdown(context.Background()) }()
	type wordKey struct{}
	opened := make(chan *Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		r = r.WithContext(context.WithValue(r.Context(), wordKey{}, "word"))
		hub.Serve(unwrapper{w}, r, Info{User: "ada"}, func(c *Conn) Consumer {
			opened <- c
			return &recorder{conn: c, closed: make(chan struct{})}
		})
	}))
	defer server.Close()

	k := &kit{}
	client, answer, err := k.dialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got := answer.Header.Get("Set-Cookie"); got != "a=b" {
		t.Errorf("Set-Cookie %q", got)
	}

	c := <-opened
	if c.Info().User != "ada" || c.Context().Value(wordKey{}) != "word" {
		t.Error("the socket does not know what its request knew")
	}
	if c.Context().Err() != nil {
		t.Error("the socket's context ended with its request")
	}
	c.Close(1000, "")
	<-c.Context().Done()
	expectClose(t, client, 1000)
}

// unwrapper is a ResponseWriter of a middleware, which hides what it wraps but for Unwrap.
type unwrapper struct{ w http.ResponseWriter }

func (u unwrapper) Header() http.Header         { return u.w.Header() }
func (u unwrapper) Write(b []byte) (int, error) { return u.w.Write(b) }
func (u unwrapper) WriteHeader(status int)      { u.w.WriteHeader(status) }
func (u unwrapper) Unwrap() http.ResponseWriter { return u.w }

func TestSocketsInAll(t *testing.T) {
	k := onTCP(t, Options{Total: 2}, nil)
	first, rec := k.dial(t, "user=ada")
	k.dial(t, "user=")

	status, text := k.refused(t, "user=grace", nil)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "try again") {
		t.Errorf("answer %d %q", status, text)
	}
	_ = first.WriteControl(8, closeFrame(1000, "")[2:], farFuture())
	expectClose(t, first, 1000)
	rec.waitClosed(t)
	waitFor(t, func() bool { return k.hub.Count() == 1 })
	k.dial(t, "user=grace")
}
