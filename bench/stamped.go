package main

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stamped reads from a connection, and says when the kernel had what it read. A program that reads a hundred sockets comes to the last of them late, and
// who has a machine of their own does not wait for that.
type stamped struct {
	conn syscall.RawConn
	at   time.Time // when the last bytes of the last read came; by the clock of time.Now
	oob  []byte
}

// stamp has the kernel note when something arrives at the connection, which costs it a little for each packet of the whole machine.
func stamp(conn *net.TCPConn) (*stamped, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	if err == nil {
		err = os.NewSyscallError("setsockopt", set)
	}
	return &stamped{conn: raw, at: time.Now(), oob: make([]byte, unix.CmsgSpace(16))}, err
}

// Read implements [io.Reader].
func (s *stamped) Read(p []byte) (n int, err error) {
	var noted int
	ended := s.conn.Read(func(fd uintptr) bool {
		n, noted, _, _, err = unix.Recvmsg(int(fd), p, s.oob, 0)
		return err != unix.EAGAIN
	})
	switch {
	case ended != nil:
		return 0, ended
	case err != nil:
		return 0, os.NewSyscallError("recvmsg", err)
	case n == 0:
		return 0, io.EOF
	}
	s.at = arrival(s.oob[:noted])
	return n, nil
}

// arrival reads the time in a control message of SO_TIMESTAMPNS (socket(7)): a header, and behind it seconds and nanoseconds. Where there is none, it is now.
func arrival(oob []byte) time.Time {
	head := unix.CmsgLen(0)
	if len(oob) < head+16 || int32(binary.NativeEndian.Uint32(oob[head-4:])) != unix.SCM_TIMESTAMPNS {
		return time.Now()
	}
	return time.Unix(int64(binary.NativeEndian.Uint64(oob[head:])), int64(binary.NativeEndian.Uint64(oob[head+8:])))
}
