package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
)

// cutWait is how long a connection may live that is to be cut after a second. It is long because the tests share two cores.
const cutWait = 20 * time.Second

// dribble sends a text and then one byte after the other until the server has ended the connection. It returns what the server said.
func dribble(t *testing.T, conn net.Conn, text string) string {
	t.Helper()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(cutWait)); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		all, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			all = []byte("it is never cut")
		}
		said <- string(all)
	}()
	_, _ = io.WriteString(conn, text) // the server may be quicker
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case answer := <-said:
			return answer
		case <-tick.C:
			if text != "" {
				_, _ = io.WriteString(conn, "x")
			}
		}
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"off", "internal"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := snugtest.Start(t, snugtest.Options{Env: []string{
				"SNUG_TLS_MODE=" + mode, "SNUG_LIMITS_HEADER_TIMEOUT=1s", "SNUG_LIMITS_REQUEST_TIMEOUT=2s", "SNUG_LIMITS_IDLE_TIMEOUT=1s", "SNUG_LIMITS_HEADER_BYTES=4096",
			}})
			at, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			raw := func() net.Conn {
				conn, err := net.Dial("tcp", at.Host)
				if err != nil {
					t.Fatal(err)
				}
				return conn
			}
			dial := func() net.Conn {
				if mode == "off" {
					return raw()
				}
				return tls.Client(raw(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
			}
			head := "POST /log_in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
			for name, one := range map[string]struct {
				conn   net.Conn
				text   string
				answer string // how what the server says may begin
			}{
				"says nothing":           {dial(), "", ""},
				"says nothing at all":    {raw(), "", ""},
				"slow head":              {dial(), "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "HTTP/1.1 408"},
				"slow body":              {dial(), head + "Content-Length: 60000\r\n\r\nusername=", "HTTP/1.1 400"},
				"slow body of no length": {dial(), head + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "HTTP/1.1 400"},
				"idle afterwards":        {dial(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200"},
				"large head":             {dial(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 16<<10) + "\r\n\r\n", "HTTP/1.1 431"},
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					got := dribble(t, one.conn, one.text)
					if got != "" && (one.answer == "" || !strings.HasPrefix(got, one.answer)) {
						t.Errorf("the server says %.200q, want %s and the end", got, one.answer)
					}
				})
			}
		})
	}
}

// TestEndlessBodiesAreNotRead sends as fast as it can, and counts what the server takes.
func TestEndlessBodiesAreNotRead(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(cutWait)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /log_in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\nusername=", 1<<40)
	answered := make(chan *http.Response, 1)
	go func() {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			_ = response.Body.Close()
		}
		answered <- response
	}()
	block, sent := []byte(strings.Repeat("x", 64<<10)), 0
	const most = 16 << 20 // of which the system holds the greater part
	for sent < most {
		n, err := conn.Write(block)
		sent += n
		if err != nil {
			break
		}
	}
	if sent >= most {
		t.Errorf("the server took %d bytes of a form", sent)
	}
	if response := <-answered; response != nil && response.StatusCode != http.StatusBadRequest {
		t.Errorf("it is answered with %s", response.Status)
	}
}

// TestTLSPortTellsWhoComesInTheClear is for people who type http:// before the right port.
func TestTLSPortTellsWhoComesInTheClear(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_TLS_MODE=internal"}})
	response, body := asked(t, &http.Client{}, strings.Replace(s.URL, "https", "http", 1))
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "HTTPS") {
		t.Errorf("%s: %s", response.Status, body)
	}
	s.Stop()
	if strings.Contains(s.Stderr(), "TLS handshake") {
		t.Errorf("strangers write into the log:\n%s", s.Stderr())
	}
}
