package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sys/unix"
)

func TestParseReadsWhatPostWrites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		payload        string
		sender, number int
		nanos          int64
		ok             bool
	}{
		{`{"type":"chat_message","user":"ada","message":"m 3 41 1763721600123456789 xxxx","id":"0"}`, 3, 41, 1763721600123456789, true},
		{`{"type":"chat_message","message":"m 0 0 1 "}`, 0, 0, 1, true},
		{`{"type":"chat_message","message":"warm"}`, 0, 0, 0, false},
		{`{"type":"chat_message","message":"m 3 41"}`, 0, 0, 0, false},
		{`{"type":"user_join","user":"m 1 2 3 "}`, 0, 0, 0, false},
	} {
		sender, number, sent, ok := parse([]byte(c.payload))
		if ok != c.ok || ok && (sender != c.sender || number != c.number || sent.UnixNano() != c.nanos) {
			t.Errorf("%s is read as %d, %d, %d, %v", c.payload, sender, number, sent.UnixNano(), ok)
		}
	}
}

func TestQuantilesAreWithinTwoPercent(t *testing.T) {
	t.Parallel()
	var low, high, all histogram
	for us := 1; us <= 5000; us++ {
		low.add(time.Duration(us) * time.Microsecond)
		high.add(time.Duration(5000+us) * time.Microsecond)
	}
	all.merge(&low)
	all.merge(&high)
	for q, want := range map[float64]time.Duration{0.5: 5000 * time.Microsecond, 0.99: 9900 * time.Microsecond} {
		if got := all.quantile(q); got < want || float64(got) > 1.03*float64(want) {
			t.Errorf("quantile %v is %v, want %v and at most 3 %% more", q, got, want)
		}
	}
}

// TestClientSpeaksWebSocket holds the small client against another implementation, with frames of each length of header.
func TestClientSpeaksWebSocket(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(-1)
		for {
			kind, body, err := conn.Read(r.Context())
			if err != nil || conn.Write(r.Context(), kind, append(body, bytes.Repeat([]byte("x"), 70_000)...)) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	c, err := dial(context.Background(), nil, strings.TrimPrefix(server.URL, "http://"), "/", &http.Cookie{Name: "a", Value: "b"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	for _, size := range []int{0, 125, 126, 4000} {
		text := strings.Repeat("m", size)
		if err := c.send(text); err != nil {
			t.Fatal(err)
		}
		got, err := c.read()
		if err != nil || len(got) != size+70_000 || !strings.HasPrefix(string(got), text+"x") {
			t.Fatalf("a text of %d bytes came back as %d bytes (%v)", size, len(got), err)
		}
	}
	small := &client{arrived: time.Now, in: bufio.NewReader(strings.NewReader("\x81\x02hi\x88\x02\x03\xf4"))}
	if got, err := small.read(); err != nil || string(got) != "hi" {
		t.Errorf("a short frame is read as %q (%v)", got, err)
	}
	if _, err := small.read(); err == nil || !strings.Contains(err.Error(), "1012") {
		t.Errorf("a close frame is read as %v", err)
	}
}

func TestArrivalIsNotedWhenItComesAndNotWhenItIsRead(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := &client{conn: conn, in: bufio.NewReader(conn), arrived: time.Now}
	if _, err := there.Write([]byte("\x81\x02hi\x81\x02")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.read(); err != nil || string(got) != "hi" {
		t.Fatalf("read %q, %v", got, err)
	}
	began := time.Now()
	if err := c.stamp(newRounds()); err != nil {
		t.Fatal(err)
	}
	taken := c.conn.(*stamped)
	defer taken.Close()
	// What the reader has already, the head of a frame, must not be lost.
	if _, err := there.Write([]byte("ho")); err != nil {
		t.Fatal(err)
	}
	poll(t, taken.fd)
	if got, err := c.read(); err != nil || string(got) != "ho" {
		t.Fatalf("read %q, %v", got, err)
	}

	// Until the kernel has begun, which it does in its own time, it notes when something is read.
	for noted := false; !noted; {
		before := time.Now()
		if _, err := there.Write([]byte("\x81\x02hi")); err != nil {
			t.Fatal(err)
		}
		poll(t, taken.fd)
		here := time.Now()
		if got, err := c.read(); err != nil || string(got) != "hi" {
			t.Fatalf("read %q, %v", got, err)
		}
		if c.at.Before(before.Round(0)) {
			t.Fatalf("came %v before it was sent", before.Sub(c.at))
		}
		noted = c.at.Before(here.Round(0))
		if before.Sub(began) > 10*time.Second {
			t.Fatal("the time of reading is noted")
		}
	}
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	poll(t, taken.fd)
	if _, err := c.read(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// poll waits until something can be read, and leaves it there.
func poll(t *testing.T, fd int) {
	t.Helper()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
	if err != nil || n != 1 {
		t.Fatalf("nothing can be read: %d, %v", n, err)
	}
}

func TestWhatHasComeIsReadWhenItsRoundBegins(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRounds()
		s, err := stamp(conn.(*net.TCPConn), r)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var got []byte
		var readErr error
		go func() {
			for readErr == nil {
				var n int
				part := make([]byte, 10)
				n, readErr = s.Read(part)
				got = append(got, part[:n]...)
			}
		}()
		for _, step := range []struct {
			name, before, after string
			begin               func()
		}{{"a round", "", "hi", r.begin}, {"the last one", "hi", "hihi", r.end}} {
			synctest.Wait()
			if _, err := there.Write([]byte("hi")); err != nil {
				t.Fatal(err)
			}
			poll(t, s.fd)
			synctest.Wait()
			if string(got) != step.before {
				t.Errorf("%s: %q is read before it", step.name, got)
			}
			step.begin()
			synctest.Wait()
			if string(got) != step.after {
				t.Errorf("%s: %q is read in it", step.name, got)
			}
		}
		if !errors.Is(readErr, os.ErrDeadlineExceeded) {
			t.Errorf("when the rounds have ended: %v", readErr)
		}
	})
}
