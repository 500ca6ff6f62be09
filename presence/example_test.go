package presence_test

import (
	"fmt"

	"snug/presence"
)

func Example() {
	tracker := presence.New(presence.Options{})
	defer tracker.Close()

	laptop := tracker.Enter("lobby", "ada")
	phone := tracker.Enter("lobby", "ada") // the same person
	fmt.Println(tracker.Count("lobby"))

	laptop.Leave()   // the connection broke, but another is there
	phone.LeaveNow() // said goodbye
	fmt.Println(tracker.Count("lobby"))
	// Output:
	// 1
	// 0
}

func ExampleTracker_Watch() {
	tracker := presence.New(presence.Options{})
	online := make(chan presence.Event)
	stop := tracker.Watch(func(e presence.Event) { online <- e })

	ada := tracker.Enter("", "ada")
	e := <-online
	fmt.Println(e.User, "online:", e.Present)
	ada.LeaveNow()
	e = <-online
	fmt.Println(e.User, "online:", e.Present)

	stop()
	tracker.Close()
	// Output:
	// ada online: true
	// ada online: false
}

func ExampleTracker_Drop() {
	tracker := presence.New(presence.Options{})
	defer tracker.Close()

	tracker.Enter("", "ada")
	tracker.Enter("lobby", "ada")
	tracker.Drop("ada") // logged out, though the connections may still be there for a moment

	fmt.Println(tracker.Users(""), tracker.Users("lobby"))
	// Output:
	// [] []
}
