package mesh

import "maps"

// smallMap is the number of entries below which a map is not worth giving back.
const smallMap = 256

// shrink is called after each removal from a map, and returns the map to go on with: a smaller one when most of its entries are
// gone, because a map alone never gives memory back. The peak is the most that the map has held.
func shrink[V any](m map[string]V, peak *int) map[string]V {
	*peak = max(*peak, len(m)+1)
	if *peak < smallMap || len(m) > *peak/8 {
		return m
	}
	smaller := make(map[string]V, len(m))
	maps.Copy(smaller, m)
	*peak = len(m)
	return smaller
}
