package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"snug/account/passkeytest"
	"snug/snugtest"
)

// holder is somebody at a node, under a name that stands for this machine, with a device for passkeys.
type holder struct {
	t      *testing.T
	origin string
	client *http.Client
	device *passkeytest.Device
}

func newHolder(t *testing.T, s *snugtest.Server, name string) *holder {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://" + name + s.URL[strings.LastIndexByte(s.URL, ':'):]
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, "localhost"+address[strings.LastIndexByte(address, ':'):])
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &holder{t: t, origin: origin, client: &http.Client{Jar: jar, Transport: transport}, device: &passkeytest.Device{Origin: origin}}
}

// ask sends a form and reads the answer.
func (h *holder) ask(path string, form url.Values) (status int, answer map[string]json.RawMessage) {
	h.t.Helper()
	response, err := h.client.PostForm(h.origin+path, form)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &answer); err != nil {
			h.t.Fatalf("%s: %v: %s", path, err, body)
		}
	}
	return response.StatusCode, answer
}

// begin asks for a ceremony.
func (h *holder) begin(aim string, form url.Values) (ceremony string, options []byte) {
	h.t.Helper()
	status, asked := h.ask("/passkeys/"+aim+"/begin/", form)
	if status != http.StatusOK {
		h.t.Fatalf("begin %s at %s: %d %s", aim, h.origin, status, asked["message"])
	}
	if err := json.Unmarshal(asked["ceremony"], &ceremony); err != nil {
		h.t.Fatal(err)
	}
	return ceremony, asked["options"]
}

// signUp makes an account with a passkey.
func (h *holder) signUp(name string) *passkeytest.Key {
	h.t.Helper()
	ceremony, options := h.begin("sign_up", url.Values{"username": {name}})
	key, made := h.device.Make(h.t, options)
	if status, answer := h.ask("/passkeys/sign_up/", url.Values{"ceremony": {ceremony}, "response": {string(made)}}); status != http.StatusOK {
		h.t.Fatalf("sign up: %d %s", status, answer["message"])
	}
	return key
}

// logIn uses a passkey.
func (h *holder) logIn(key *passkeytest.Key) (status int) {
	h.t.Helper()
	ceremony, options := h.begin("log_in", nil)
	status, _ = h.ask("/passkeys/log_in/", url.Values{"ceremony": {ceremony}, "response": {string(h.device.Use(h.t, key, options))}})
	return status
}

func TestChangedRelyingPartyRefusesToStart(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_AUTH_RP_ID=attic.localhost", "SNUG_SERVER_NAMES=attic.localhost"}})
	ada := newHolder(t, s, "attic.localhost")
	key := ada.signUp("ada")
	s.Stop()
	changed := snugtest.Run(t, "serve", "--listen", "localhost:0", "--data", s.Dir, "--set", "auth.rp_id=cellar.localhost")
	for _, want := range []string{`were made for "attic.localhost"`, `auth.rp_id is "cellar.localhost"`, `set auth.rp_id = "attic.localhost"`} {
		if changed.Code != 1 || !strings.Contains(changed.Err, want) {
			t.Errorf("serve ended with code %d, and does not say %s:\n%s", changed.Code, want, changed.Err)
		}
	}
	s.Restart()
	if status := ada.logIn(key); status != http.StatusOK {
		t.Errorf("log in after the refusal: %d", status)
	}
}

func TestAllNodesAskForTheSamePasskeys(t *testing.T) {
	t.Parallel()
	options := nodeOptions("attic", "")
	options.Env = []string{"SNUG_SERVER_NAMES=attic.localhost"}
	attic := snugtest.Start(t, options)
	ada := newHolder(t, attic, "attic.localhost")
	key := ada.signUp("ada")

	// A node that joins has a name of its own, and asks for the passkeys of the first one all the same.
	dir := filepath.Join(t.TempDir(), "data")
	if joined := snugtest.Run(t, append(strings.Fields(inviteTo(t, attic))[1:], "--data", dir)...); joined.Code != 0 {
		t.Fatalf("join ended with code %d:\n%s", joined.Code, joined.Err)
	}
	options = nodeOptions("cellar", dir)
	options.Env = []string{"SNUG_SERVER_NAMES=cellar.localhost,attic.localhost"}
	cellar := snugtest.Start(t, options)
	there := newHolder(t, cellar, "attic.localhost")
	eventually(t, "a passkey of the first node opens the second", clusterWait, func() bool {
		status, asked := there.ask("/passkeys/log_in/begin/", nil)
		return status == http.StatusOK && strings.Contains(string(asked["options"]), `"rpId":"attic.localhost"`)
	})
	eventually(t, "the passkey is known there", clusterWait, func() bool { return there.logIn(key) == http.StatusOK })
	if status, _ := newHolder(t, cellar, "cellar.localhost").ask("/passkeys/log_in/begin/", nil); status != http.StatusForbidden {
		t.Errorf("asked for a passkey under the second node's own name: %d", status)
	}
}
