package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"snug/snugtest"
)

// putBack replaces what a data directory holds by a copy of it, as an operator does after a mishap.
func putBack(t *testing.T, dir, backup string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range copied { // CopyFS lets others read
		if err := os.Chmod(filepath.Join(dir, file.Name()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestABackupThatIsPutBackIsNotTakenForThePresent puts the copy of a data directory back without a restart of the machine. The places in the order of events that
// came after the copy are given a second time: a client that remembers one must be shown the room anew, or it would never see what has them now.
func TestABackupThatIsPutBackIsNotTakenForThePresent(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	ada := snugtest.SignUp(t, s.URL, "ada", password)
	socket, _ := enter(t, ada, s, "lobby")
	post(t, socket, "lobby", "in the backup")
	s.Stop()
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(s.Dir)); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	socket, _ = enter(t, ada, s, "lobby")
	for _, text := range []string{"lost", "lost, too"} {
		post(t, socket, "lobby", text)
	}
	_, joined := enter(t, ada, s, "lobby") // up to here the client has seen everything
	s.Kill()
	putBack(t, s.Dir, backup)
	s.Restart()
	socket, _ = enter(t, ada, s, "lobby")
	for _, text := range []string{"new", "and new", "and new again", "and more"} {
		post(t, socket, "lobby", text)
	}
	again := snugtest.Dial(t, ada, s.URL+"/ws/").Ask(t, snugtest.Frame{"type": "join", "room": "lobby", "after": joined["seq"], "log": joined["log"]})
	if again["seq"].(float64) <= joined["seq"].(float64) {
		t.Fatalf("place %v after %v: nothing to mix up", again["seq"], joined["seq"])
	}
	if got := texts(again); again["recovered"] != false || got != "in the backup new and new and new again and more" {
		t.Errorf("recovered %v, with %q", again["recovered"], got)
	}

	// Over a start of the same files the client goes on where it was.
	s.Kill()
	s.Restart()
	socket, _ = enter(t, ada, s, "lobby")
	post(t, socket, "lobby", "after a start")
	next := snugtest.Dial(t, ada, s.URL+"/ws/").Ask(t, snugtest.Frame{"type": "join", "room": "lobby", "after": again["seq"], "log": again["log"]})
	if got := texts(next); next["recovered"] != true || got != "after a start" {
		t.Errorf("recovered %v, with %q", next["recovered"], got)
	}
}

// TestANodeFromABackupGetsWhatItLostAndGivesWhatIsNew does the same to one of two nodes, on the same start of the machine: no number of a feed is used twice, so
// each gets what only the other has.
func TestANodeFromABackupGetsWhatItLostAndGivesWhatIsNew(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	ada := snugtest.SignUp(t, a.URL, "ada", password)
	onA, _ := enter(t, ada, a, "lobby")
	post(t, onA, "lobby", "in the backup")
	b := startBeside(t, a, "barn")
	eventually(t, "the session reaches the second node", clusterWait, func() bool { return isLoggedIn(t, ada, b) })
	a.Stop()
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(a.Dir)); err != nil {
		t.Fatal(err)
	}
	a.Restart()
	onA, _ = enter(t, ada, a, "lobby")
	for _, text := range []string{"after it", "and this"} {
		post(t, onA, "lobby", text)
	}
	onB, _ := enter(t, ada, b, "lobby")
	post(t, onB, "lobby", "from the barn")
	equal := func(messages int) func() bool {
		return func() bool {
			here, there := history(t, ada, a, "lobby"), history(t, ada, b, "lobby")
			return len(here) == messages && slices.Equal(here, there)
		}
	}
	eventually(t, "both have all", clusterWait, equal(4))
	a.Kill()
	putBack(t, a.Dir, backup)
	a.Restart()
	onA, _ = enter(t, ada, a, "lobby")
	for _, text := range []string{"new", "at old places", "of its own"} {
		post(t, onA, "lobby", text)
	}
	eventually(t, "both have what the backup lacked and what came since", clusterWait, equal(7))
}
