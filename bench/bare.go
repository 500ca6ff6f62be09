package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writeToName is what measureBare calls the other process's work.
const writeToName = "write-to"

// bareBytes is the size of a message of 200 characters in its frame.
const bareBytes = 330

// The ways to write of measureBare.
const (
	byConn   = "conn.Write" // through the net package, as most servers do
	bySendto = "sendto"     // on the socket itself, as Snug does where it can: the least that one write for each delivery can cost
)

// measureBare writes to -people loopback connections, one after the other and each in a write of its own, for -messages rounds, in both ways. The process
// that writes is this program, started once more and pinned as the server is; the one that reads is this one.
func measureBare(ctx context.Context, o options, _ *server) error {
	return errors.Join(measureWrites(ctx, o, byConn), measureWrites(ctx, o, bySendto))
}

func measureWrites(ctx context.Context, o options, way string) (err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	w := &server{cmd: exec.CommandContext(ctx, self, "-people", fmt.Sprint(o.people), "-messages", fmt.Sprint(o.messages), writeToName, way, l.Addr().String())}
	w.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	w.cmd.Stderr = os.Stderr
	if err := w.cmd.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.cmd.Wait()) }()
	if o.pin {
		if err := pinApart(w.cmd.Process.Pid); err != nil {
			return err
		}
	}
	conns := make([]net.Conn, o.people)
	for i := range conns {
		if conns[i], err = l.Accept(); err != nil {
			return err
		}
		defer conns[i].Close()
	}
	read := make(chan error, len(conns))
	before, err := w.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	for _, c := range conns {
		go func() {
			buffer := make([]byte, 16<<10)
			for left := bareBytes * o.messages; left > 0; {
				n, err := c.Read(buffer)
				if left -= n; err != nil {
					read <- err
					return
				}
			}
			read <- nil
		}()
	}
	if _, err := conns[0].Write([]byte("go")); err != nil {
		return err
	}
	for range conns {
		if err := <-read; err != nil {
			return err
		}
	}
	took := time.Since(began)
	after, err := w.cpu()
	if err != nil {
		return err
	}
	deliveries := float64(o.people * o.messages)
	fmt.Printf("bare, %s: connections %d, writes to each %d of %d bytes\n", way, o.people, o.messages, bareBytes)
	fmt.Printf("  writes/s             %.0f (%.2f s)\n", deliveries/took.Seconds(), took.Seconds())
	fmt.Printf("  CPU-s per million    %.2f (%.2f s in all)\n", (after-before).Seconds()/deliveries*1e6, (after - before).Seconds())
	_, err = conns[0].Write([]byte("go")) // it waits for that, so that its times could be read
	return err
}

// writeTo is the other process of measureBare.
func writeTo(o options, way, addr string) error {
	conns := make([]net.Conn, o.people)
	writes := make([]func([]byte) error, o.people)
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		conns[i] = c
		if writes[i], err = writer(c, way); err != nil {
			return err
		}
	}
	word := make([]byte, 2)
	if _, err := io.ReadFull(conns[0], word); err != nil {
		return err
	}
	message := make([]byte, bareBytes)
	for range o.messages {
		for _, write := range writes {
			if err := write(message); err != nil {
				return err
			}
		}
	}
	_, err := io.ReadFull(conns[0], word)
	return err
}

func writer(c net.Conn, way string) (func([]byte) error, error) {
	if way == byConn {
		return func(b []byte) error {
			_, err := c.Write(b)
			return err
		}, nil
	}
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	return func(b []byte) (err error) {
		controlErr := raw.Control(func(fd uintptr) {
			n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
			if errno != 0 || int(n) < len(b) {
				err = fmt.Errorf("sendto took %d of %d bytes: %w", n, len(b), errno)
			}
		})
		return errors.Join(controlErr, err)
	}, nil
}
