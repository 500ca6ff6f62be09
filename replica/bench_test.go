package replica

import (
	"crypto/rand"
	"runtime"
	"testing"
)

// BenchmarkOldFeeds is what a vector costs that has grown by 10,000 starts of nodes: in a frame, where it is told whole, and in memory.
func BenchmarkOldFeeds(b *testing.B) {
	const feeds = 10_000
	v := Vector{}
	for i := range feeds {
		var feed Feed
		rand.Read(feed[:])
		v[feed] = uint64(1 + i*7)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	k := newKnowledge(Feed{}, 0)
	k.raise(v)
	runtime.GC()
	runtime.ReadMemStats(&after)
	var size int
	for b.Loop() {
		frame := encode(&vectorFrame{Full: true, Vector: k.vector})
		size = len(frame)
		if _, err := decode(frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/feeds, "bytes/feed")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/feeds, "heap-bytes/feed")
	runtime.KeepAlive(k)
	runtime.KeepAlive(v)
}
