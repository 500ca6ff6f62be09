package cluster

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestRealDialOfGossipEndsWithIt dials a port whose queue of callers is full: to Linux, who calls there says nothing.
func TestRealDialOfGossipEndsWithIt(t *testing.T) {
	t.Parallel()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	where, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: where.(*syscall.SockaddrInet4).Port}).String()
	for full := false; !full; {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		c, err := realNetwork{}.dial(ctx, addr)
		cancel()
		if err == nil {
			defer c.Close()
		} else if full = os.IsTimeout(err); !full {
			t.Fatal(err)
		}
	}
	endsDial(t, realNetwork{}, addr)
}
