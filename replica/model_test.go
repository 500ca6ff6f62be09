package replica

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// state is a row of the model. The kinds are those of the real store: what differs is what a final row is.
type state struct {
	Kind  string // user, room, seen: the later stamp wins; session, message, login: final ones stay; ruling, ending: that which stands later
	ID    string
	Stamp uint64
	Final bool
	Text  string
	Gives bool   // of a ruling: it gives back what an earlier one took; of an ending: another one took its place
	Stood uint64 // of such a ruling or ending: where the one stood whose place it takes
	By    string // of a message: who wrote it, and his how manieth it is
	N     int

	Keeps   string // of an ending: the login that it keeps
	Taker   string // of one in whose place another stands: which, and at what stamp
	TakenAt uint64
	Known   map[string]uint64 // of a login: the endings that its node knew
	Heard   map[string]bool   // and all that it had ever been told of, for the test alone

	feed  Feed
	seq   uint64
	place int64
}

func (s *state) key() string { return s.Kind + " " + s.ID }

func (s *state) row() Row {
	if s.Kind == "aside" {
		return Row{s.feed, s.seq, []byte(s.Text)}
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return Row{s.feed, s.seq, b}
}

// stands is where a state stands: a ruling that gives something back beats only the one that its node knew.
func (s *state) stands() uint64 {
	if s.Gives {
		return s.Stood
	}
	return s.Stamp
}

// compare is the total order in which the larger state of a row wins.
func (s *state) compare(other *state) int {
	if s.Final != other.Final {
		if s.Final {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(s.stands(), other.stands()), cmp.Compare(s.Stamp, other.Stamp), bytes.Compare(s.feed[:], other.feed[:]), cmp.Compare(s.seq, other.seq))
}

// database is what is on the disk of a node.
type database struct {
	feed    Feed
	seq     uint64
	clock   uint64
	place   int64
	rows    map[string]*state // never changed in place
	order   []string          // keys by place-1; stale where the row has moved on
	feeds   Vector
	cursors map[Feed]int64
	told    []*state        // what people were told of, in order
	lives   []string        // the feeds that it had before
	heard   map[string]bool // of which endings it was ever told

	replaced []replaced // by the running commit
}

func (d *database) clone() database {
	c := *d
	c.rows, c.feeds, c.cursors = maps.Clone(d.rows), maps.Clone(d.feeds), maps.Clone(d.cursors)
	c.order, c.told, c.lives = slices.Clone(d.order), slices.Clone(d.told), slices.Clone(d.lives)
	return c
}

// model is a Store in memory that does the same joins as the real one.
type model struct {
	now   func() time.Time
	meant *meant

	commits chan struct{} // one at a time, until the watcher has been told; no mutex, which would hold up the time of the test
	watch   func([]Row)   // guarded by commits

	mu      sync.Mutex
	latency time.Duration // of the disk
	db      database
	count   int    // commits so far
	undos   []undo // what a power cut would take back, oldest first
	off     bool   // after a power cut, until open
	failing error  // of writes
	merges  int
	most    int // rows in one Merge
}

// undo is what was before a commit.
type undo struct {
	commit      int
	clock       uint64
	place       int64
	order, told int
	feeds       Vector
	cursors     map[Feed]int64
	replaced    []replaced
}

// replaced is what was under a key before; nil: nothing.
type replaced struct {
	key string
	old *state
}

func newModel(now func() time.Time) *model {
	m := &model{now: now, meant: &meant{told: map[string]map[string]bool{}}, commits: make(chan struct{}, 1), db: database{rows: map[string]*state{}, feeds: Vector{}, cursors: map[Feed]int64{}, heard: map[string]bool{}}}
	m.open()
	return m
}

// open begins a new life.
func (m *model) open() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.db.seq, m.off = 0, false
	m.db.lives = append(m.db.lives, m.db.feed.String())
	rand.Read(m.db.feed[:])
}

func (m *model) save() database {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.db.clone()
}

func (m *model) load(d database) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.db, m.undos = d.clone(), nil
}

