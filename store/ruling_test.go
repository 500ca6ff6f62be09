package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sides are two nodes that know the same user, and then do not see each other.
type sides struct {
	user ID
	all  [2]*Store
	rows []Row // written on either
}

func openSides(t *testing.T, as Standing, first, second time.Duration) *sides {
	t.Helper()
	x := &sides{}
	for i, skew := range []time.Duration{first, second} {
		x.all[i] = openAt(t, t.TempDir(), Options{Synchronous: "normal", Now: func() time.Time { return time.Now().Add(skew) }})
		t.Cleanup(x.all[i].Watch(func(rows []Row) { x.rows = append(x.rows, rows...) })) // they write one after the other
	}
	u, err := x.all[0].CreateUser(t.Context(), User{Name: "ada", Key: "ada", Standing: Standing{Password: "old", Admin: as.Admin}, Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	x.user = u.ID
	if as.Disabled {
		changed(func(u *User) { u.Disabled = true })(t, x.all[0], u.ID)
	}
	x.meet(t)
	return x
}

// meet has both know what both wrote, the last first.
func (x *sides) meet(t *testing.T) {
	t.Helper()
	if err := errors.Join(x.all[0].Ready(t.Context()), x.all[1].Ready(t.Context())); err != nil { // all watchers were told
		t.Fatal(err)
	}
	rows := overWire(t, x.rows)
	slices.Reverse(rows)
	for _, s := range x.all {
		merge(t, s, rows...)
	}
}

type act func(t *testing.T, s *Store, user ID)

func changed(change func(*User)) act {
	return func(t *testing.T, s *Store, user ID) {
		t.Helper()
		if _, err := s.UpdateUser(t.Context(), user, func(u *User) error { change(u); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func renewed(t *testing.T, s *Store, user ID) {
	t.Helper()
	if _, err := s.RenewPassword(t.Context(), user, "old", "old renewed"); err != nil {
		t.Fatal(err)
	}
}

// Whatever is done to an account on the two sides of a cut, in whatever order by their clocks: nothing that was taken comes back with what the other side did.
func TestWhatIsTakenOnOneSideOfACutStaysTaken(t *testing.T) {
	t.Parallel()
	name := changed(func(u *User) { u.Name, u.Key = "Lovelace", "lovelace" })
	disable, enable := changed(func(u *User) { u.Disabled = true }), changed(func(u *User) { u.Disabled = false })
	demote, promote := changed(func(u *User) { u.Admin = false }), changed(func(u *User) { u.Admin = true })
	password := func(hash string) act { return changed(func(u *User) { u.Password = hash }) }
	admin, off, nobody := Standing{"old", true, false}, Standing{"old", true, true}, Standing{"old", false, false}
	for title, c := range map[string]struct {
		was    Standing
		a, b   []act
		name   string
		aLater Standing // what counts if the first side acts later
		bLater Standing
	}{
		"disabled, renamed":                      {admin, []act{disable}, []act{name}, "Lovelace", off, off},
		"demoted, renamed":                       {admin, []act{demote}, []act{name}, "Lovelace", nobody, nobody},
		"another password, renamed":              {admin, []act{password("new")}, []act{name}, "Lovelace", Standing{"new", true, false}, Standing{"new", true, false}},
		"another password, renewed":              {admin, []act{password("new")}, []act{renewed}, "ada", Standing{"new", true, false}, Standing{"new", true, false}},
		"another password, renewed and renamed":  {admin, []act{password("new")}, []act{renewed, name}, "Lovelace", Standing{"new", true, false}, Standing{"new", true, false}},
		"password off, renewed":                  {admin, []act{password("")}, []act{renewed}, "ada", Standing{"", true, false}, Standing{"", true, false}},
		"password off, renamed":                  {admin, []act{password("")}, []act{name}, "Lovelace", Standing{"", true, false}, Standing{"", true, false}},
		"two passwords":                          {admin, []act{password("a")}, []act{password("b")}, "ada", Standing{"a", true, false}, Standing{"b", true, false}},
		"renewed, renewed and another":           {admin, []act{renewed}, []act{renewed, password("new")}, "ada", Standing{"new", true, false}, Standing{"new", true, false}},
		"disabled, another password":             {admin, []act{disable}, []act{password("new")}, "ada", Standing{"new", true, true}, Standing{"new", true, true}},
		"disabled, demoted":                      {admin, []act{disable}, []act{demote}, "ada", Standing{"old", false, true}, Standing{"old", false, true}},
		"disabled, enabled who is":               {admin, []act{disable}, []act{enable}, "ada", off, off},
		"demoted, promoted who is":               {admin, []act{demote}, []act{promote}, "ada", nobody, nobody},
		"disabled, disabled and enabled":         {admin, []act{disable}, []act{disable, enable}, "ada", off, admin},
		"demoted, demoted and promoted":          {admin, []act{demote}, []act{demote, promote}, "ada", nobody, admin},
		"promoted, promoted and demoted":         {nobody, []act{promote}, []act{promote, demote}, "ada", nobody, nobody},
		"enabled, renamed":                       {off, []act{enable}, []act{name}, "Lovelace", admin, admin},
		"enabled, enabled and disabled":          {off, []act{enable}, []act{enable, disable}, "ada", off, off},
		"enabled, disabled who is":               {off, []act{enable}, []act{disable}, "ada", admin, admin},
		"enabled and disabled again, enabled":    {off, []act{enable, disable}, []act{enable}, "ada", off, off},
		"promoted, renamed and another password": {nobody, []act{promote}, []act{name, password("new")}, "Lovelace", Standing{"new", true, false}, Standing{"new", true, false}},
	} {
		for _, later := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, %c later", title, 'a'+later), func(t *testing.T) {
				t.Parallel()
				x, want := openSides(t, c.was, time.Hour, 0), c.aLater
				if later == 1 {
					x, want = openSides(t, c.was, 0, time.Hour), c.bLater
				}
				for i, acts := range [][]act{c.a, c.b} {
					for _, do := range acts {
						do(t, x.all[i], x.user)
					}
				}
				x.meet(t)
				x.meet(t)
				for i, s := range x.all {
					u, err := s.UserByID(t.Context(), x.user)
					if err != nil || u.Standing != want || u.Name != c.name {
						t.Errorf("on side %d: %s %+v, %v; want %s %+v", i, u.Name, u.Standing, err, c.name, want)
					}
				}
				if fingerprintOf(t, x.all[0]) != fingerprintOf(t, x.all[1]) {
					t.Error("the sides differ")
				}
			})
		}
	}
}

// Who reads the rows of a node in order, one by one, never has somebody as they were before what was decided of them.
func TestUserComesBehindTheRulings(t *testing.T) {
	t.Parallel()
	x := openSides(t, Standing{Admin: true}, 0, time.Hour)
	changed(func(u *User) { u.Name, u.Key = "Lovelace", "lovelace" })(t, x.all[1], x.user)
	changed(func(u *User) {
		*u = User{Name: u.Name, Key: u.Key, Created: u.Created, Standing: Standing{Password: "new", Disabled: true}}
	})(t, x.all[0], x.user)
	x.meet(t)
	for i, s := range x.all {
		reader := openTest(t)
		var told []Standing
		stop := reader.Watch(func(rows []Row) {
			for _, r := range rows {
				if u, ok := r.(*User); ok {
					told = append(told, u.Standing)
				}
			}
		})
		rows, _, _, err := s.RowsAfter(t.Context(), 0, nil, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range overWire(t, rows) {
			merge(t, reader, r)
		}
		if err := reader.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop()
		if diff := cmp.Diff([]Standing{{Password: "new", Disabled: true}}, told); diff != "" {
			t.Errorf("side %d: %s", i, diff)
		}
	}
}

func TestWatchersAreToldWhatARulingMakesOfItsUser(t *testing.T) {
	t.Parallel()
	x := openSides(t, Standing{Admin: true}, 0, 0)
	before, err := x.all[1].UserByID(t.Context(), x.user)
	if err != nil {
		t.Fatal(err)
	}
	commits, stop := record(x.all[1])
	changed(func(u *User) { u.Admin = false })(t, x.all[0], x.user)
	x.meet(t)
	stop()
	if len(*commits) != 1 || len((*commits)[0]) != 2 {
		t.Fatalf("told %v", *commits)
	}
	ruling, u := (*commits)[0][0].(*Record), (*commits)[0][1].(*User)
	if !ruling.IsRuling() || u.Admin || u.Origin != before.Origin || u.Place != ruling.Place+1 {
		t.Errorf("told %+v and %+v", ruling, u)
	}
}

// An older version keeps rulings as rows that it does not know. They count when it is upgraded.
func TestRulingsKeptByAnOlderVersionCountAfterTheUpgrade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	ada := addUser(t, s, "ada")
	rulings := []*Record{
		{Header: from(0xf1, 1, 0), Kind: KindDisabled, ID: rulingID(KindDisabled, ada.ID), Owner: ada.ID, Body: `{"disabled":true}`},
		{Header: from(0xf1, 2, 0), Kind: KindPassword, ID: rulingID(KindPassword, ada.ID), Owner: ada.ID, Body: `{"password":"new"}`},
		{Header: from(0xf1, 3, 0), Kind: KindRole, ID: rulingID(KindRole, ada.ID), Owner: ada.ID, Body: `{"admin":true,"instead":1}`},
	}
	for _, x := range rulings {
		merge(t, s, &Strange{Header: x.Header, Kind: x.Kind, ID: x.ID.String(), Body: string(EncodeRow(x))})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, Options{})
	if u, err := s.UserByID(t.Context(), ada.ID); err != nil || u.Standing != (Standing{"new", true, true}) || u.Said != ada.Said {
		t.Errorf("after the upgrade: %+v, %v", u, err)
	}
	if aside, err := s.Aside(t.Context()); err != nil || aside.Strange != 0 {
		t.Errorf("aside = %+v, %v", aside, err)
	}
}

func TestAChangeOfNothingWritesNothing(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ada := addUser(t, s, "ada")
	before := s.Seq()
	got, err := s.UpdateUser(t.Context(), ada.ID, func(u *User) error { u.Disabled, u.Admin = false, false; return nil })
	if err != nil || got != ada || s.Seq() != before {
		t.Errorf("%+v, %v at %d, want %d", got, err, s.Seq(), before)
	}
	room, _, err := s.OpenRoom(t.Context(), Room{Name: "Lobby", Key: "lobby", Created: day})
	if err != nil {
		t.Fatal(err)
	}
	before = s.Seq()
	same, err := s.UpdateRoom(t.Context(), room.ID, func(r *Room) error { r.Guests = false; return nil })
	if err != nil || same != room || s.Seq() != before {
		t.Errorf("%+v, %v at %d, want %d", same, err, s.Seq(), before)
	}
}

func TestRenewalOfAPasswordThatIsNoMoreIsRefused(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ada := addUser(t, s, "ada")
	if _, err := s.RenewPassword(t.Context(), ada.ID, "another", "renewed"); !errors.Is(err, ErrConflict) {
		t.Errorf("of another password: %v", err)
	}
	if _, err := s.RenewPassword(t.Context(), ID{9}, "", "renewed"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	u, err := s.RenewPassword(t.Context(), ada.ID, ada.Password, "renewed")
	if err != nil || u.Password != "renewed" || u.Said != ada.Said || u.Origin != ada.Origin {
		t.Errorf("renewed: %+v, %v", u, err)
	}
}

func TestRulingsAreWrittenWithTheirUserAlone(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ada := addUser(t, s, "ada")
	changed(func(u *User) { u.Disabled = true })(t, s, ada.ID)
	ruling := Record{Kind: KindRole, ID: rulingID(KindRole, ada.ID), Owner: ada.ID, Body: `{"admin":true}`}
	if _, err := s.CreateRecord(t.Context(), NewRecord{Record: ruling}); !errors.Is(err, ErrConflict) {
		t.Errorf("made: %v", err)
	}
	if _, err := s.UpdateRecord(t.Context(), KindDisabled, rulingID(KindDisabled, ada.ID), func(x *Record) error { x.Final = true; return nil }); !errors.Is(err, ErrConflict) {
		t.Errorf("changed: %v", err)
	}
	for name, spoil := range map[string]func(*Record){
		"another id":   func(x *Record) { x.ID = ID{9} },
		"another kind": func(x *Record) { x.Kind = KindDisabled },
		"nobody's":     func(x *Record) { x.Owner, x.ID = ID{}, rulingID(KindRole, ID{}) },
		"final":        func(x *Record) { x.Final = true },
		"expires":      func(x *Record) { x.Expires = day },
		"no body":      func(x *Record) { x.Body = "" },
		"text":         func(x *Record) { x.Body = `{"admin":"yes"}` },
		"ahead":        func(x *Record) { x.Body = `{"admin":true,"instead":5}` },
	} {
		x := ruling
		x.Header = Header{Origin: Origin{Stamp: 5, Feed: ID{7}, Seq: 1}}
		if _, err := DecodeRow(EncodeRow(&x)); err != nil {
			t.Fatal(err)
		}
		spoil(&x)
		if _, err := DecodeRow(EncodeRow(&x)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}
