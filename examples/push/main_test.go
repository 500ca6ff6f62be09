package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"snug/layer"
)

func start(t *testing.T) (context.Context, string) {
	t.Helper()
	return serve(t, newApp())
}

func serve(t *testing.T, a *app) (context.Context, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	server := httptest.NewServer(a.handler())
	t.Cleanup(func() {
		cancel()
		server.Close()
	})
	return ctx, server.URL
}

func watch(ctx context.Context, t *testing.T, address string) *websocket.Conn {
	t.Helper()
	client, _, err := websocket.Dial(ctx, address+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.CloseNow() })
	return client
}

func change(ctx context.Context, t *testing.T, method, address, text string, header http.Header) int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, address+"/value", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func expect(ctx context.Context, t *testing.T, client *websocket.Conn, text string) {
	t.Helper()
	want := fmt.Sprintf(`{"type":"value","value":%q}`, text)
	if _, got, err := client.Read(ctx); err != nil || string(got) != want {
		t.Fatalf("got %s, %v, want %s", got, err, want)
	}
}

func TestChangesReachEveryWatcher(t *testing.T) {
	ctx, address := start(t)
	early := watch(ctx, t, address)
	change(ctx, t, http.MethodPut, address, "21 degrees", nil)
	late := watch(ctx, t, address)
	for _, client := range []*websocket.Conn{early, late} {
		expect(ctx, t, client, "21 degrees")
	}

	for i := range 50 {
		if status := change(ctx, t, http.MethodPost, address, fmt.Sprint(i), nil); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	for i := range 50 {
		for _, client := range []*websocket.Conn{early, late} {
			expect(ctx, t, client, fmt.Sprint(i))
		}
	}
}

func TestRefusedChangesAreNotSeen(t *testing.T) {
	ctx, address := start(t)
	client := watch(ctx, t, address)
	if status := change(ctx, t, http.MethodPut, address, strings.Repeat("x", 5000), nil); status != http.StatusBadRequest {
		t.Errorf("too long: status %d, want 400", status)
	}
	if status := change(ctx, t, http.MethodPut, address, "evil", http.Header{"Origin": {"http://evil.example"}}); status != http.StatusForbidden {
		t.Errorf("from another site: status %d, want 403", status)
	}
	change(ctx, t, http.MethodPut, address, "good", nil)
	expect(ctx, t, client, "good")
}

// noGroups is a layer whose groups take nobody.
type noGroups struct{ *layer.Memory }

func (noGroups) GroupAdd(context.Context, string, string) error { return errors.New("no groups today") }

func TestSocketThatCannotJoinLeavesNothingBehind(t *testing.T) {
	a := newApp()
	memory := layer.NewMemory(layer.Options{})
	a.layer = noGroups{memory}
	ctx, address := serve(t, a)
	if _, _, err := watch(ctx, t, address).Read(ctx); websocket.CloseStatus(err) != websocket.StatusInternalError {
		t.Errorf("the socket ended with %v, want code 1011", err)
	}
	if err := a.hub.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if left := memory.Stats(); left.Channels > 0 {
		t.Errorf("left behind: %+v", left)
	}
}

func TestMembershipsLastAsLongAsTheirSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp()
		memory := a.layer.(*layer.Memory)
		if err := a.layer.GroupAdd(t.Context(), "watchers", "somebody"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * 24 * time.Hour) // in which nothing renews it
		if members := memory.Stats().Members; members != 1 {
			t.Errorf("%d members are left, want 1", members)
		}
		if err := a.hub.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := memory.Close(); err != nil {
			t.Error(err)
		}
	})
}
