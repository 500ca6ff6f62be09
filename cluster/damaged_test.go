package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that was cut short, as by a full disk, is told of with what it is for and what to do, and stays as it is.
func TestDamagedFilesAreToldOfWithWhatToDo(t *testing.T) {
	t.Parallel()
	inviting := open(t, newDir(t, NewSecret()))
	id := randomHex(idDigits / 2)
	for name, c := range map[string]struct {
		file, data string
		words      []string
	}{
		"a state that is empty":     {stateFile, "", []string{"unexpected end", "which cluster this node is in", "remove it and cluster.key, and join again"}},
		"a state that is cut short": {stateFile, `{"cluster": "` + id, []string{"unexpected end", "Put it back from a backup"}},
		"a state of another form":   {stateFile, `{"cluster": 7}`, []string{"cannot unmarshal", "Where there is no other node, remove it alone"}},
		"a state without a cluster": {stateFile, `{}`, []string{"no id of a cluster", "Put it back from a backup"}},
		"a state with half a key":   {stateFile, `{"cluster": "` + id + `", "keys": [{"gen": 1, "secret": "00"}]}`, []string{"a key of the wrong form", "Put it back from a backup"}},
		"peers that are empty":      {peersFile, "", []string{"unexpected end", "where the other nodes were", "in cluster.seeds"}},
		"peers that are cut short":  {peersFile, `{"cluster": "` + id + `", "peers": [`, []string{"unexpected end", "Put it back from a backup, or remove it"}},
		"older peers, cut short":    {peersFile, `[{"id": "` + id, []string{"unexpected end", "Put it back from a backup, or remove it"}},
		"peers of another form":     {peersFile, `{"peers": 7}`, []string{"cannot unmarshal", "Put it back from a backup, or remove it"}},
	} {
		dir := newDir(t, NewSecret())
		path := filepath.Join(dir, c.file)
		if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		tries := map[string]func() error{
			"start": func() error { _, err := Open(t.Context(), Options{Dir: dir, Bind: "127.0.0.1:0"}); return err },
		}
		if c.file == stateFile {
			tries["join"] = func() error { return joinBy(t, inviting, dir) }
		}
		for what, try := range tries {
			err := try()
			if err == nil {
				t.Errorf("%s: %s worked", name, what)
				continue
			}
			for _, word := range append(c.words, path+" is cut short or damaged") {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s: %s does not say %q: %v", name, what, word, err)
				}
			}
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != c.data {
			t.Errorf("%s: the file holds %q now, %v", name, after, err)
		}
	}
}

// What the advice says is all that it takes: with other nodes, and without.
func TestDamagedStateIsMendedAsItsErrorSays(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1]
	b.Close()
	for _, file := range []string{stateFile, secretFile} {
		if err := os.Remove(filepath.Join(b.dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := joinBy(t, a, b.dir); err != nil {
		t.Fatal(err)
	}
	again := open(t, b.dir)
	if again.ID() != b.ID() || again.Cluster() != a.Cluster() {
		t.Errorf("it is %s of %s now, and was %s of %s", again.ID(), again.Cluster(), b.ID(), a.Cluster())
	}
	whole(t, a, again)
	a.Close()
	if err := os.Remove(filepath.Join(a.dir, peersFile)); err != nil {
		t.Fatal(err)
	}
	whole(t, open(t, a.dir, func(o *Options) { o.Bind = a.Addr() }), again) // found where it was
}
