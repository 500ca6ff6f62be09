package replica

import (
	"testing"
	"time"
)

// confirmed are the numbers of the script's feed that the node says to have.
func confirmed(s *script) (seqs []uint64) {
	for _, f := range got[*vectorFrame](s) {
		if seq := f.Vector[s.feed]; seq > 0 {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

func TestPeopleHearBeforeTheDiskAndTheWriterAfter(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		n.store.slow(time.Second)
		s.send(live(s.feed, 1))
		n.expectTold("9-1")
		if seqs := confirmed(s); len(seqs) > 0 {
			t.Errorf("confirmed %v before it is on disk", seqs)
		}
		s.send(live(s.feed, 2))
		time.Sleep(700 * time.Millisecond)
		n.expectTold("9-1", "9-2")
		if seqs := confirmed(s); len(seqs) > 0 {
			t.Errorf("confirmed %v before it is on disk", seqs)
		}
		time.Sleep(200 * time.Millisecond)
		if seqs := confirmed(s); len(seqs) != 1 || seqs[0] != 1 {
			t.Errorf("confirmed %v after the first sync, want 1", seqs)
		}
		time.Sleep(time.Second)
		if seqs := confirmed(s); len(seqs) != 1 || seqs[0] != 2 {
			t.Errorf("confirmed %v after the second sync, want 2", seqs)
		}
	})
}

func TestNewLinkIsToldOnlyWhatIsOnDisk(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		n.store.slow(time.Second)
		s.send(live(s.feed, 1))
		w.net.Break(n.id, s.port.Self())
		time.Sleep(200 * time.Millisecond)
		if seqs := confirmed(s); len(seqs) > 0 {
			t.Errorf("a new link is told of %v, which is not on disk", seqs)
		}
		time.Sleep(5 * time.Second)
		if seqs := confirmed(s); len(seqs) == 0 || seqs[0] != 1 {
			t.Errorf("told of %v later, want 1", seqs)
		}
	})
}

func TestFailedSyncIsTriedAgain(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		n.store.slow(50 * time.Millisecond)
		if err := s.port.Send(s.peer, encode(live(s.feed, 1))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		n.store.fail(errDisk)
		time.Sleep(10 * time.Second)
		if seqs := confirmed(s); len(seqs) > 0 {
			t.Errorf("confirmed %v with a failing disk", seqs)
		}
		n.store.fail(nil)
		time.Sleep(5 * time.Second)
		if seqs := confirmed(s); len(seqs) == 0 || seqs[0] != 1 {
			t.Errorf("confirmed %v with the disk back, want 1", seqs)
		}
	})
}
