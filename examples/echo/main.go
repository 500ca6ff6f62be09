// Echo sends every frame back to where it came from: the smallest consumer of web/socket.
//
// Start it:
//
//	go run ./examples/echo
//
// Open http://localhost:8001/ in a browser, and type in its console:
//
//	ws = new WebSocket("ws://localhost:8001/ws")
//	ws.onmessage = (event) => console.log(event.data)
//	ws.send("hello")
package main

import (
	"fmt"
	"log"
	"net/http"

	"snug/web/socket"
)

// echo is the consumer of every socket. It has no state, so all sockets share one.
type echo struct{}

// Receive is called for each text frame, in order.
func (echo) Receive(c *socket.Conn, frame []byte) {
	// An error says that the socket has closed meanwhile, and then Closed is called.
	_ = c.Send(frame)
}

// Closed is called once, after the last Receive.
func (echo) Closed(*socket.Conn) {}

func handler(hub *socket.Hub) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		hub.Serve(w, r, socket.Info{Address: r.RemoteAddr}, func(*socket.Conn) socket.Consumer { return echo{} })
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Open the console of this page and see examples/echo/main.go for what to type.")
	})
	return mux
}

func main() {
	log.Fatal(http.ListenAndServe("localhost:8001", handler(socket.NewHub(socket.Options{}))))
}
