package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// node is a store that others pull from.
type node struct {
	*Store
	t     testing.TB
	dir   string
	skew  time.Duration
	rand  *rand.Rand
	posts []ID
	past  *decisions // of all nodes
}

func (n *node) open() {
	n.Store = openAt(n.t, n.dir, Options{Synchronous: "normal", Now: func() time.Time { return time.Now().Add(n.skew) }})
}

// overWire sends rows as they travel.
func overWire(t testing.TB, rows []Row) []Row {
	t.Helper()
	var got []Row
	for _, r := range rows {
		decoded, err := DecodeRow(EncodeRow(r))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, decoded)
	}
	return got
}

// pull gets what n lacks of another node, in up to so many steps; only at the end
// it adopts the other's vector.
func (n *node) pull(from *node, steps int) {
	n.t.Helper()
	ctx := context.Background()
	log := from.Feed().Hex()
	place, err := n.Cursor(ctx, log)
	if err != nil {
		n.t.Fatal(err)
	}
	mine, _, err := n.Vector(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	theirs, _, err := from.Vector(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	for range steps {
		rows, next, end, err := from.RowsAfter(ctx, place, mine, 1+n.rand.IntN(10))
		if err != nil {
			n.t.Fatal(err)
		}
		merge(n.t, n.Store, overWire(n.t, rows)...)
		place = next
		if end {
			if err := n.Adopt(ctx, theirs, Cursor{log, place}); err != nil {
				n.t.Fatal(err)
			}
			return
		}
		if err := n.SaveCursor(ctx, Cursor{log, place}); err != nil {
			n.t.Fatal(err)
		}
	}
}

// act does something that a person may do. What cannot be done is not.
func (n *node) act() error {
	ctx := context.Background()
	r := n.rand
	name := []string{"ada", "bob", "zoe"}[r.IntN(3)]
	room := []string{"lobby", "garden"}[r.IntN(2)]
	author := ID{byte(1 + r.IntN(4))}
	post := func(m Message) error {
		m.ID, m.Author, m.Text = NewID(), author, fmt.Sprint("text ", r.IntN(100))
		n.posts = append(n.posts, m.ID)
		_, _, err := n.PostMessage(ctx, m)
		return err
	}
	change := func(fn func(*Message) error) error {
		msgs, _, err := n.History(ctx, RoomID(room), ID{}, 5)
		if err != nil || len(msgs) == 0 {
			return err
		}
		_, err = n.UpdateMessage(ctx, msgs[r.IntN(len(msgs))].ID, fn)
		return err
	}
	user := func(fn func(*User) error) error {
		users, err := n.Users(ctx, UserQuery{Limit: 20})
		if err != nil || len(users) == 0 {
			return err
		}
		_, err = n.UpdateUser(ctx, users[r.IntN(len(users))].ID, fn)
		return err
	}
	switch r.IntN(17) {
	case 0:
		_, err := n.CreateUser(ctx, User{Name: strings.ToUpper(name), Key: name, Standing: Standing{Password: "first"}, Created: time.Now()})
		return err
	case 1:
		return user(func(u *User) error { u.Name, u.Key = strings.ToUpper(name), name; return nil })
	case 2, 14, 15, 16:
		users, err := n.Users(ctx, UserQuery{Limit: 20})
		if err != nil || len(users) == 0 {
			return err
		}
		return n.past.add(n, users[r.IntN(len(users))])
	case 3:
		_, _, err := n.OpenRoom(ctx, Room{Name: room, Key: room, Creator: author, Created: time.Now()})
		return err
	case 4:
		_, err := n.UpdateRoom(ctx, RoomID(room), func(r *Room) error { r.Guests = !r.Guests; return nil })
		return err
	case 5:
		return post(Message{Target: ID{byte(1 + r.IntN(4))}})
	case 6:
		return change(func(m *Message) error { m.Text, m.Edited = "edited", time.Now(); return nil })
	case 7:
		return change(func(m *Message) error { m.Deleted = true; return nil })
	case 8:
		return n.SetSeen(ctx, author, time.Now())
	case 9:
		_, err := n.CreateRecord(ctx, NewRecord{Record: Record{Kind: KindToken, Owner: author, Key: NewID().Hex(), Body: `{"name":"laptop"}`}, Most: 20})
		return err
	case 10:
		tokens, err := n.RecordsOf(ctx, KindToken, author)
		if err != nil || len(tokens) == 0 {
			return err
		}
		_, err = n.UpdateRecord(ctx, KindToken, tokens[r.IntN(len(tokens))].ID, func(x *Record) error { x.Final = true; return nil })
		return err
	case 11:
		_, _, err := n.Setting(ctx, name, fmt.Sprintf(`{"value":%d}`, r.IntN(1000)))
		return err
	default:
		return post(Message{Room: RoomID(room)})
	}
}

// decisions are all that was decided of people, and what whoever decided knew.
type decisions struct {
	taken  map[string]Stamp // by user and kind: the latest disabling, demotion or change of the password
	undone map[string]Stamp // the latest of them that somebody knew who enabled or promoted
	roots  map[string]Stamp // by hash: the change of the password that it came with
}

func newDecisions() *decisions {
	return &decisions{taken: map[string]Stamp{}, undone: map[string]Stamp{}, roots: map[string]Stamp{}}
}

// add decides something of somebody, and notes it.
func (d *decisions) add(n *node, u User) error {
	ctx := context.Background()
	kind := []string{KindDisabled, KindRole, KindPassword}[n.rand.IntN(3)]
	note := fmt.Sprint(u.ID, kind)
	ruling := func() (Stamp, error) {
		x, err := n.Record(ctx, kind, rulingID(kind, u.ID))
		if errors.Is(err, ErrNotFound) {
			return 0, nil
		}
		return x.Stamp, err
	}
	known, err := ruling() // if somebody is disabled or demoted, it is that which did it
	if err != nil {
		return err
	}
	hash := fmt.Sprint("hash ", NewID())
	if kind == KindPassword && n.rand.IntN(2) == 0 {
		d.roots[hash] = d.roots[u.Password]
		_, err := n.RenewPassword(ctx, u.ID, u.Password, hash)
		return err
	}
	gives := false
	_, err = n.UpdateUser(ctx, u.ID, func(u *User) error {
		switch kind {
		case KindDisabled:
			gives, u.Disabled = u.Disabled, !u.Disabled
		case KindRole:
			gives, u.Admin = !u.Admin, !u.Admin
		default:
			u.Password = hash
		}
		return nil
	})
	if err != nil {
		return err
	}
	if gives {
		d.undone[note] = max(d.undone[note], known)
		return nil
	}
	at, err := ruling()
	d.taken[note] = max(d.taken[note], at)
	d.roots[hash] = at
	return err
}

// check says what came back that was taken, or was not given back.
func (d *decisions) check(t *testing.T, u User) {
	t.Helper()
	if at, undone := d.taken[fmt.Sprint(u.ID, KindDisabled)], d.undone[fmt.Sprint(u.ID, KindDisabled)]; u.Disabled != (at > undone) {
		t.Errorf("%s is disabled: %v; disabled at %d, the last that was known to who enabled %d", u.ID, u.Disabled, at, undone)
	}
	if at, undone := d.taken[fmt.Sprint(u.ID, KindRole)], d.undone[fmt.Sprint(u.ID, KindRole)]; u.Admin && at > undone {
		t.Errorf("%s is an administrator again: demoted at %d, the last that was known to who promoted %d", u.ID, at, undone)
	}
	if at, got := d.taken[fmt.Sprint(u.ID, KindPassword)], d.roots[u.Password]; at != got {
		t.Errorf("%s has the password of %d, want that of %d", u.ID, got, at)
	}
}

// Three nodes with clocks of their own write, and pull from each other now and
// then, not always to the end; they are restarted, and one is told of a set-back.
// When they have exchanged all, they have the same, nothing is missing, and nothing that
// was taken from anybody has come back.
func TestNodesThatExchangeRowsAgree(t *testing.T) {
	t.Parallel()
	for seed := range 20 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			r := rand.New(rand.NewPCG(uint64(seed), 3))
			var nodes []*node
			past := newDecisions()
			for i := range 3 {
				n := &node{t: t, dir: t.TempDir(), rand: r, past: past, skew: time.Duration(i-1) * 11 * time.Hour}
				n.open()
				nodes = append(nodes, n)
			}
			for range 150 {
				n, other := nodes[r.IntN(3)], nodes[r.IntN(3)]
				switch p := r.IntN(40); {
				case p == 0:
					if err := n.Close(); err != nil {
						t.Fatal(err)
					}
					n.open()
				case p == 1:
					if err := n.NewFeed(ctx); err != nil {
						t.Fatal(err)
					}
				case p < 10 && n != other:
					n.pull(other, 1+r.IntN(8))
				default:
					if err := n.act(); err != nil && !errors.Is(err, ErrNameTaken) && !errors.Is(err, ErrFull) && !errors.Is(err, ErrNotFound) {
						t.Fatal(err)
					}
				}
			}
			for range 2 {
				for _, n := range nodes {
					for _, other := range nodes {
						if n != other {
							n.pull(other, 10_000)
						}
					}
				}
			}
			first, _, err := nodes[0].Vector(ctx)
			if err != nil {
				t.Fatal(err)
			}
			facts := func(n *node) string {
				return strings.Join(strings.Split(derived(t, n.Store), "\n\n")[:3], "\n\n")
			}
			for i, n := range nodes {
				if got, want := fingerprintOf(t, n.Store), fingerprintOf(t, nodes[0].Store); got != want {
					t.Errorf("node %d: fingerprint %s, want %s", i, got, want)
				}
				if diff := cmp.Diff(facts(nodes[0]), facts(n)); diff != "" {
					t.Errorf("node %d: %s", i, diff)
				}
				if vector, _, err := n.Vector(ctx); err != nil || !maps.Equal(vector, first) {
					t.Errorf("node %d: vector %v, want %v; %v", i, vector, first, err)
				}
				users, err := n.Users(ctx, UserQuery{Limit: 100})
				if err != nil {
					t.Fatal(err)
				}
				for _, u := range users {
					past.check(t, u)
				}
				for _, writer := range nodes {
					for _, id := range writer.posts {
						if _, err := n.MessageByID(ctx, id); err != nil {
							t.Errorf("node %d lacks %v: %v", i, id, err)
						}
					}
				}
			}
		})
	}
}

// What a node has superseded it still does after it was set back, however often: else it
// would lack a state that others have, and believe to have it.
func TestRowsOfANewFeedSupersedeThoseOfTheOld(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	for range 20 {
		if err := s.NewFeed(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if vector, _, err := s.Vector(ctx); err != nil || len(vector) != 0 {
		t.Errorf("vector after feeds of nothing: %v, %v", vector, err)
	}
	m := say(t, s, RoomID("lobby"), ID{1}, "hello")
	for range 20 {
		if err := s.NewFeed(ctx); err != nil {
			t.Fatal(err)
		}
		now, err := s.MessageByID(ctx, m.ID)
		if err != nil || now.Feed != s.Feed() || !supersedes(&now, &m) {
			t.Fatalf("%+v does not supersede %+v, %v", now.Origin, m.Origin, err)
		}
		if merge(t, s, &m) != 0 {
			t.Fatal("the old state came back")
		}
		m = now
	}
}
