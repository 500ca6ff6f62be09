package socket

import (
	"testing"

	"github.com/gorilla/websocket"
)

func TestFloodOfControlFramesIsCutOff(t *testing.T) {
	for name, kind := range map[string]int{"pings": websocket.PingMessage, "pongs": websocket.PongMessage} {
		t.Run(name, func(t *testing.T) {
			k := onTCP(t, Options{MaxControls: 10}, nil)
			client, rec := k.dial(t, "user=ada")
			drain(client)
			for range 10 {
				if err := client.WriteControl(kind, nil, farFuture()); err != nil {
					t.Fatal(err)
				}
			}
			if err := client.WriteMessage(websocket.TextMessage, []byte("still here")); err != nil {
				t.Fatal(err)
			}
			if got := <-rec.frames; got != "still here" {
				t.Fatalf("received %q", got)
			}
			_ = client.WriteControl(kind, nil, farFuture())
			rec.waitClosed(t)
		})
	}
}
