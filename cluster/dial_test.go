package cluster

import (
	"net"
	"testing"
	"time"
)

func TestOnlyWhoIsWrongIsToldOf(t *testing.T) {
	t.Parallel()
	from := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7846}
	for kind, want := range map[TroubleKind]int{WrongSecret: 1, WrongCluster: 1, TroubleUndefined: 0 /* this node stops */} {
		m := &Mesh{said: map[string]time.Time{}, lines: make(chan line, 2)}
		m.tellRefused(from, &refusedError{kind: kind})
		m.tellRefused(from, &refusedError{kind: kind}) // once is enough
		if got := len(m.lines); got != want {
			t.Errorf("of a node that was turned away for %q, %d lines are logged", kind, got)
		}
	}
}
