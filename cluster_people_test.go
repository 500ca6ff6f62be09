package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"snug/snugtest"
)

// TestCommandsReachEveryNode gives commands on one machine and looks at sockets on another.
func TestCommandsReachEveryNode(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	b := startBeside(t, a, "barn")
	command := func(args ...string) snugtest.Result {
		t.Helper()
		done := snugtest.Run(t, append(args, "--data", a.Dir)...)
		if done.Code != 0 {
			t.Fatalf("snug %s: %s", strings.Join(args, " "), done.Err)
		}
		return done
	}
	ada, grace := snugtest.SignUp(t, b.URL, "ada", password), snugtest.SignUp(t, b.URL, "grace", password)
	eventually(t, "A knows those who signed up on B", clusterWait, func() bool { return canLogIn(t, a, "ada") && canLogIn(t, a, "grace") })

	// A room that is deleted on A ends on B, with what was said there; and its name is for another.
	onB, _ := enter(t, ada, b, "lobby")
	post(t, onB, "lobby", "a secret")
	eventually(t, "A has what was said on B", clusterWait, func() bool { return len(history(t, grace, a, "lobby")) == 1 })
	command("room", "delete", "lobby")
	hears(t, onB, clusterWait, snugtest.Frame{"type": "room_deleted", "room": "lobby"})
	if answer := onB.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"}); answer["code"] != "gone" {
		t.Errorf("joining it again is answered with %v", answer)
	}
	command("room", "add", "lobby")
	eventually(t, "B has the new room", clusterWait, func() bool { return onB.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})["type"] == "joined" })
	if said := history(t, ada, b, "lobby"); len(said) != 0 {
		t.Errorf("the new room begins with %q", said)
	}

	// A new name that is taken on A is heard of on B.
	onB.Ask(t, snugtest.Frame{"type": "users"})
	eventually(t, "grace's session holds on A", clusterWait, func() bool { return isLoggedIn(t, grace, a) })
	response, err := grace.PostForm(a.URL+"/settings/name/", url.Values{"username": {"hopper"}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("taking another name is answered with %s", response.Status)
	}
	hears(t, onB, clusterWait, snugtest.Frame{"type": "presence", "username": "grace", "renamed_to": "hopper"})

	// Who is disabled on A is out on B at once.
	command("user", "disable", "ada")
	if code := closeCode(t, onB); code != 4401 {
		t.Errorf("the socket on B was closed with %d", code)
	}
	eventually(t, "ada cannot log in on B", clusterWait, func() bool { return !canLogIn(t, b, "ada") })

	// What one machine lists, the other does.
	names := func(s *snugtest.Server) []string {
		var all []string
		for line := range strings.Lines(snugtest.Run(t, "user", "list", "--data", s.Dir).Out) {
			all = append(all, strings.Join(strings.Fields(line)[:3], " "))
		}
		return all
	}
	if got, want := names(b), names(a); !slices.Equal(got, want) || !slices.Contains(got, "ada - disabled") || !slices.Contains(got, "hopper - enabled") {
		t.Errorf("B lists %q, A %q", got, want)
	}
}
