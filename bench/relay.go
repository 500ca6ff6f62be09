package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// relayNode is what measureMoment calls the work of the processes that it compares the nodes with.
const relayNode = "relay-node"

// relayed is the size of the largest frame that has no more than four bytes of a head.
const relayed = 4 + 1<<16 - 1

// relay is a program that does no more than pass frames on: what a sender writes goes to the next relay, or to each socket here in a write of its own. It is
// the least that two processes can do, and nothing keeps it from losing or mixing up frames where they come close upon each other.
type relay struct {
	mu   sync.Mutex
	next net.Conn
	here []func([]byte) error
}

// runRelay prints its address and serves until ctx ends. next is the relay that gets everything; the last one has none.
func runRelay(ctx context.Context, next string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r := &relay{}
	if next != "" {
		c, err := dial(ctx, nil, next, "/", &http.Cookie{})
		if err != nil {
			return errors.Join(err, l.Close())
		}
		r.next = c.conn
	}
	fmt.Println(l.Addr(), "-")
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for { // what it has accepted ends with the process
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go r.serve(conn)
	}
}

// serve answers as a WebSocket server does, and passes the frames on.
func (r *relay) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n")); err != nil {
		return
	}
	if request.URL.Query().Has("in") {
		write, err := writer(conn, bySendto)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.here = append(r.here, write)
		r.mu.Unlock()
	}
	frame := make([]byte, relayed)
	for {
		n, err := unmasked(in, frame)
		if err != nil || r.pass(frame[:n]) != nil {
			return
		}
	}
}

func (r *relay) pass(frame []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		_, err := r.next.Write(frame)
		return err
	}
	for _, write := range r.here {
		_ = write(frame) // the socket may be closed
	}
	return nil
}

// unmasked reads a frame of this program's client, or of another relay, and makes it one of a server: a mask, which is zeros, is left out (RFC 6455, section 5.2).
func unmasked(in *bufio.Reader, frame []byte) (n int, err error) {
	if _, err := io.ReadFull(in, frame[:2]); err != nil {
		return 0, err
	}
	size, head := int(frame[1]&127), 2
	if size == 126 {
		head = 4
		if _, err := io.ReadFull(in, frame[2:head]); err != nil {
			return 0, err
		}
		size = int(binary.BigEndian.Uint16(frame[2:]))
	}
	if frame[1]&0x80 != 0 {
		frame[1] &^= 0x80
		if _, err := in.Discard(4); err != nil {
			return 0, err
		}
	}
	_, err = io.ReadFull(in, frame[head:head+size])
	return head + size, err
}
