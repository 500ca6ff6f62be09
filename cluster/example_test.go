package cluster_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"snug/cluster"
)

// greeter says hello to each peer, and prints what peers say.
type greeter struct {
	send func(peer string, frame []byte) error
}

func (g greeter) Up(peer string)                     { _ = g.send(peer, []byte("hello")) } // gone again: then Down comes
func (g greeter) Received(peer string, frame []byte) { fmt.Println(peer, "says", string(frame)) }
func (g greeter) Down(peer string)                   { fmt.Println(peer, "is gone") }

func ExampleOpen() {
	ctx := context.Background()
	dir := "/var/lib/snug"
	if err := cluster.CreateSecret(dir); err != nil { // or cluster.Join with a token of another node
		log.Fatal(err)
	}
	mesh, err := cluster.Open(ctx, cluster.Options{Dir: dir, Name: "attic"})
	if err != nil {
		log.Fatal(err)
	}
	defer mesh.Close()

	port := mesh.Port("greetings")
	leave := port.Join(greeter{send: port.Send})
	defer leave()

	token, err := mesh.Invite(time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("on the other machine: snug join", token)
}
