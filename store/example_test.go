package store_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"snug/store"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "snug")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	st, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()

	ada, _ := st.CreateUser(ctx, store.User{Name: "Ada", Key: "ada"})
	room, _, _ := st.OpenRoom(ctx, store.Room{Name: "Lobby", Key: "lobby", Creator: ada.ID})
	seen := st.Seq()
	if _, _, err := st.PostMessage(ctx, store.Message{Room: room.ID, Author: ada.ID, Text: "Hello"}); err != nil {
		log.Fatal(err)
	}
	news, _, _ := st.Since(ctx, room.ID, seen, 10)
	fmt.Println(news[0].Text)
	// Output: Hello
}
