package store

import (
	"context"
	"fmt"
	"slices"
)

const (
	// mergeRows and mergeBytes are how much one commit of a merge takes: as long as
	// that, somebody who posts meanwhile may wait.
	mergeRows  = 128
	mergeBytes = 1 << 20
)

// Merge joins rows of other nodes with those that are here. Of two states of a row
// the one stays that is final (a deleted message, a revoked session), then the one
// of the later stamp, or for a setting of the earlier, of a ruling (see [Standing]) or an [Ending] that which stands later, and of a room that was made twice
// the one that was made first: whatever order rows come in, and however often, the tables
// become the same. What stays keeps its origin and gets a place here; watchers are
// told as of any write. applied counts the rows that changed something.
//
// What was said in a room that is deleted is taken in without its text, whenever it
// comes; see [Store.DeleteRoom].
//
// Two users may come to claim one name. The earlier claim has it, the other is
// shown with a few digits behind it until it claims another.
//
// A feed that the rows continue without a gap is known that much further; see
// [Store.Adopt] for one with gaps. Rows stamped more than a day ahead of the clock
// wait until they are not; see [Store.Aside].
//
// The rows are not on disk when Merge returns, but when [Store.Sync] does, or the next local
// write: others have them, and after a power cut the vector says what to fetch again.
//
// Many rows take several commits, so that local writes go on between them. With an
// error some of them may be merged; merging them again is no harm.
func (s *Store) Merge(ctx context.Context, rows []Row) (applied int, err error) {
	for _, r := range rows {
		if err := checkRow(r); err != nil {
			return 0, fmt.Errorf("merge a %s: %w", r.key().kind, err)
		}
	}
	for len(rows) > 0 {
		n := mergeSize(rows)
		part := rows[:n]
		rows = rows[n:]
		var changed int
		err := s.writer.submitMerge(ctx, "merge rows", func(t *tx) (err error) {
			if err := t.retryEarly(); err != nil {
				return err
			}
			changed, err = t.merge(part)
			return err
		})
		if err != nil {
			return applied, err
		}
		applied += changed
	}
	return applied, nil
}

// mergeSize tells how many rows, from the first, fit into one commit.
func mergeSize(rows []Row) int {
	size := 0
	for i, r := range rows {
		size += rowSize(r)
		if i == mergeRows || (i > 0 && size > mergeBytes) {
			return i
		}
	}
	return len(rows)
}

func (t *tx) merge(rows []Row) (applied int, err error) {
	horizon := StampAt(t.now.Add(maxEarly))
	timely := make([]Row, 0, len(rows))
	for _, r := range rows {
		if r.row().Stamp >= horizon {
			n, err := t.putEarly(r)
			if err != nil {
				return 0, err
			}
			applied += n
			continue
		}
		timely = append(timely, r)
		t.w.counters.clock.follow(t.now, r.row().Stamp)
	}
	joined := join(timely)
	stored, err := t.stored(joined)
	if err != nil {
		return 0, err
	}
	pairs := pairSet{}
	for _, r := range joined {
		if r, err = t.inDeletedRoom(r); err != nil {
			return 0, err
		}
		old := stored[r.key()]
		if old != nil && !supersedes(r, old) {
			continue
		}
		if err := t.replace(old, r.clone(), pairs); err != nil {
			return 0, err
		}
		applied++
	}
	if err := t.putConversations(pairs); err != nil {
		return 0, err
	}
	t.advance(rows)
	return applied, nil
}

