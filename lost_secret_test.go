package main

import (
	"os"
	"path/filepath"
	"testing"

	"snug/snugtest"
)

// newCluster is what a node logs that makes the secret of a new cluster.
const newCluster = "a new cluster begins with this node"

// loseSecret stops a node and removes its secret, as a backup that left it out does.
func loseSecret(t *testing.T, s *snugtest.Server) {
	t.Helper()
	s.Stop()
	if err := os.Remove(filepath.Join(s.Dir, "cluster.key")); err != nil {
		t.Fatal(err)
	}
}

// doesNotStart tries to start a node of a cluster that has no secret.
func doesNotStart(t *testing.T, dir string, args []string, words ...string) {
	t.Helper()
	serve := append([]string{"serve", "--listen", "localhost:0", "--data", dir}, nodeOptions("lost", dir).Args...)
	refused(t, snugtest.Run(t, append(serve, args...)...), append(words, "run snug invite on a node of the cluster, and here what it prints")...)
	if _, err := os.Stat(filepath.Join(dir, "cluster.key")); !os.IsNotExist(err) {
		t.Errorf("it has a secret now (%v)", err)
	}
}

func TestNodeThatLostTheSecretBeginsNoSecondCluster(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	snugtest.SignUp(t, a.URL, "ada", password)
	b := startBeside(t, a, "barn")
	eventually(t, "an account of A logs in on B", clusterWait, func() bool { return canLogIn(t, b, "ada") })
	other := snugtest.Start(t, nodeOptions("other", ""))

	for name, c := range map[string]struct {
		lost, invites *snugtest.Server
		who           string
	}{
		"the node that joined": {b, a, "barbara"},
		"the first node":       {a, b, "alan"},
	} {
		before := membersOf(t, c.lost).Members[0].ID
		loseSecret(t, c.lost)
		todo := []string{
			"no secret in " + filepath.Join(c.lost.Dir, "cluster.key"), "put cluster.key back from a backup or a copy",
			"remove " + filepath.Join(c.lost.Dir, "peers.json") + " and " + filepath.Join(c.lost.Dir, "cluster.json"),
		}
		doesNotStart(t, c.lost.Dir, nil, todo...)
		doesNotStart(t, c.lost.Dir, []string{"--set", "cluster.seeds=127.0.0.1:9"}, todo...)

		// It joins its own cluster again as it is, and no other one.
		refused(t, joinBy(t, other, c.lost.Dir), "this machine is in another cluster already")
		if joined := joinBy(t, c.invites, c.lost.Dir); joined.Code != 0 {
			t.Fatalf("%s: join ended with code %d:\n%s", name, joined.Code, joined.Err)
		}
		c.lost.Restart()
		if after := membersOf(t, c.lost).Members[0].ID; after != before {
			t.Errorf("%s: it was %s and is %s now", name, before, after)
		}
		snugtest.SignUp(t, c.lost.URL, c.who, password)
		eventually(t, name+": what is written on it is on the other", clusterWait, func() bool { return canLogIn(t, c.invites, c.who) })
	}

	// The list of those whom it met is enough to join its own cluster again, and no other one.
	loseSecret(t, b)
	if err := os.Remove(filepath.Join(b.Dir, "cluster.json")); err != nil {
		t.Fatal(err)
	}
	refused(t, joinBy(t, other, b.Dir), "this machine is in another cluster already")
	if joined := joinBy(t, a, b.Dir); joined.Code != 0 {
		t.Fatalf("with peers.json alone, join ended with code %d:\n%s", joined.Code, joined.Err)
	}
	b.Restart()
	eventually(t, "it is back", clusterWait, func() bool { return membersOf(t, a).Members[1].State == "alive" })

	// What the error says to remove is all that has to be.
	loseSecret(t, b)
	for _, file := range []string{"peers.json", "cluster.json"} {
		if err := os.Remove(filepath.Join(b.Dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	b.Restart()
	b.WaitStderr(newCluster)
}

func TestNodeThatNeverMetAnybodyGetsANewSecret(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, nodeOptions("attic", ""))
	s.WaitStderr(newCluster)
	if turned := snugtest.Run(t, "secret", "rotate", "--data", s.Dir); turned.Code != 0 {
		t.Fatal(turned.Err)
	}
	loseSecret(t, s)
	s.Restart()
	s.WaitStderr(newCluster)
}

func TestNodeWithSeedsAndNoSecretDoesNotStart(t *testing.T) {
	t.Parallel()
	doesNotStart(t, filepath.Join(t.TempDir(), "data"), []string{"--set", "cluster.seeds=127.0.0.1:9"},
		"no secret in ", "the first node of a new cluster starts without cluster.seeds")
}
