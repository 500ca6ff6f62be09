package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
)

// What is said while a deaf socket is open: so many messages with so many characters, which are more than the kernel takes. They are few and long, so that
// little of the ten seconds that one write may take is over when the last is posted, also on a slow machine.
const (
	deafMessages = 75
	deafMessage  = 65536
)

// deafBound is how long a socket may outlive what it was opened with. It is far more than is needed, since other tests run beside this one; a socket that waits
// for a deaf client does so for ten seconds.
const deafBound = 3 * time.Second

// deafSocket opens a WebSocket and reads nothing but the beginning of the answer to its upgrade.
func deafSocket(t *testing.T, base, path, header string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil { // by itself it may grow to 32 MB
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n\r\n", path, header)
	const want = "HTTP/1.1 101 "
	answer := make([]byte, len(want))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != want {
		t.Fatalf("%s: answer begins with %q, %v, want %q", path, answer, err, want)
	}
	return conn
}

// ping is a frame of a client.
func ping() []byte { return []byte("\x89\x80\x00\x00\x00\x00") }

// untilReset sends pings until the other side says that there is nobody any more, and tells how long that took.
func untilReset(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	begun := time.Now()
	tick := time.NewTicker(50 * time.Millisecond) // slower than is too fast
	defer tick.Stop()
	for time.Since(begun) < clusterWait {
		if _, err := conn.Write(ping()); err != nil {
			return time.Since(begun)
		}
		<-tick.C
	}
	t.Fatal("the connection stays open")
	return 0
}

// TestWhatEndsOnOneNodeEndsOnAll ends a session and revokes an access token on one node, whose sockets are on another and never read: their buffers
// are full.
func TestWhatEndsOnOneNodeEndsOnAll(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	dir := filepath.Join(t.TempDir(), "data")
	if joined := snugtest.Run(t, append(strings.Fields(inviteTo(t, a))[1:], "--data", dir)...); joined.Code != 0 {
		t.Fatal(joined.Err)
	}
	options := nodeOptions("cellar", dir)
	options.Args = append(options.Args, "--set", "limits.messages_per_second=0", "--set", fmt.Sprint("limits.message_characters=", deafMessage),
		"--set", "limits.frame_bytes=1048576", "--set", "limits.queue_bytes=1073741824", "--set", "limits.queue_frames=1000000")
	b := snugtest.Start(t, options)

	ada := snugtest.SignUp(t, a.URL, "ada", password)
	phone := snugtest.LogIn(t, a.URL, "ada", password)
	made := snugtest.Run(t, "token", "add", "ada", "doorbell", "--json", "--data", a.Dir)
	var token tokenAddAnswer
	if err := json.Unmarshal([]byte(made.Out), &token); err != nil {
		t.Fatalf("%v\n%s", err, made.Err)
	}
	eventually(t, "the second node knows them", clusterWait, func() bool {
		return isLoggedIn(t, ada, b) && isLoggedIn(t, phone, b) && knowsToken(t, b, token.Secret)
	})
	here := cookieOf(t, phone, a.URL)
	talker, _ := enter(t, ada, b, "lobby")
	fill := func(conn net.Conn) {
		t.Helper()
		for range deafMessages {
			post(t, talker, "lobby", strings.Repeat("x", deafMessage))
		}
		for range 3 { // a connection that is gone takes one more write before it is known
			if _, err := conn.Write(ping()); err != nil {
				t.Fatalf("the socket is closed before its session is: %v", err)
			}
			isLoggedIn(t, phone, b)
		}
	}

	bySession := deafSocket(t, b.URL, "/ws/chat/lobby/", "Cookie: "+here)
	fill(bySession)
	sendForm(t, ada, a.URL+"/settings/", url.Values{"end": {"others"}})
	if took := untilReset(t, bySession); took > deafBound {
		t.Errorf("the socket of the session was closed after %v, want %v at most", took, deafBound)
	}

	byTokenAlone := deafSocket(t, b.URL, "/ws/chat/lobby/", "Authorization: Bearer "+token.Secret)
	fill(byTokenAlone)
	sendForm(t, ada, a.URL+"/settings/tokens/", url.Values{"revoke": {token.ID.String()}})
	if took := untilReset(t, byTokenAlone); took > deafBound {
		t.Errorf("the socket of the token was closed after %v, want %v at most", took, deafBound)
	}
	post(t, talker, "lobby", "still here")
}

// sendForm sends a form as a page does.
func sendForm(t *testing.T, client *http.Client, address string, form url.Values) {
	t.Helper()
	response, err := client.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered with %s", address, response.Status)
	}
}

// knowsToken asks who a token is.
func knowsToken(t *testing.T, s *snugtest.Server, secret string) bool {
	t.Helper()
	response, err := byToken(secret).Get(s.URL + "/api/v1/me")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// cookieOf is the session cookie of a client, as it is sent.
func cookieOf(t *testing.T, client *http.Client, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range client.Jar.Cookies(u) {
		if cookie.Name == "snug" {
			return cookie.String()
		}
	}
	t.Fatal("no session cookie")
	return ""
}
