package main

import (
	"os"
	"path/filepath"
	"testing"

	"snug/snugtest"
)

// TestPageSaysThatItsRoomIsDeleted deletes a room that is open in a browser, by a command beside the server.
func TestPageSaysThatItsRoomIsDeleted(t *testing.T) {
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
