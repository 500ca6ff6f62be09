package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/cluster"
	"snug/layer/mesh"
	"snug/snugtest"
	"snug/store"
)

// insider is a program with the key of a cluster that is not Snug: it says over the links what it likes.
type insider struct {
	t     *testing.T
	mesh  *cluster.Mesh
	ports map[string]mesh.Port
	to    []string // the nodes
}

// silent never answers.
type silent struct{}

func (silent) Up(string)               {}
func (silent) Received(string, []byte) {}
func (silent) Down(string)             {}

// joinInsider joins by an invitation, as a node does.
func joinInsider(t *testing.T, name string, nodes ...*snugtest.Server) *insider {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := cluster.Join(t.Context(), strings.Fields(inviteTo(t, nodes[0]))[2], dir); err != nil {
		t.Fatal(err)
	}
	m, err := cluster.Open(t.Context(), cluster.Options{Dir: dir, Bind: "127.0.0.1:0", Name: name, Version: "none", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	in := &insider{t: t, mesh: m, ports: map[string]mesh.Port{}}
	for _, port := range []string{"replica", "presence", "layer", "accounts", "no such port", "snug.cluster"} {
		in.ports[port] = m.Port(port)
		if port == "snug.cluster" {
			continue // the mesh itself has joined it
		}
		t.Cleanup(in.ports[port].Join(silent{}))
	}
	for _, n := range nodes {
		in.to = append(in.to, membersOf(t, n).Members[0].ID)
	}
	in.linked()
	return in
}

// linked waits for links to all nodes, with all ports open.
func (in *insider) linked() {
	in.t.Helper()
	eventually(in.t, "the insider has links", clusterWait, func() bool {
		for name, port := range in.ports {
			if name != "no such port" && len(port.Peers()) < len(in.to) {
				return false
			}
		}
		return true
	})
}

// say sends a frame to all nodes, and waits for links where one was dropped for it.
func (in *insider) say(port string, frame []byte) {
	in.t.Helper()
	for _, node := range in.to {
		if in.ports[port].Send(node, frame) != nil && port != "no such port" {
			in.linked()
		}
	}
}

// drained waits until all has left: too much that waits would drop the link.
func (in *insider) drained() {
	in.t.Helper()
	eventually(in.t, "what the insider said is sent", clusterWait, func() bool {
		for _, m := range in.mesh.Members() {
			if m.QueuedBytes > 0 {
				return false
			}
		}
		return true
	})
}

// The frames of package replica, by hand: one that lies needs no types.
func vectorFrame(version byte, feed store.ID, feeds map[store.ID]uint64) []byte {
	b := append([]byte{1, 1}, feed[:]...) // a full one
	b = append(b, 0, version, 0)          // since nothing; no place
	b = binary.AppendUvarint(b, uint64(len(feeds)))
	for _, id := range sortedIDs(feeds) {
		b = append(b, id[:]...)
		b = binary.AppendUvarint(b, feeds[id])
	}
	return b
}

func liveFrame(feed store.ID, first uint64, bodies ...[]byte) []byte {
	b := append([]byte{2}, feed[:]...)
	b = binary.AppendUvarint(b, first)
	b = binary.AppendUvarint(b, uint64(len(bodies)))
	for _, body := range bodies {
		b = append(binary.AppendUvarint(b, uint64(len(body))), body...)
	}
	return b
}

func sortedIDs(feeds map[store.ID]uint64) (ids []store.ID) {
	for id := range feeds {
		ids = append(ids, id)
	}
	for i := range ids { // few enough
		for j := i; j > 0 && bytes.Compare(ids[j-1][:], ids[j][:]) > 0; j-- {
			ids[j-1], ids[j] = ids[j], ids[j-1]
		}
	}
	return ids
}

// setFrame is a frame of a set: kind 3 is a part of a snapshot, 5 a change.
func setFrame(kind byte, life, counter uint64, middle []byte, keys ...string) []byte {
	b := binary.BigEndian.AppendUint64([]byte{kind}, life)
	b = binary.BigEndian.AppendUint64(b, counter)
	b = append(b, middle...)
	for _, key := range keys {
		b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
		b = append(b, 1) // no value
	}
	return b
}

// damage sends rows that are none, and some of the far future; two frames that could be a newer version's, and five that could not.
func (in *insider) damage(random *rand.Rand) {
	in.t.Helper()
	feed := store.NewID()
	noise := make([]byte, 1000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	next := time.Now().Add(10 * 365 * 24 * time.Hour)
	bodies := [][]byte{[]byte("no row"), []byte(`{"kind":"message"}`), []byte(`{"kind":"user","v":1,"id":7}`), noise, {}}
	for seq := uint64(6); seq <= 12; seq++ {
		bodies = append(bodies, store.EncodeRow(&store.Message{
			Header: store.Header{Origin: store.Origin{Stamp: store.StampAt(next), Feed: feed, Seq: seq}},
			ID:     store.NewID(), Room: store.RoomID("lobby"), Author: store.NewID(), Posted: store.StampAt(next), Text: "from the far future",
		}))
	}
	in.say("replica", vectorFrame(1, feed, nil))
	in.say("replica", liveFrame(feed, 1, bodies...))
	for _, kind := range []byte{200, 201, 1, 2, 3} {
		in.say("replica", []byte{kind})
	}
	in.say("snug.cluster", []byte("no frame"))
	in.say("snug.cluster", []byte(`{"newest":"`+strings.Repeat("0", 900<<10)+`"}`))
}

// attack is everything that an insider may think of, over all ports.
func (in *insider) attack(random *rand.Rand) {
	in.t.Helper()
	feed := store.NewID()
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for port := range in.ports {
		for kind := range 256 { // of every kind, known and not
			in.say(port, append([]byte{byte(kind)}, noise(random.IntN(300))...))
		}
		in.say(port, nil)
		in.drained()
		in.say(port, noise(mesh.MaxFrame))
		in.drained()
		in.say(port, make([]byte, mesh.MaxFrame))
		for range 20_000 { // and millions would be the same
			in.say(port, []byte{byte(random.Uint32())})
		}
		in.drained()
	}

	// Rows: a gap, claims that cannot be, and no answer to any pull.
	in.say("replica", liveFrame(feed, 1<<40, noise(10)))
	in.say("replica", liveFrame(feed, 1, bytes.Split(make([]byte, 100_000), nil)...))
	claims := map[store.ID]uint64{feed: 1 << 47}
	for range 1000 {
		claims[store.NewID()] = uint64(random.Int64N(1 << 40))
	}
	in.say("replica", vectorFrame(2, feed, claims))
	in.say("replica", vectorFrame(3, feed, map[store.ID]uint64{feed: math.MaxUint64}))

	// Sets: snapshots without end, keys without number, and people who do not exist.
	life := uint64(time.Now().UnixMilli()) << 16
	for _, port := range []string{"presence", "layer"} {
		for n := range uint64(300) {
			var keys []string
			for range 200 {
				keys = append(keys, "\x00"+store.NewID().Hex(), store.RoomID("lobby").Hex()+"\x00"+store.NewID().Hex())
			}
			in.say(port, setFrame(3, life+n, 1, []byte{1}, keys...)) // the first part, and never the last
			in.say(port, setFrame(3, life, n+1, []byte{3}, keys...)) // all of it
			if n%50 == 0 {
				in.drained()
			}
			in.say(port, setFrame(5, life, n+2, binary.BigEndian.AppendUint64(nil, n+1), keys...))
		}
		in.say(port, setFrame(3, math.MaxUint64, math.MaxUint64, []byte{3}, "\x00"+store.NewID().Hex()))
	}
}

// TestInsiderCannotStopTheOthers gives a hostile program the key.
func TestInsiderCannotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := startNeighbours(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	before := memory(t, w.a)
	in := joinInsider(t, "mallory", w.a, w.b)

	// What cannot be understood is kept aside, and said.
	random := rand.New(rand.NewPCG(seed, 0))
	in.damage(random)
	for _, s := range []*snugtest.Server{w.a, w.b} {
		eventually(t, "rows and frames are counted", clusterWait, func() bool {
			list := membersOf(t, s)
			for _, m := range list.Members {
				if m.Name == "mallory" {
					return list.Aside == 12 && list.RowsDamaged == 5 && list.RowsEarly == 7 && m.FramesNewer == 2 && m.FramesBad == 5
				}
			}
			return false
		})
	}
	members, page := snugtest.Run(t, "members", "--data", w.a.Dir), clusterPage(t, w.a)
	for _, words := range []string{
		"Rows that could not be read, ever: 5.", "Rows from more than a day ahead of the clock here: 7.",
		"Frames that only a newer version knows, left out here: 2", "Frames that could not be read, left out here: 5", "one of them is broken",
	} {
		if !strings.Contains(members.Out, words) || !strings.Contains(page, words) {
			t.Errorf("members or the page does not say %q:\n%s\n%s", words, members.Out, page)
		}
	}

	done := make(chan struct{})
	go func() {
		defer close(done)
		in.attack(random)
	}()
	w.crossUntil(t, done)
	w.crosses(t, "after")
	if now := memory(t, w.a); now > before+grown {
		t.Errorf("it has grown from %d to %d MiB", before>>20, now>>20)
	}

	for _, s := range []*snugtest.Server{w.a, w.b} {
		if n := strings.Count(s.Stderr(), "about the cluster that cannot be understood"); n != 1 {
			t.Errorf("%d lines of the log are about frames of the cluster, want one", n)
		}
	}

	// Nobody was made up, and nothing of the future is there.
	users := w.onA.Ask(t, snugtest.Frame{"type": "users"})
	for _, name := range people(users) {
		if strings.HasPrefix(name, "user-") {
			t.Fatalf("there are people who do not exist: %.300s", fmt.Sprint(people(users)))
		}
	}
	for _, line := range history(t, w.ada, w.a, "lobby") {
		if strings.Contains(line, "far future") {
			t.Errorf("the room has %s", line)
		}
	}

	// A new node gets everything, though the insider claims to have more than all others.
	c := startBeside(t, w.a, "cellar")
	eventually(t, "a new node has the accounts", clusterWait, func() bool { return canLogIn(t, c, "grace") })
	c.Stop()
	w.stop(t)
}
