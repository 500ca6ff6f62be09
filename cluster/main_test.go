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
		// memberlist's Shutdown does not wait for the exchanges under way, which end by their time limits.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).handleConn"),
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"),
	)
}
