package store

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// randomHistory makes random states of a few rows of every kind, as nodes that do not
// see each other would write them, and worse: IDs used twice, numbers used twice,
// stamps that are equal.
func randomHistory(r *rand.Rand, n int) []Row {
	base := StampAt(time.Now()) - 1000
	feeds := []ID{{0xf1}, {0xf2}, {0xf3}}
	people := []ID{{1, 9: 0xab, 0xcd, 1}, {2, 9: 0xab, 0xcd, 2}, {3, 9: 0xab, 0xff}, {4, 9: 0x12}}
	keys := []string{"ada", "bob", "zoe"}
	rooms := []string{"lobby", "garden"}
	pick := func(ids []ID) ID { return ids[r.IntN(len(ids))] }
	var rows []Row
	for i := range n {
		h := Header{Origin: Origin{Stamp: base + Stamp(r.IntN(30)), Feed: pick(feeds), Seq: uint64(i + 1)}}
		if r.IntN(8) == 0 {
			h.Extra = fmt.Sprintf(`{"later":%d}`, r.IntN(3))
		}
		if r.IntN(20) == 0 {
			h.Seq = 1
		}
		at := time.UnixMilli(base.Millis() + r.Int64N(1000)).UTC()
		key := keys[r.IntN(len(keys))]
		var row Row
		switch r.IntN(17) {
		case 0, 1, 2:
			u := &User{
				Header: h, ID: pick(people), ClaimedName: strings.ToUpper(key), ClaimedKey: key,
				Claimed: base + Stamp(r.IntN(10)), Said: Standing{Password: "hash", Admin: r.IntN(2) == 0, Disabled: r.IntN(4) == 0}, Created: at,
			}
			u.Standing = u.Said
			u.show("")
			row = u
		case 3:
			row = &Seen{Header: h, User: pick(people), At: at}
		case 4:
			x := &Session{Header: h, ID: ID{byte(1 + r.IntN(3))}, User: pick(people), Created: at, Used: at, Expires: at.Add(time.Hour * 1000), Revoked: r.IntN(4) == 0, Knew: Stamp(r.IntN(2)) * (base + Stamp(r.IntN(30)))}
			x.Token[0] = byte(r.IntN(2))
			if n := r.IntN(3); n > 0 {
				x.Known = map[ID]Stamp{}
				for range n - 1 {
					x.Known[endingID(x.User, []string{"one", "two"}[r.IntN(2)])] = base + Stamp(r.IntN(30))
				}
			}
			row = x
		case 5:
			name := rooms[r.IntN(len(rooms))]
			row = &Room{Header: h, ID: RoomID(name), Key: name, Name: strings.ToUpper(name), Creator: pick(people), Created: at, Guests: r.IntN(2) == 0, Life: r.IntN(2), Deleted: r.IntN(3) == 0}
			x := row.(*Room)
			x.ID = RoomLifeID(name, x.Life)
		case 6:
			id := fmt.Sprint(r.IntN(3))
			row = &Strange{Header: h, Kind: "poll", ID: id, Final: r.IntN(4) == 0}
			row = mustStrange(row.(*Strange))
		case 7:
			row = &Record{
				Header: h, Kind: KindToken, ID: ID{byte(1 + r.IntN(3))}, Owner: pick(people), Key: fmt.Sprint("hash ", r.IntN(3)), Created: at,
				Expires: at.Add(time.Hour * 1000), Final: r.IntN(4) == 0, Body: fmt.Sprintf(`{"name":%q}`, key),
			}
		case 8:
			// The same ID as another kind's is another row.
			kinds := []string{KindPasskey, KindRecovery, KindHook, KindInvitation, KindInvited, KindAudit, KindKeptName}
			row = &Record{Header: h, Kind: kinds[r.IntN(len(kinds))], ID: ID{byte(1 + r.IntN(2))}, Owner: pick(people), Key: "credential", Created: at, Final: r.IntN(4) == 0}
		case 9:
			row = &Record{
				Header: h, Kind: KindSetting, ID: RecordID(KindSetting, key), Key: key, Created: at,
				Body: fmt.Sprintf(`{"value": %d}`, r.IntN(9)), Final: r.IntN(20) == 0,
			}
		case 10:
			owner, life := pick(people), []string{"one", "two"}[r.IntN(2)]
			x := &Record{Header: h, Kind: KindEnding, ID: endingID(owner, life), Owner: owner, Key: life, Created: at}
			body := endingBody{Kept: ID{byte(r.IntN(4))}}
			switch r.IntN(4) {
			case 0: // of an older version
				x.Kind, x.ID, x.Key = KindOldEnding, oldEndingID(owner), ""
			case 1:
				body.Instead, body.Taker, body.TakenAt = base-Stamp(1+r.IntN(30)), endingID(owner, "three"), base-1
			}
			x.Body = string(encode(body))
			row = x
		case 11, 12, 13:
			kind, owner := []string{KindDisabled, KindRole, KindPassword}[r.IntN(3)], pick(people)
			body := rulingBody{Disabled: kind == KindDisabled && r.IntN(2) == 0, Admin: kind == KindRole && r.IntN(2) == 0}
			if kind == KindPassword && r.IntN(4) > 0 {
				body.Password = fmt.Sprint("hash ", r.IntN(5))
			}
			if r.IntN(2) == 0 {
				body.Instead = []Stamp{noRuling, base - Stamp(1+r.IntN(30))}[r.IntN(2)]
			}
			row = &Record{Header: h, Kind: kind, ID: rulingID(kind, owner), Owner: owner, Created: at, Body: string(encode(body))}
		default:
			m := &Message{Header: h, ID: ID{byte(1 + r.IntN(6))}, Author: pick(people), Posted: base + Stamp(r.IntN(30)), Text: fmt.Sprint("text ", r.IntN(3))}
			if r.IntN(4) == 0 {
				m.Hook = "ci"
			}
			if m.Room = RoomLifeID(rooms[r.IntN(len(rooms))], r.IntN(2)); r.IntN(3) == 0 {
				m.Target = pick(people)
				m.Room, m.Hook = PairID(m.Author, m.Target), ""
			}
			if r.IntN(4) == 0 {
				m.Edited = at
			}
			if r.IntN(5) == 0 {
				m.Deleted, m.Text = true, ""
			}
			row = m
		}
		rows = append(rows, row)
	}
	return rows
}

