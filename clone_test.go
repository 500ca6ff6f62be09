package main

import (
	"os"
	"path/filepath"
	"testing"

	"snug/snugtest"
)

// TestACloneSaysWhatToDo copies the disk of a node to another machine: the copy says on its own console, in its own snug members and on its own page that it keeps
// out of the cluster, and what to do; that is all it takes.
func TestACloneSaysWhatToDo(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", newAdmin(t)))
	b := startBeside(t, a, "barn")
	eventually(t, "the second node has the accounts", clusterWait, func() bool { return canLogIn(t, b, "root") })
	b.Stop()
	dir := filepath.Join(t.TempDir(), "copy")
	putBack(t, dir, b.Dir)
	b.Restart()
	alive := func(nodes int) func() bool {
		return func() bool {
			members := membersOf(t, a).Members
			for _, m := range members {
				if m.State != "alive" {
					return false
				}
			}
			return len(members) == nodes
		}
	}
	eventually(t, "the second node is back", clusterWait, alive(2))

	clone := &troubled{snugtest.Start(t, nodeOptions("copy", dir)), dir}
	clone.tells(t, "has the same node id, so this one keeps out of the cluster", "if its disk was copied from there, stop this one, remove the file node.id from its data directory, and start it again")
	if !alive(2)() {
		t.Errorf("the one that was there first is not a member any more: %+v", membersOf(t, a).Members)
	}

	clone.Stop()
	if err := os.Remove(filepath.Join(dir, "node.id")); err != nil {
		t.Fatal(err)
	}
	clone.Restart()
	eventually(t, "the copy is a node of its own", clusterWait, alive(3))
	if said := membersOf(t, clone.Server).troubles(); len(said) > 0 {
		t.Errorf("it still says %q", said)
	}
}
