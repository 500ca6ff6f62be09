package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"snug/web/socket"
)

func TestEveryFrameComesBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	server := httptest.NewServer(handler(socket.NewHub(socket.Options{})))
	defer server.Close()

	client, _, err := websocket.Dial(ctx, server.URL+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseNow()
	for i := range 100 {
		if err := client.Write(ctx, websocket.MessageText, fmt.Append(nil, "hello ", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		_, got, err := client.Read(ctx)
		if err != nil || string(got) != fmt.Sprint("hello ", i) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if err := client.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestFramesOfOneSocketDoNotReachAnother(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	server := httptest.NewServer(handler(socket.NewHub(socket.Options{})))
	defer server.Close()

	for _, text := range []string{"one", "two"} {
		client, _, err := websocket.Dial(ctx, server.URL+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseNow()
		if err := client.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := client.Read(ctx); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
}