// mustStrange sends a strange row over the wire, which gives it its body.
func mustStrange(x *Strange) Row {
	body := fmt.Sprintf(`{"kind":%q,"v":1,"id":%q,"stamp":%d,"feed":%q,"seq":%d,"final":%v,"question":"why?"}`,
		x.Kind, x.ID, x.Stamp, x.Feed, x.Seq, x.Final)
	r, err := DecodeRow([]byte(body))
	if err != nil {
		panic(err)
	}
	return r
}

// shuffled gives all rows in some order, some of them again and again.
func shuffled(r *rand.Rand, rows []Row) []Row {
	again := slices.Clone(rows)
	for range r.IntN(len(rows) + 1) {
		again = append(again, rows[r.IntN(len(rows))])
	}
	r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	return again
}

// joinInParts joins as a net of nodes would: parts apart, then what they have.
func joinInParts(r *rand.Rand, rows []Row) []Row {
	if len(rows) < 2 || r.IntN(4) == 0 {
		return remaining(join(rows))
	}
	cut := 1 + r.IntN(len(rows)-1)
	return remaining(join(append(joinInParts(r, rows[:cut]), joinInParts(r, rows[cut:])...)))
}

// remaining is what a node has of joined rows that knows no others: nothing that was said in rooms
// which they say are deleted.
func remaining(rows []Row) []Row {
	deleted := map[ID]bool{}
	for _, r := range rows {
		if room, ok := r.(*Room); ok && room.Deleted {
			deleted[room.ID] = true
		}
	}
	left := make([]Row, len(rows))
	for i, r := range rows {
		if left[i] = r; len(deleted) == 0 {
			continue
		}
		if m, ok := r.(*Message); ok && deleted[m.Room] {
			left[i] = m.erased()
		}
	}
	return left
}

// sameOutcome compares what tables hold.
func sameOutcome(a, b map[rowKey]Row) bool {
	return maps.EqualFunc(a, b, func(x, y Row) bool { return x == y || bytes.Equal(EncodeRow(x), EncodeRow(y)) })
}

// outcome is what the tables would hold.
func outcome(rows []Row) map[rowKey]Row {
	all := make(map[rowKey]Row, len(rows))
	for _, r := range rows {
		all[r.key()] = r
	}
	return all
}

// shownNames are the names that follow from the users among rows.
func shownNames(rows []Row) map[ID]string {
	claims := map[string][]User{}
	for _, r := range rows {
		if u, ok := r.(*User); ok {
			claims[u.ClaimedKey] = append(claims[u.ClaimedKey], *u)
		}
	}
	names := map[ID]string{}
	for key, users := range claims {
		for id, suffix := range nameSuffixes(users) {
			names[id] = key + suffix
		}
	}
	return names
}

// judged is what counts of the users among rows.
func judged(rows []Row) map[ID]Standing {
	standings := map[ID]Standing{}
	for _, r := range rows {
		if u, ok := r.(*User); ok {
			standings[u.ID] = u.Said
		}
	}
	for _, r := range rows {
		x, ok := r.(*Record)
		if !ok || !isRuling(x.Kind) {
			continue
		}
		if s, there := standings[x.Owner]; there {
			if err := s.apply(x); err != nil {
				panic(err)
			}
			standings[x.Owner] = s
		}
	}
	return standings
}

