package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"

	"snug/layer"
	"snug/presence"
	"snug/web/socket"
)

func start(t *testing.T) (context.Context, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	server := httptest.NewServer(&app{socket.NewHub(socket.Options{}), layer.NewMemory(layer.Options{}), presence.New(presence.Options{})})
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
