package cluster

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ill makes nodes that can store nothing, for the reason that is put there.
func ill(why *atomic.Value) func(*Options) {
	return func(o *Options) {
		o.Ails = func() TroubleKind { return why.Load().(TroubleKind) }
	}
}

func TestWhoCanStoreNothingSaysSo(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	var why atomic.Value
	why.Store(NoTrouble)
	a := open(t, newDir(t, s), calm)
	b := open(t, newDir(t, s), calm, seeds(a), ill(&why))
	whole(t, a, b)
	tells := func(kind TroubleKind) func() bool {
		return func() bool { return b.Trouble().Kind == kind && a.see(b.ID()).Trouble.Kind == kind }
	}
	for kind, todo := range map[TroubleKind]string{
		DiskFull: "free some space", DiskFails: "mend or replace it", DiskLost: "restart Snug", NotWritable: "see who owns it", DatabaseBusy: "end what works on snug.db",
	} {
		why.Store(kind)
		eventually(t, 15*time.Second, tells(kind))
		for name, c := range map[string]struct{ text, node string }{
			"itself":    {b.Trouble().Text, "this node (" + b.dir + ")"},
			"the other": {a.see(b.ID()).Trouble.Text, b.opts.Name},
		} {
			if !strings.Contains(c.text, todo) || !strings.Contains(c.text, c.node) || strings.Contains(c.text, "%!") {
				t.Errorf("of %s, %s says %q", kind, name, c.text)
			}
		}
	}
	why.Store(NoTrouble)
	eventually(t, 15*time.Second, tells(NoTrouble))

	// Who comes later hears of it, and who does not reach it any more cannot know.
	why.Store(DiskFull)
	c := open(t, newDir(t, s), calm, seeds(a))
	whole(t, a, b, c)
	eventually(t, 15*time.Second, func() bool { return c.see(b.ID()).Trouble.Kind == DiskFull })
	b.Close()
	eventually(t, 30*time.Second, func() bool { return a.see(b.ID()).State == Dead })
	eventually(t, 15*time.Second, func() bool {
		a.mu.RLock()
		defer a.mu.RUnlock()
		return a.records[b.ID()].ails.Kind == NoTrouble
	})
}

func TestTroubleThatOnlyANewerVersionKnowsIsTold(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2, calm)
	a, b := nodes[0], nodes[1]
	s := b.status()
	s.Ails = "too_hot"
	eventually(t, 5*time.Second, func() bool {
		b.tellStatus(a.ID(), s) // again, because what it really says may be under way
		trouble := a.see(b.ID()).Trouble
		return trouble.Kind == TroubleUndefined && strings.Contains(trouble.Text, "ask snug members there")
	})
	if n := a.see(b.ID()).FramesBad; n != 0 {
		t.Errorf("%d frames are said to make no sense", n)
	}
}
