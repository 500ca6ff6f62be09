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
)

// writeToName is what measureBare calls the other process's work.
const writeToName = "write-to"

// bareBytes is the size of a message of 200 characters in its frame.
const bareBytes = 330

// measureBare writes to -people loopback connections, one after the other and each in a write of its own, for -messages rounds. The process that writes is
// this program, started once more and pinned as the server is; the one that reads is this one. That is the least that one write for each delivery can
// cost on this machine, whatever the server.
func measureBare(ctx context.Context, o options, _ *server) (err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	w := &server{cmd: exec.CommandContext(ctx, self, "-people", fmt.Sprint(o.people), "-messages", fmt.Sprint(o.messages), writeToName, l.Addr().String())}
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
	fmt.Printf("bare: connections %d, writes to each %d of %d bytes\n", o.people, o.messages, bareBytes)
	fmt.Printf("  writes/s             %.0f (%.2f s)\n", deliveries/took.Seconds(), took.Seconds())
	fmt.Printf("  CPU-s per million    %.2f (%.2f s in all)\n", (after-before).Seconds()/deliveries*1e6, (after - before).Seconds())
	_, err = conns[0].Write([]byte("go")) // it waits for that, so that its times could be read
	return err
}

// writeTo is the other process of measureBare.
func writeTo(o options, addr string) error {
	conns := make([]net.Conn, o.people)
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		conns[i] = c
	}
	word := make([]byte, 2)
	if _, err := io.ReadFull(conns[0], word); err != nil {
		return err
	}
	message := make([]byte, bareBytes)
	for range o.messages {
		for _, c := range conns {
			if _, err := c.Write(message); err != nil {
				return err
			}
		}
	}
	_, err := io.ReadFull(conns[0], word)
	return err
}