// stored finds what is here of some rows.
func (t *tx) stored(rows []Row) (map[rowKey]Row, error) {
	stored := make(map[rowKey]Row, len(rows))
	ids := make(map[string][]ID)
	for _, r := range rows {
		key := r.key()
		x, strange := r.(*Strange)
		if !strange {
			ids[key.kind] = append(ids[key.kind], key.id)
			continue
		}
		if err := collect[Strange](t, stored, strangeByID, x.Kind, x.ID); err != nil {
			return nil, err
		}
	}
	for kind, some := range ids {
		var err error
		switch kind {
		case kindUser:
			err = collect[User](t, stored, usersByID, idList(some))
		case kindSeen:
			err = collect[Seen](t, stored, seenByUsers, idList(some))
		case kindSession:
			err = collect[Session](t, stored, sessionsByID, idList(some))
		case kindRoom:
			err = collect[Room](t, stored, roomsByID, idList(some))
		case kindMessage:
			err = collect[Message](t, stored, messagesByID, idList(some))
		default:
			err = collect[Record](t, stored, recordsByID, kind, idList(some))
		}
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// scannableRow is a *T that is a row.
type scannableRow[T any] interface {
	scannable[T]
	Row
}

func collect[T any, P scannableRow[T]](t *tx, into map[rowKey]Row, query string, args ...any) error {
	all, err := many[T, P](context.Background(), t, query, args...)
	for i := range all {
		r := P(&all[i])
		into[r.key()] = r
	}
	return err
}

func (t *tx) nextPlace() int64 {
	t.w.counters.place++
	return t.w.counters.place
}

// replace writes r over old, which is nil if there was none, and what follows from it.
func (t *tx) replace(old, r Row, pairs pairSet) error {
	r.row().Place = t.nextPlace()
	if old != nil && !stampTells(r) && sameState(old, r) {
		// It only was written twice; that is no news.
		if u, ok := r.(*User); ok {
			// Not old's name and standing: an earlier row of this merge may have changed them.
			now, err := find[User](t, userByID, u.ID)
			if err != nil {
				return err
			}
			u.Name, u.Key, u.Standing = now.Name, now.Key, now.Standing
		}
		return r.write(t)
	}
	switch r := r.(type) {
	case *User:
		oldKey := ""
		if old != nil {
			oldKey = old.(*User).ClaimedKey
		}
		return t.putClaim(r, oldKey)
	case *Room:
		t.touch(r.ID)
		if r.Deleted {
			if err := t.eraseRoom(r.ID); err != nil {
				return err
			}
		}
	case *Message:
		before, _ := old.(*Message)
		t.replaced(before, r, pairs)
	case *Record:
		before, _ := old.(*Record)
		t.erased = t.erased || before != nil && before.Body != "" && (r.Body == "" || r.Kind == KindPassword)
		if isRuling(r.Kind) {
			if err := t.put(r); err != nil {
				return err
			}
			return t.judgeAnew(r.Owner)
		}
	}
	return t.put(r)
}

// stampTells says that a row means something else when nothing but its stamp is another: sessions are measured by that of an ending.
func stampTells(r Row) bool {
	x, ok := r.(*Record)
	return ok && (isEnding(x.Kind) || isRuling(x.Kind))
}

// replaced notes what follows from a message that is new, or moved in time or to
// another room. The latter is the same ID used twice on nodes apart.
func (t *tx) replaced(old, m *Message, pairs pairSet) {
	if old != nil {
		t.erased = t.erased || m.Deleted && old.Text != ""
		if old.Room == m.Room && old.Author == m.Author && old.Target == m.Target && old.Posted == m.Posted {
			return
		}
		t.moved = true
		t.concern(old, pairs)
	}
	t.concern(m, pairs)
}

func (t *tx) concern(m *Message, pairs pairSet) {
	if m.Target.IsZero() {
		t.touch(m.Room)
		return
	}
	pairs[m.Room] = [2]ID{m.Author, m.Target}
}

// pairSet holds conversations and whose they are.
type pairSet map[ID][2]ID

// putConversations finds the last message of each conversation anew.
func (t *tx) putConversations(pairs pairSet) error {
	for room, two := range pairs {
		for _, args := range [][]any{{two[0], two[1], room}, {two[1], two[0], room}} {
			if err := t.write(deleteConversation, args[:2]...); err != nil {
				return err
			}
			if err := t.write(findConversation, args...); err != nil {
				return err
			}
			if two[0] == two[1] {
				break
			}
		}
	}
	return nil
}

const (
	deleteConversation = `DELETE FROM conversations WHERE user = ? AND other = ?`
	findConversation   = `INSERT INTO conversations (user, other, posted, message)
		SELECT ?1, ?2, posted, id FROM messages WHERE room = ?3 ORDER BY posted DESC, id DESC LIMIT 1`
)

// advance notes the feeds that rows continue.
func (t *tx) advance(rows []Row) {
	seqs := make(map[ID][]uint64)
	for _, r := range rows {
		o := r.row().Origin
		seqs[o.Feed] = append(seqs[o.Feed], o.Seq)
	}
	for feed, some := range seqs {
		slices.Sort(some)
		seq := t.knownOf(feed)
		for _, n := range some {
			if n == seq+1 {
				seq = n
			}
		}
		t.know(feed, seq)
	}
}

// knownOf tells how far this node has a feed of another.
func (t *tx) knownOf(feed ID) uint64 {
	return max(t.known[feed], t.w.known[feed])
}

// know notes that this node has a feed up to seq. The running one only grows by
// what is written here.
func (t *tx) know(feed ID, seq uint64) {
	if feed == t.w.counters.feed || seq <= t.knownOf(feed) {
		return
	}
	if t.known == nil {
		t.known = make(map[ID]uint64)
	}
	t.known[feed] = seq
}
