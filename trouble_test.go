package main

import (
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/cluster"
	"snug/snugtest"
)

// troubled is a node that meets every trouble there is.
type troubled struct {
	*snugtest.Server
	dir string
}

// startTroubled starts a node that is of a cluster, has an admin, and is given these seeds.
func startTroubled(t *testing.T, dir string, seeds ...string) *troubled {
	t.Helper()
	o := nodeOptions("odd", dir)
	o.Args = append(o.Args, "--set", "cluster.seeds="+strings.Join(seeds, ","))
	return &troubled{Server: snugtest.Start(t, o), dir: dir}
}

// newAdmin makes a data directory with an admin in it.
func newAdmin(t *testing.T) (dir string) {
	t.Helper()
	s := snugtest.Start(t, snugtest.Options{})
	link, err := url.Parse(s.Setup)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"username": {"root"}, "password1": {password}, "setup": {link.Query().Get("setup")}}
	if code := submit(t, s.URL+"/sign_up/", form); code != http.StatusSeeOther {
		t.Fatalf("the link for the admin was answered with %d", code)
	}
	s.Stop()
	return s.Dir
}

// tells waits until the log, snug members and the page of administrators all say what is wrong and what to do.
func (s *troubled) tells(t *testing.T, what, todo string) {
	t.Helper()
	eventually(t, "snug members tells of "+what, clusterWait, func() bool {
		for _, line := range membersOf(t, s.Server).troubles() {
			if strings.Contains(line, what) && strings.Contains(line, todo) {
				return true
			}
		}
		return false
	})
	s.WaitStderr(what)
	if r := snugtest.Run(t, "members", "--data", s.dir); !strings.Contains(r.Out+r.Err, what) || !strings.Contains(r.Out+r.Err, todo) {
		t.Errorf("snug members does not say %q and %q:\n%s%s", what, todo, r.Out, r.Err)
	}
	root := snugtest.LogIn(t, s.URL, "root", password)
	response, err := root.Get(s.URL + "/admin/cluster/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if shown := html.UnescapeString(string(page)); !strings.Contains(shown, what) || !strings.Contains(shown, todo) {
		t.Errorf("the page does not say %q and %q:\n%s", what, todo, page)
	}
}

// meshIn takes part in a cluster from within the test.
func meshIn(t *testing.T, dir string, change func(*cluster.Options)) *cluster.Mesh {
	t.Helper()
	o := cluster.Options{Dir: dir, Bind: "127.0.0.1:0", Name: filepath.Base(dir), Version: "1", Logger: slog.New(slog.DiscardHandler)}
	change(&o)
	m, err := cluster.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// dirOf makes a directory with some files of another one.
func dirOf(t *testing.T, name, from string, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(from, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// stranger listens and is no Snug.
func stranger(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "220 mail.example.org ESMTP ready\r\n")
			c.Close()
		}
	}()
	return l.Addr().String()
}

// closed is an address where nobody listens.
func closed(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestEachTroubleIsToldWithWhatToDo holds a real node to naming what is wrong: in the log, in snug members and on the page of administrators.
func TestEachTroubleIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	same := filepath.Join(t.TempDir(), "same")
	other := filepath.Join(t.TempDir(), "other")
	for _, dir := range []string{same, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := cluster.CreateSecret(dir); err != nil {
			t.Fatal(err)
		}
	}
	nobody, mail := closed(t), stranger(t)
	_, ours, _ := strings.Cut(strings.TrimSpace(snugtest.Run(t, "version").Out), " ") // what it is depends on how the tests are built
	quiet := func(*cluster.Options) {}
	foreign := meshIn(t, other, quiet)
	// The node says to be of this cluster, and has another secret, as after a rotation that it missed.
	missed := meshIn(t, same, quiet)
	dir := newAdmin(t)
	state, err := json.Marshal(map[string]string{"cluster": missed.Cluster()})
	if err == nil {
		err = cluster.CreateSecret(dir)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "cluster.json"), state, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	odd := startTroubled(t, dir, missed.Addr(), foreign.Addr(), nobody, mail, "nobody.invalid")

	// Nodes that have its secret, and something wrong with them.
	files := []string{"cluster.key", "cluster.json"}
	seed := func(o *cluster.Options) { o.Seeds = []string{membersOf(t, odd.Server).Members[0].Address} }
	meshIn(t, dirOf(t, "fast", dir, files...), func(o *cluster.Options) {
		seed(o)
		o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	})
	first := dirOf(t, "twin", dir, files...)
	twin := meshIn(t, first, seed)
	eventually(t, "the twin is a member", clusterWait, func() bool {
		return len(membersOf(t, odd.Server).Members) > 2 && len(twin.Members()) > 1 && twin.Members()[1].State == cluster.Alive
	})
	meshIn(t, dirOf(t, "twin", first, append(files, "node.id")...), seed)
	o := nodeOptions("newer", dirOf(t, "newer", dir, files...))
	o.Args = append(o.Args, "--set", "cluster.seeds="+membersOf(t, odd.Server).Members[0].Address)
	o.Binary = newerVersion(t)
	newer := snugtest.Start(t, o)

	for _, c := range []struct{ name, what, todo string }{
		{"another secret", "the node at " + missed.Addr() + " is of this cluster, but it or this one has another secret", "join again with a fresh token"},
		{"another cluster", "the node at " + foreign.Addr() + " is of another cluster", "remove its address here, or let it join this cluster with a token"},
		{"nobody there", "nobody listens at " + nobody, "is the node running, and is the port right?"},
		{"something else", "what answers at " + mail + " is not a node of this program", "correct the address"},
		{"no such name", "the name in nobody.invalid:7846 has no address", "correct it in the seeds, or in the name service"},
		{"a clock that is off", "the clock of fast is 2h0m0s ahead of the one here", "let both follow a time server"},
		{"a newer version", "runs version " + newerThanAll + ", which cannot talk to version " + ours + " here", "upgrade the older one"},
		{"a copied disk", "two machines have the id of twin", "remove the file node.id from the data directory and start it again"},
	} {
		t.Run(c.name, func(t *testing.T) { odd.tells(t, c.what, c.todo) })
	}
	newer.WaitStderr("odd (" + membersOf(t, odd.Server).Members[0].Address + ") runs version " + ours + ", which cannot talk to version " + newerThanAll + " here")
	newer.Stop()
	odd.Stop()
}

// newerThanAll is what newerVersion says to be.
const newerThanAll = "v7.0.0"

// newerVersion is the binary of a version that speaks another protocol. It is built of the same source but for the line that says which.
func newerVersion(t *testing.T) (binary string) {
	t.Helper()
	const file, line = "cluster/meta.go", "return protocolRange{1, 1}"
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), line) {
		t.Fatalf("%s does not say %q any more", file, line)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, "meta.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), line, "return protocolRange{7, 9}", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {here: changed}})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return snugtest.BuildTo(t, filepath.Join(dir, "snug"), "-overlay", filepath.Join(dir, "overlay.json"), "-ldflags", "-X main.version="+newerThanAll)
}