// durable does fn as one transaction, tells the watcher of the rows that it gives, and brings all to the disk.
func (m *model) durable(fn func(*database) []Row) error {
	m.commits <- struct{}{}
	defer func() { <-m.commits }()
	if err := m.transact(fn); err != nil {
		return err
	}
	return m.Sync(context.Background())
}

// transact is durable without the disk.
func (m *model) transact(fn func(*database) []Row) error {
	m.mu.Lock()
	if err := m.works(); err != nil {
		m.mu.Unlock()
		return err
	}
	m.count++
	d := &m.db
	d.replaced = nil
	u := undo{m.count, d.clock, d.place, len(d.order), len(d.told), maps.Clone(d.feeds), maps.Clone(d.cursors), nil}
	rows := fn(d)
	u.replaced = d.replaced
	m.undos = append(m.undos, u)
	m.mu.Unlock()
	if len(rows) > 0 && m.watch != nil {
		m.watch(rows)
	}
	return nil
}

// Sync brings to the disk what was committed before.
func (m *model) Sync(context.Context) error {
	m.mu.Lock()
	commit, latency := m.count, m.latency
	m.mu.Unlock()
	time.Sleep(latency)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.works(); err != nil {
		return err
	}
	m.undos = slices.DeleteFunc(m.undos, func(u undo) bool { return u.commit <= commit })
	return nil
}

// works says why nothing can be written. The lock is held.
func (m *model) works() error {
	if m.off {
		return errPower
	}
	return m.failing
}

// cut takes back all that is not on disk. What is under way fails. A new life must follow.
func (m *model) cut() (lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = true
	d := &m.db
	for _, u := range slices.Backward(m.undos) {
		d.clock, d.place, d.order, d.told, d.feeds, d.cursors = u.clock, u.place, d.order[:u.order], d.told[:u.told], u.feeds, u.cursors
		for _, r := range slices.Backward(u.replaced) {
			if d.rows[r.key] = r.old; r.old == nil {
				delete(d.rows, r.key)
			}
		}
	}
	lost, m.undos = len(m.undos), nil
	return lost
}

// put places a state at the end of the order, and tells people if it is news.
func (d *database) put(s *state) {
	old := d.rows[s.key()]
	d.replaced = append(d.replaced, replaced{s.key(), old})
	d.place++
	s.place = d.place
	d.rows[s.key()] = s
	d.order = append(d.order, s.key())
	if old == nil || old.Text != s.Text || old.Final != s.Final {
		d.told = append(d.told, s)
	}
}

// write writes rows of this node, in one commit.
func (m *model) write(states ...state) (written []*state, err error) {
	err = m.durable(func(d *database) (rows []Row) {
		for len(states) > 0 {
			s := states[0]
			states = states[1:]
			if s.Kind == "ending" && !s.Gives {
				s.ID += "/" + d.feed.String()
			}
			d.clock = max(d.clock+1, uint64(m.now().UnixMilli())<<16)
			s.Stamp = d.clock
			if old := d.rows[s.key()]; old != nil {
				s.Stamp, s.Final = max(s.Stamp, old.Stamp+1), s.Final || old.Final
				s.Stood = old.stands()
			}
			if s.Final {
				s.Text = ""
			}
			switch {
			case s.Kind == "ending" && !s.Gives:
				states = append(d.end(&s, m.meant), states...)
			case s.Kind == "login" && s.Known == nil:
				d.note(&s)
			}
			d.seq++
			s.feed, s.seq = d.feed, d.seq
			d.feeds[d.feed] = d.seq
			d.put(&s)
			rows = append(rows, s.row())
			written = append(written, &s)
		}
		return rows
	})
	return written, err
}

func (m *model) Feed() Feed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.db.feed
}

func (m *model) Vector(context.Context) (Vector, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.db.feeds), m.db.place, nil
}

