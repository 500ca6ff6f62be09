package layer

import "maps"

// smallTable is the number of entries below which a map is not worth giving back.
const smallTable = 64

// table is a map that gives memory back when most of its entries are gone, which a map alone never does.
type table[V any] struct {
	entries map[string]V
	peak    int
}

func (t *table[V]) put(key string, v V) {
	if t.entries == nil {
		t.entries = make(map[string]V)
	}
	t.entries[key] = v
	t.peak = max(t.peak, len(t.entries))
}

func (t *table[V]) remove(key string) {
	delete(t.entries, key)
	n := len(t.entries)
	if t.peak < smallTable || n > t.peak/8 {
		return
	}
	smaller := make(map[string]V, n)
	maps.Copy(smaller, t.entries)
	t.entries, t.peak = smaller, n
}
