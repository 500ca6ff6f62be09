package layer_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer"
	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

func TestLocalDeliveryNeverWaitsForAPeer(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		l := w.listen(0, "line")
		w.add(0, "room", "line")
		w.add(1, "room", "line")
		pass()
		w.net.Cut(meshtest.ID(0), meshtest.ID(1))
		began := time.Now()
		m, err := layer.NewMessage(map[string]any{"type": "number", "n": 1, "t": strings.Repeat("x", layer.MaxMessage/2)})
		w.check(err)
		var want []int
		for range 100 {
			w.check(w.nodes[0].GroupSend(w.Context(), "room", m))
			want = append(want, 1)
		}
		if took := time.Since(began); took > 0 {
			w.Errorf("it took %v", took)
		}
		l.want(w, want...)
		if st := w.nodes[0].Traffic(); st.Lost == 0 || st.Sent+st.Lost != 100 {
			w.Errorf("traffic %+v, want some of the 100 frames to be lost", st)
		}
	})
}

func TestBrokenLinksLoseMessagesButNeitherDoubleNorReorder(t *testing.T) {
	nodes(t, 3, layer.Options{}, func(w *world) {
		l := w.listen(1, "line")
		w.add(1, "room", "line")
		pass()
		var shaking sync.WaitGroup
		shaking.Go(func() { w.net.Shake(meshtest.Faults{For: 5 * time.Minute}) })
		sent := 0
		for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); sent++ {
			w.groupSend(0, "room", sent)
			time.Sleep(20 * time.Millisecond)
		}
		shaking.Wait()
		time.Sleep(time.Minute)
		w.groupSend(0, "room", sent)
		pass()

		l.mu.Lock()
		defer l.mu.Unlock()
		for i := 1; i < len(l.numbers); i++ {
			if l.numbers[i] <= l.numbers[i-1] {
				w.Fatalf("message %d came after message %d", l.numbers[i], l.numbers[i-1])
			}
		}
		if len(l.numbers) == 0 || len(l.numbers) > sent || l.numbers[len(l.numbers)-1] != sent {
			w.Errorf("%d of %d messages came, want some to be lost, and the last one to come after all has healed", len(l.numbers), sent+1)
		}
	})
}

func TestDeadNodeIsForgottenAndReturnsWithoutItsGroups(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		w.add(1, "room", "line")
		pass()
		w.net.Crash(meshtest.ID(1))
		w.check(w.nodes[1].Close())
		time.Sleep(15 * time.Second)
		if got := w.nodes[0].Nodes("room"); len(got) > 0 {
			w.Errorf("15 s after the other node died, the nodes of the room are %q", got)
		}
		w.net.Restart(meshtest.ID(1))
		w.start(1, layer.Options{})
		w.add(1, "hall", "line")
		time.Sleep(time.Second)
		w.groupSend(0, "room", 1)
		w.groupSend(0, "hall", 2)
		pass()
		if got := w.ports[0].take(meshtest.ID(1)); got != 1 {
			w.Errorf("%d frames crossed, want that of the new group", got)
		}
		if st := w.nodes[1].Stats(); st.Messages != 1 {
			w.Errorf("the node holds %+v, want one message", st)
		}
	})
}

func TestStrangeFramesAreCountedAndHurtNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := meshtest.New(t, 1)
		node := net.Node(meshtest.ID(1))
		g := layer.NewGossip(layer.NewMemory(layer.Options{}), node.Port("layer"))
		defer g.Close()
		peer := net.Node(meshtest.ID(2)).Port("layer")
		leave := peer.Join(nobody{})
		defer leave()
		time.Sleep(time.Second)
		const body = `{"type":"x"}`
		mine, others := "socket!"+meshtest.ID(1)+".x", "socket!"+meshtest.ID(2)+".x"
		strange := []string{
			"\xff", "\x80", "\x87\x04room" + body, "\x80\x04room", "\x80\x04room{}", strings.Repeat("\xff", mesh.MaxFrame),
			// For channels that no node but their own may speak of.
			"\x81\x04line" + body, "\x81" + string(rune(len(others))) + others + body,
		}
		for _, frame := range append(strange, "\x81"+string(rune(len(mine)))+mine+body) {
			if err := peer.Send(meshtest.ID(1), []byte(frame)); err != nil {
				t.Fatal(err)
			}
		}
		m, err := g.Receive(t.Context(), mine)
		if err != nil || !json.Valid(m.Bytes()) {
			t.Errorf("message %v, error %v; want the one that is right", m, err)
		}
		synctest.Wait() // the frame is counted when its message has been taken
		if st := g.Traffic(); st.Strange != uint64(len(strange)) || st.Received != 1 {
			t.Errorf("traffic %+v, want %d strange frames and one that is right", st, len(strange))
		}
		if st := g.Stats(); st != (layer.Stats{}) {
			t.Errorf("strange frames left %+v behind", st)
		}
	})
}

type nobody struct{}

func (nobody) Up(string)               {}
func (nobody) Received(string, []byte) {}
func (nobody) Down(string)             {}