func (m *model) RowsAfter(_ context.Context, place int64, skip Vector, limit int) (rows []Row, next int64, end bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next = min(place, m.db.place)
	for next < m.db.place && len(rows) < limit {
		next++
		s := m.db.rows[m.db.order[next-1]]
		if s.place == next && s.seq > skip[s.feed] {
			rows = append(rows, s.row())
		}
	}
	return rows, next, next == m.db.place, nil
}

func (m *model) Merge(_ context.Context, rows []Row) (merged Merged, err error) {
	merged.Known = Vector{}
	m.commits <- struct{}{}
	defer func() { <-m.commits }()
	err = m.transact(func(d *database) (changed []Row) {
		m.merges++
		m.most = max(m.most, len(rows))
		for _, row := range rows {
			s := new(state)
			if err := json.Unmarshal(row.Body, s); err != nil {
				s = &state{Kind: "aside", ID: fmt.Sprint(row.Feed, row.Seq), Text: string(row.Body)}
				merged.Aside++
			}
			s.feed, s.seq = row.Feed, row.Seq
			if s.Kind == "ending" {
				d.hear(m.meant.of(s))
			}
			if wall := uint64(m.now().Add(time.Minute).UnixMilli()) << 16; s.Stamp < wall {
				d.clock = max(d.clock, s.Stamp)
			}
			if old := d.rows[s.key()]; old == nil || s.compare(old) > 0 {
				d.put(s)
				changed = append(changed, row)
				merged.Applied++
			}
			if row.Seq == d.feeds[row.Feed]+1 {
				d.feeds[row.Feed] = row.Seq
			}
			merged.Known[row.Feed] = d.feeds[row.Feed]
		}
		return changed
	})
	return merged, err
}

func (m *model) Adopt(_ context.Context, vector Vector, cursor Cursor) error {
	return m.durable(func(d *database) []Row {
		if _, own := vector[d.feed]; own {
			panic("adopted the running feed")
		}
		d.feeds.raise(vector)
		d.cursors[cursor.Log] = cursor.Place
		return nil
	})
}

func (m *model) Cursor(_ context.Context, log Feed) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.db.cursors[log], nil
}

func (m *model) SaveCursor(_ context.Context, c Cursor) error {
	return m.durable(func(d *database) []Row {
		d.cursors[c.Log] = c.Place
		return nil
	})
}

func (m *model) NewFeed(_ context.Context, sure uint64) error {
	return m.durable(func(d *database) (rows []Row) {
		old := d.feed
		var again []*state
		for _, s := range d.rows {
			if s.feed == old && s.seq > sure {
				again = append(again, s)
			}
		}
		slices.SortFunc(again, func(a, b *state) int { return cmp.Compare(a.seq, b.seq) })
		d.feeds[old] = sure
		clear(d.cursors)
		d.seq = 0
		rand.Read(d.feed[:])
		for _, s := range again {
			d.seq++
			moved := *s
			moved.feed, moved.seq = d.feed, d.seq
			d.feeds[d.feed] = d.seq
			d.put(&moved)
			rows = append(rows, moved.row())
		}
		return rows
	})
}

// fingerprint is all rows in their order, without the places.
func (m *model) fingerprint() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m.db.rows)) {
		s := m.db.rows[key]
		fmt.Fprintf(&b, "%s %x %t %q %s/%d\n", key, s.Stamp, s.Final, s.Text, s.feed, s.seq)
	}
	return b.String()
}

func (m *model) get(key string) *state {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.db.rows[key]
}

// pick gives any row, nil if there is none.
func (m *model) pick(random *mathrand.Rand) *state {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.db.order) == 0 {
		return nil
	}
	return m.db.rows[m.db.order[random.IntN(len(m.db.order))]]
}

func (m *model) slow(latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latency = latency
}

func (m *model) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = err
}

var (
	errDisk  = errors.New("disk full")
	errPower = errors.New("the power was cut")
)
