package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"snug/nowait"
)

// stamped is a connection that says when the kernel had what was read from it, and that is read only when its round comes. A program that reads a hundred
// sockets comes to the last of them late, and takes a core from what it measures; who has a machine of their own does neither. So the connection is not known to
// the runtime's poller, which would wake this program for each thing that arrives.
type stamped struct {
	net.Conn // closed; knows the addresses
	fd       int
	rounds   *rounds
	round    int       // that is read
	at       time.Time // when the last bytes of the last read came; by the clock of time.Now
	oob      []byte
}

// stamp takes over a connection, which costs the whole machine a little for each packet: the kernel notes when it comes.
func stamp(conn *net.TCPConn, r *rounds) (*stamped, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &stamped{Conn: conn, fd: -1, rounds: r, at: time.Now(), oob: make([]byte, unix.CmsgSpace(16))}
	var set error
	err = raw.Control(func(fd uintptr) {
		if set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); set == nil {
			s.fd, set = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		}
	})
	if err = errors.Join(err, os.NewSyscallError("take over a connection", set)); err != nil {
		return nil, err
	}
	_ = conn.Close() // the other descriptor keeps it open
	return s, nil
}

// Read implements [io.Reader]. When the rounds have ended, it is [os.ErrDeadlineExceeded].
func (s *stamped) Read(p []byte) (int, error) {
	for {
		n, noted, _, _, err := unix.Recvmsg(s.fd, p, s.oob, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			round, err := s.rounds.await(s.round)
			if err != nil {
				return 0, err
			}
			s.round = round
		case err == unix.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("recvmsg", err)
		case n == 0:
			return 0, io.EOF
		default:
			s.at = arrival(s.oob[:noted])
			return n, nil
		}
	}
}

// Write implements [io.Writer] for the few bytes that a client says or answers, which the kernel always takes. The scheduler does not hear of it, for the reason of
// standStill.
func (s *stamped) Write(p []byte) (int, error) {
	n := nowait.Send(uintptr(s.fd), p)
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// Close implements [io.Closer]. Nobody may read any more.
func (s *stamped) Close() error { return unix.Close(s.fd) }

// arrival reads the time in a control message of SO_TIMESTAMPNS (socket(7)): a header, and behind it seconds and nanoseconds. Where there is none, it is now.
func arrival(oob []byte) time.Time {
	head := unix.CmsgLen(0)
	if len(oob) < head+16 || int32(binary.NativeEndian.Uint32(oob[head-4:])) != unix.SCM_TIMESTAMPNS {
		return time.Now()
	}
	return time.Unix(int64(binary.NativeEndian.Uint64(oob[head:])), int64(binary.NativeEndian.Uint64(oob[head+8:])))
}

// rounds say when sockets are read.
type rounds struct {
	mu    sync.Mutex
	begun sync.Cond
	n     int
	ended bool
	sent  []time.Time // by number of the message
}

func newRounds() *rounds {
	r := &rounds{}
	r.begun.L = &r.mu
	return r
}

// begin has everybody read what there is.
func (r *rounds) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	r.begun.Broadcast()
}

// end is begin for the last time.
func (r *rounds) end() {
	r.begin()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.begun.Broadcast()
}

// readAfter is how long after a message is sent what has come of it is read. What takes longer is read with the next message, and noted with that.
const readAfter = 5 * time.Millisecond

// stillBefore is how long before a message is sent this program does nothing any more.
const stillBefore = 3 * time.Millisecond

// pace has a client, which is not read from any more, send n messages, nodesRate a second, and has what comes of each read before the next one. Stragglers get a
// second at the end.
func (r *rounds) pace(ctx context.Context, c *client, n int, text func(number int) string) error {
	defer r.end()
	if err := c.stamp(r); err != nil {
		return err
	}
	wait := func(d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	at := time.Now()
	for number := range n {
		message := text(number)
		at = at.Add(time.Second / nodesRate)
		if err := wait(time.Until(at) - stillBefore); err != nil {
			return err
		}
		standStill(time.Until(at))
		at = r.sending()
		if err := c.send(message); err != nil {
			return err
		}
		standStill(readAfter)
		r.begin()
	}
	return wait(time.Second)
}

// standStill waits without a word to the scheduler of this program. That would keep an eye on a call which it hears of, fifty times a millisecond at first, and on its timers: on
// a core that what is measured needs.
func standStill(d time.Duration) {
	for end := time.Now().Add(d); d > 0; d = time.Until(end) { // signals of the scheduler end the call early
		t := unix.NsecToTimespec(int64(d))
		_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
	}
}

// sending notes when the next message is sent: now.
func (r *rounds) sending() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.sent = append(r.sent, now)
	return now
}

// sentAt is when a message was sent.
func (r *rounds) sentAt(number int) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent[number]
}

// await waits for another round than the one that a reader is done with, and returns it.
func (r *rounds) await(done int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.n == done {
		if r.ended {
			return done, os.ErrDeadlineExceeded
		}
		r.begun.Wait()
	}
	return r.n, nil
}
