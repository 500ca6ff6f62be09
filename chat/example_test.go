package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"snug/chat"
	"snug/layer"
	"snug/presence"
	"snug/store"
)

// A program posts into a room, and hears of it as everybody in the room does.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "chat")
	defer os.RemoveAll(dir)
	st, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer st.Close()
	ly, people := layer.NewMemory(layer.Options{}), presence.New(presence.Options{})
	defer ly.Close()
	defer people.Close()
	c := chat.New(st, ly, people, chat.Options{})
	defer c.Close()

	ada, _ := st.CreateUser(ctx, store.User{Name: "ada", Key: "ada"})
	who := chat.Person{ID: ada.ID, Name: ada.Name}
	room, _ := c.OpenRoom(ctx, who, "Lobby")
	_ = ly.GroupAdd(ctx, chat.RoomGroup(room.ID), "listener")
	if _, err := c.Post(ctx, who, "lobby", chat.ID{}, "hello, *world*"); err != nil {
		fmt.Println(err)
	}
	m, _ := ly.Receive(ctx, "listener")
	var event chat.Event
	_ = m.Decode(&event)
	fmt.Printf("%s in %s: %s says %s\n", event.Type, event.Room, event.User, event.Message)
	// Output: chat_message in Lobby: ada says hello, *world*
}

func ExampleParse() {
	known := func(name string) (string, bool) { return name, name == "grace" }
	body, _ := json.Marshal(chat.Parse("**read** https://example.org/, @grace", known))
	fmt.Println(string(body))
	// Output: [{"strong":["read"]}," ",{"link":"https://example.org/"},", ",{"mention":"grace"}]
}
