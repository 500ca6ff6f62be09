package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	server := httptest.NewServer(a)
	t.Cleanup(func() {
		cancel()
		server.Close()
	})
	return ctx, server.URL + "/ws?name="
}

func join(ctx context.Context, t *testing.T, address, name string) *websocket.Conn {
	t.Helper()
	client, _, err := websocket.Dial(ctx, address+url.QueryEscape(name), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.CloseNow() })
	return client
}

func expect(ctx context.Context, t *testing.T, client *websocket.Conn, want string) {
	t.Helper()
	if _, got, err := client.Read(ctx); err != nil || string(got) != want {
		t.Fatalf("got %s, %v, want %s", got, err, want)
	}
}

func say(ctx context.Context, t *testing.T, client *websocket.Conn, text string) {
	t.Helper()
	if err := client.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheSameLetterHears(t *testing.T) {
	ctx, address := start(t)
	ada := join(ctx, t, address, "Ada")
	expect(ctx, t, ada, `{"names":["Ada"],"type":"here"}`)
	grace := join(ctx, t, address, "Grace")
	expect(ctx, t, grace, `{"names":["Grace"],"type":"here"}`)
	alan := join(ctx, t, address, "alan")
	for _, client := range []*websocket.Conn{ada, alan} {
		if _, _, err := client.Read(ctx); err != nil { // who is here, in any order
			t.Fatal(err)
		}
	}

	say(ctx, t, grace, "only for G")
	say(ctx, t, ada, "only for A")
	expect(ctx, t, grace, `{"name":"Grace","text":"only for G","type":"message"}`)
	for _, client := range []*websocket.Conn{ada, alan} {
		expect(ctx, t, client, `{"name":"Ada","text":"only for A","type":"message"}`)
	}
}

func TestLettersOfAnyScript(t *testing.T) {
	ctx, address := start(t)
	first := join(ctx, t, address, "Ольга")
	expect(ctx, t, first, `{"names":["Ольга"],"type":"here"}`)
	second := join(ctx, t, address, "олег")
	for _, client := range []*websocket.Conn{first, second} {
		if _, _, err := client.Read(ctx); err != nil {
			t.Fatal(err)
		}
	}
	say(ctx, t, second, "привет")
	expect(ctx, t, first, `{"name":"олег","text":"привет","type":"message"}`)
}

func TestNameWithoutALetterIsRefused(t *testing.T) {
	ctx, address := start(t)
	for _, name := range []string{"", "7of9", " Ada"} {
		_, answer, err := websocket.Dial(ctx, address+url.QueryEscape(name), nil)
		if err == nil || answer == nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("name %q: answer %v, %v, want 400", name, answer, err)
		}
	}
}

// noGroups is a layer whose groups take nobody.
type noGroups struct{ *layer.Memory }

func (noGroups) GroupAdd(context.Context, string, string) error { return errors.New("no groups today") }

func TestSocketThatCannotJoinLeavesNothingBehind(t *testing.T) {
	a := newApp()
	memory := layer.NewMemory(layer.Options{})
	a.layer = noGroups{memory}
	ctx, address := serve(t, a)
	if _, _, err := join(ctx, t, address, "Ada").Read(ctx); websocket.CloseStatus(err) != websocket.StatusInternalError {
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
		if err := a.layer.GroupAdd(t.Context(), "letter-61", "somebody"); err != nil {
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
		a.tracker.Close()
	})
}