// Any order and any repetition of the same rows give the same tables: 100,000
// orders of the joining that Merge does.
func TestJoinIsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	const histories, orders = 1000, 100
	for n := range histories {
		r := rand.New(rand.NewPCG(uint64(n), 1))
		rows := randomHistory(r, 2+r.IntN(30))
		first := remaining(join(rows))
		want, names := outcome(first), shownNames(first)
		for range orders {
			got := joinInParts(r, shuffled(r, rows))
			if !sameOutcome(outcome(got), want) {
				t.Fatalf("seed %d: %v\nwant %v", n, outcome(got), want)
			}
			if gotNames := shownNames(got); !maps.Equal(gotNames, names) {
				t.Fatalf("seed %d: names: %v\nwant %v", n, gotNames, names)
			}
		}
	}
}

func TestSupersedesIsATotalOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	byKey := map[rowKey][]Row{}
	for _, row := range randomHistory(r, 400) {
		byKey[row.key()] = append(byKey[row.key()], row)
	}
	for _, states := range byKey {
		for _, a := range states {
			for _, b := range states {
				if a != b && supersedes(a, b) == supersedes(b, a) && string(EncodeRow(a)) != string(EncodeRow(b)) {
					t.Errorf("%s and %s have no order", EncodeRow(a), EncodeRow(b))
				}
				for _, c := range states {
					if supersedes(a, b) && supersedes(b, c) && !supersedes(a, c) {
						t.Errorf("the order of %s, %s and %s runs in a circle", EncodeRow(a), EncodeRow(b), EncodeRow(c))
					}
				}
			}
		}
	}
}

// derived is all that follows from the replicated rows, as text.
func derived(t testing.TB, s *Store) string {
	t.Helper()
	var all strings.Builder
	for _, query := range []string{
		`SELECT coalesce(group_concat(hex(room) || ' ' || at, char(10)), '') FROM (SELECT * FROM activity ORDER BY room)`,
		`SELECT coalesce(group_concat(hex(user) || ' ' || hex(other) || ' ' || posted || ' ' || hex(message), char(10)), '') FROM (SELECT * FROM conversations ORDER BY user, other)`,
		`SELECT coalesce(group_concat(hex(id) || ' ' || shown || ' ' || shown_key || ' ' || ruled_password || ' ' || ruled_admin || ' ' || ruled_disabled, char(10)), '') FROM (SELECT * FROM users ORDER BY id)`,
		`SELECT coalesce(group_concat(hex(feed) || ' ' || seq, char(10)), '') FROM (SELECT * FROM feeds ORDER BY feed)`,
	} {
		got, err := one[text](context.Background(), s.reader, query)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(string(got) + "\n\n")
	}
	return all.String()
}

func fingerprintOf(t testing.TB, s *Store) string {
	t.Helper()
	sum, err := s.Fingerprint(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func merge(t testing.TB, s *Store, rows ...Row) int {
	t.Helper()
	n, err := s.Merge(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The same on real databases, over the wire, in batches of any size; and it is
// what joining in memory says.
func TestMergeIsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	seeds := 12
	if os.Getenv("SNUG_LONG") != "" {
		seeds = 200
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(seed), 2))
			rows := randomHistory(r, 60)
			joined := remaining(join(rows))
			var want fingerprint
			names, standings := shownNames(joined), judged(joined)
			for _, row := range joined {
				row = row.clone()
				if u, ok := row.(*User); ok {
					u.show(strings.TrimPrefix(names[u.ID], u.ClaimedKey))
					u.Standing = standings[u.ID]
				}
				want.add(row)
			}
			var facts string
			for order := range 6 {
				s := openAt(t, t.TempDir(), Options{Synchronous: "normal"})
				rest := shuffled(r, rows)
				for len(rest) > 0 {
					n := 1 + r.IntN(min(len(rest), 20))
					var part []Row
					for _, row := range rest[:n] {
						decoded, err := DecodeRow(EncodeRow(row))
						if err != nil {
							t.Fatal(err)
						}
						part = append(part, decoded)
					}
					merge(t, s, part...)
					rest = rest[n:]
				}
				if got := fingerprintOf(t, s); got != want.String() {
					t.Fatalf("order %d: fingerprint %s, want %s", order, got, want)
				}
				got := strings.Join(strings.Split(derived(t, s), "\n\n")[:3], "\n\n")
				if order == 0 {
					facts = got
				} else if diff := cmp.Diff(facts, got); diff != "" {
					t.Fatalf("order %d: %s", order, diff)
				}
				if n := merge(t, s, rows...); n != 0 {
					t.Fatalf("order %d: merged again, %d rows changed something", order, n)
				}
			}
		})
	}
}
