package mesh

import (
	"fmt"
	"runtime"
	"testing"
)

func TestMapsGiveMemoryBack(t *testing.T) {
	const keys = 100_000
	before := heap()
	m, peak := map[string]int{}, 0
	for i := range keys {
		m[fmt.Sprint(i)] = i
	}
	for i := range keys - 10 {
		delete(m, fmt.Sprint(i))
		m = shrink(m, &peak)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("a map with %d of %d keys left holds %d bytes", len(m), keys, grown)
	}
	for i := keys - 10; i < keys; i++ {
		if m[fmt.Sprint(i)] != i {
			t.Errorf("key %d is lost", i)
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	return int64(st.HeapAlloc)
}
