package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"snug/snugtest"
)

// byToken is a client that comes with an access token.
func byToken(secret string) *http.Client { return &http.Client{Transport: bearerTransport(secret)} }

type bearerTransport string

func (secret bearerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(secret))
	return http.DefaultTransport.RoundTrip(r)
}

// wantClosed waits for the end of a socket, which must come soon.
func wantClosed(t *testing.T, s *snugtest.Socket, begun time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := s.Receive(ctx); err != nil {
			if code := websocket.CloseStatus(err); code != 4401 {
				t.Errorf("the socket ended with %v, want code 4401", err)
			}
			break
		}
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the socket was closed after %v, want a second at most", took)
	}
}

// TestTokensAndSessionsByCommand does with and without a server what an operator does at the machine.
func TestTokensAndSessionsByCommand(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	ada := snugtest.SignUp(t, s.URL, "ada", "tall blue kettle")
	run := func(args ...string) string {
		t.Helper()
		result := snugtest.Run(t, append(args, "--data", s.Dir)...)
		if result.Code != 0 {
			t.Fatalf("snug %s: code %d\n%s", strings.Join(args, " "), result.Code, result.Err)
		}
		return result.Out
	}
	refused := func(says string, args ...string) {
		t.Helper()
		result := snugtest.Run(t, append(args, "--data", s.Dir)...)
		if result.Code == 0 || !strings.Contains(result.Err, says) {
			t.Errorf("snug %s: code %d, want it to say %q:\n%s", strings.Join(args, " "), result.Code, says, result.Err)
		}
	}
	for _, running := range []bool{true, false} {
		secret := strings.TrimSpace(run("token", "add", "ada", "doorbell", "--scope", "read"))
		if !strings.HasPrefix(secret, "snug_pat_") {
			t.Fatalf("snug token add printed %q", secret)
		}
		var tokens []tokenInfo
		if err := json.Unmarshal([]byte(run("token", "list", "ada", "--json")), &tokens); err != nil || len(tokens) != 1 || tokens[0].Name != "doorbell" {
			t.Fatalf("tokens = %+v, %v", tokens, err)
		}
		if list := run("token", "list", "ada"); !strings.Contains(list, "doorbell") || strings.Contains(list, secret) {
			t.Errorf("snug token list printed\n%s", list)
		}
		refused("there is nobody called", "token", "add", "nobody", "doorbell")
		refused("Only the token of an administrator", "token", "add", "ada", "x", "--scope", "admin")
		refused(`There is no scope "fly"`, "token", "add", "ada", "x", "--scope", "fly")
		refused("has no access token", "token", "revoke", "ada", "doorbell")
		refused("has no session", "user", "sessions", "ada", "--end", tokens[0].ID.String())
		var socket *snugtest.Socket
		if running {
			socket = snugtest.Dial(t, byToken(secret), s.URL+"/ws/")
		}
		run("token", "revoke", "ada", tokens[0].ID.String())
		begun := time.Now()
		if running {
			wantClosed(t, socket, begun)
			socket = snugtest.Dial(t, ada, s.URL+"/ws/")
		}
		var sessions []sessionInfo
		if err := json.Unmarshal([]byte(run("user", "sessions", "ada", "--json")), &sessions); err != nil || len(sessions) != 1 || sessions[0].Device != "Go-http-client" {
			t.Fatalf("sessions = %+v, %v", sessions, err)
		}
		if list := run("user", "sessions", "ada"); !strings.Contains(list, sessions[0].ID.String()) {
			t.Errorf("snug user sessions printed\n%s", list)
		}
		run("user", "sessions", "ada", "--end", sessions[0].ID.String())
		begun = time.Now()
		if running {
			wantClosed(t, socket, begun)
			snugtest.LogIn(t, s.URL, "ada", "tall blue kettle")
			s.Stop()
		}
	}
	if out := run("user", "sessions", "ada", "--end", "all"); !strings.Contains(out, ": 0.") {
		t.Errorf("all that were left: %s", out)
	}
}
