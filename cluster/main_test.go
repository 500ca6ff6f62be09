package cluster

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(processDir); dir != "" {
		serveProcess(dir)
		return
	}
	goleak.VerifyTestMain(
		m,
		// After memberlist's Shutdown, these two wait on for the answer to a probe: by a timer of its own, which cannot be reached. What goes over connections does end.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"),
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).handleIndirectPing.func2"),
	)
}
