//go:build !linux

package socket

import (
	"net"
	"syscall"
)

// rawOf knows no way here to write without waiting.
func rawOf(net.Conn) syscall.RawConn { return nil }

func sendNow(uintptr, []byte) int { return 0 }
