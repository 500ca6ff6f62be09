package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"snug/snugtest"
)

// TestPageSaysThatItsRoomIsDeleted deletes a room that is open in a browser, by a command beside the server.
func TestPageSaysThatItsRoomIsDeleted(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	inside, list := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)
	signUp(inside, "ada")
	signUp(list, "grace")
	inside.Open("/chat/lobby/")
	inside.Wait(connected)
	list.Open("/chat/")
	list.Wait(`$('[data-room="lobby"]')`)
	if done := snugtest.Run(t, "room", "delete", "lobby", "--data", s.Dir); done.Code != 0 {
		t.Fatal(done.Err)
	}
	inside.Wait(`text(".conversation__problem").includes("It was deleted")`)
	inside.Wait(`!$("#composer")`)
	list.Wait(`!$('[data-room="lobby"]')`)
	if dir := os.Getenv("SNUG_PICTURES"); dir != "" {
		inside.Size(390, 844)
		inside.Picture(filepath.Join(dir, "room_deleted.png"))
	}
	list.Type("#name", "lobby")
	list.Enter("#name")
	list.Wait(`$("#composer")`)
}

// TestNewNameIsOnEveryScreen renames somebody while others look at them.
func TestNewNameIsOnEveryScreen(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	grace, list, ada := snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL), snugtest.OpenBrowser(t, s.URL)
	signUp(ada, "ada")
	signUp(grace, "grace")
	signUp(list, "hedy")
	ada.Open("/chat/lobby/")
	ada.Wait(connected)
	ada.Type("#composer", "hello")
	ada.Enter("#composer")
	grace.Open("/chat/lobby/")
	grace.Wait(`text(".timeline").includes("ada") && text(".timeline").includes("hello")`)
	list.Open("/")
	list.Wait(`$('[data-person="ada"][data-online=true]')`)
	ada.Open("/settings/name/")
	ada.Do("empty the field", chromedp.SetValue("#username", "countess"))
	ada.Enter("#username")
	ada.Wait(`text(".notice").includes("countess")`)
	grace.Wait(`text(".timeline").includes("countess") && !text(".timeline").includes("ada")`)
	list.Wait(`$('[data-person="countess"]') && !$('[data-person="ada"]')`)
}

// TestNotesToOneself: who writes to themselves is not told of a second reader with their own name.
func TestNotesToOneself(t *testing.T) {
	t.Parallel()
	b := inLobby(t)
	b.Open("/pm/ada/")
	b.Wait(connected + ` && text(".beginning p") === "Nothing has been said here yet. These are notes to yourself: nobody else here can read them."`)
	say(b, "milk, bread")
	b.Wait(`text(".beginning p") === "These are notes to yourself: nobody else here can read them."`)
}
