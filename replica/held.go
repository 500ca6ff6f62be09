package replica

// held is live rows of one peer that wait to be merged: without gaps, and the newest if there are more than there is room for.
type held struct {
	feed  Feed
	rows  []Row
	bytes int
}

// rowOverhead is what a row costs in memory besides its body.
const rowOverhead = 64

// add puts rows behind the others, and counts those dropped. Where the new ones do not follow, there is a gap that has to be pulled
// anyway, up to the new ones.
func (h *held) add(f *liveFrame) (dropped int) {
	if f.Feed != h.feed || len(h.rows) > 0 && f.First != h.rows[len(h.rows)-1].Seq+1 {
		dropped += len(h.rows)
		*h = held{feed: f.Feed}
	}
	for i, body := range f.Bodies {
		h.rows = append(h.rows, Row{Feed: f.Feed, Seq: f.First + uint64(i), Body: body})
		h.bytes += len(body) + rowOverhead
	}
	for h.bytes > maxHeld {
		h.drop(1)
		dropped++
	}
	return dropped
}

// drop forgets the oldest rows.
func (h *held) drop(n int) {
	for _, row := range h.rows[:n] {
		h.bytes -= len(row.Body) + rowOverhead
	}
	if n == len(h.rows) {
		h.rows = nil // and the memory with them
		return
	}
	h.rows = h.rows[n:]
}

// gap reports whether the rows do not follow what is known, so that they have to wait.
func (h *held) gap(known uint64) bool { return len(h.rows) > 0 && h.rows[0].Seq > known+1 }

// take takes out rows that continue what is known, up to a size.
func (h *held) take(known uint64, size int) []Row {
	if len(h.rows) == 0 || h.gap(known) {
		return nil
	}
	if old := known + 1 - h.rows[0].Seq; old > 0 {
		h.drop(int(min(old, uint64(len(h.rows)))))
	}
	n := 0
	for n < len(h.rows) && size > 0 {
		size -= len(h.rows[n].Body) + rowOverhead
		n++
	}
	rows := h.rows[:n:n]
	h.drop(n)
	return rows
}
