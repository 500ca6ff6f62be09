package socket

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/layer"
)

// BenchmarkFanOut sends messages of 200 bytes to a group of 1,000 sockets on TCP, one or 16 at a time, and waits until
// the readers, in this process, have them all. One operation is one delivery.
func BenchmarkFanOut(b *testing.B) {
	for _, underWay := range []int{1, 16} {
		b.Run(fmt.Sprintf("underway=%d", underWay), func(b *testing.B) { fanOut(b, 1000, underWay) })
	}
}

func fanOut(b *testing.B, sockets, underWay int) {
	ctx := context.Background()
	memory := layer.NewMemory(layer.Options{})
	defer memory.Close()
	k := onTCP(b, Options{PingPeriod: time.Hour, PongWait: 2 * time.Hour}, nil) // the readers do not answer
	m, err := layer.NewMessage(map[string]string{"type": "chat_message", "message": strings.Repeat("x", 160)})
	if err != nil {
		b.Fatal(err)
	}
	frame := len(m.Derived(textFrame))

	var readers sync.WaitGroup
	var clients []net.Conn
	arrived := make(chan struct{}, sockets*underWay)
	for i := range sockets {
		client, rec := idle(b, k)
		clients = append(clients, client)
		channel := fmt.Sprintf("socket%d", i)
		if _, err := memory.Listen(channel, rec.conn); err != nil {
			b.Fatal(err)
		}
		if err := memory.GroupAdd(ctx, "room", channel); err != nil {
			b.Fatal(err)
		}
		readers.Go(func() {
			buffer := make([]byte, 16<<10)
			for rest := 0; ; {
				n, err := client.Read(buffer)
				if err != nil {
					return
				}
				for rest += n; rest >= frame*underWay; rest -= frame * underWay {
					arrived <- struct{}{}
				}
			}
		})
	}

	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += sockets * underWay {
		for range underWay {
			if err := memory.GroupSend(ctx, "room", m); err != nil {
				b.Fatal(err)
			}
		}
		for range sockets {
			<-arrived
		}
	}
	b.StopTimer()
	for _, client := range clients {
		_ = client.Close()
	}
	readers.Wait()
}

// BenchmarkIdleSocket reports what one of 5,000 open sockets costs this process; the other ends cost it a little, too.
// Run it with -benchtime 1x.
func BenchmarkIdleSocket(b *testing.B) {
	const sockets = 5000
	for range b.N {
		k := onTCP(b, Options{}, nil)
		before := memory()
		recs := make([]*recorder, sockets)
		for i := range recs {
			client, rec := idle(b, k)
			defer client.Close()
			recs[i] = rec
			_ = recs[i].conn.Send([]byte(`{"type":"hello"}`))
		}
		after := memory()
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/sockets, "heapB/socket")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/sockets, "stackB/socket")
		runtime.KeepAlive(recs)
	}
}

func memory() runtime.MemStats {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m
}

// idle opens a socket whose client is a network connection and nothing else.
func idle(tb testing.TB, k *kit) (net.Conn, *recorder) {
	tb.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(k.url, "ws://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host)
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		tb.Fatalf("answer %v, %v", answer, err)
	}
	return conn, <-k.opened
}
