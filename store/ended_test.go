package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEndingEndsWhatBeganWithoutKnowingOfIt(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_000)
	user, kept := ID{9}, ID{1}
	at := StampAt(now) + 5
	here, there, old := endingID(user, "here"), endingID(user, "there"), oldEndingID(user)
	one := Endings{{ID: here, At: at, Kept: kept}}
	two := append(Endings{{ID: there, At: at - 1}}, one...)
	older := Endings{{ID: old, At: at, Kept: kept}}
	for name, c := range map[string]struct {
		endings Endings
		x       Session
		want    bool
	}{
		"there was none":                             {nil, Session{ID: ID{2}, Known: map[ID]Stamp{}}, false},
		"it knew of none":                            {one, Session{ID: ID{2}, Known: map[ID]Stamp{}, Created: now.Add(time.Hour)}, true},
		"it knew of an earlier one":                  {one, Session{ID: ID{2}, Known: map[ID]Stamp{here: at - 1}}, true},
		"it knew of this one":                        {one, Session{ID: ID{2}, Known: map[ID]Stamp{here: at}, Created: now.Add(-time.Hour)}, false},
		"it knew of a later one of that life":        {one, Session{ID: ID{2}, Known: map[ID]Stamp{here: at + 1}}, false},
		"it knew of a later one of another":          {one, Session{ID: ID{2}, Known: map[ID]Stamp{there: at + 1}}, true},
		"it is the one that stays":                   {one, Session{ID: kept, Known: map[ID]Stamp{}}, false},
		"it is the one that stays, of one of them":   {two, Session{ID: kept, Known: map[ID]Stamp{}}, true},
		"it knew of both":                            {two, Session{ID: ID{2}, Known: map[ID]Stamp{here: at, there: at}}, false},
		"it stays by one and knew of the other":      {two, Session{ID: kept, Known: map[ID]Stamp{there: at}}, false},
		"it is taken":                                {Endings{{ID: here, At: at, Taken: true}}, Session{ID: ID{2}, Known: map[ID]Stamp{}}, false},
		"begun by an older version":                  {one, Session{ID: ID{2}, User: user, Knew: at + 1, Created: now.Add(time.Hour)}, true},
		"begun by an older version, and stays":       {one, Session{ID: kept, User: user, Knew: 1}, false},
		"an older one, and it knew of none":          {older, Session{ID: ID{2}, User: user, Known: map[ID]Stamp{here: at + 1}}, true},
		"an older one, and it knew":                  {older, Session{ID: ID{2}, User: user, Known: map[ID]Stamp{old: at}}, false},
		"both older, and it knew of none":            {older, Session{ID: ID{2}, User: user, Knew: 1, Created: now.Add(time.Hour)}, true},
		"both older, and it knew":                    {older, Session{ID: ID{2}, User: user, Knew: at}, false},
		"both older, and it stays":                   {older, Session{ID: kept, User: user, Knew: 1}, false},
		"both older, without a note, before":         {older, Session{ID: ID{2}, User: user, Created: now.Add(-time.Second)}, true},
		"both older, without a note, after it ended": {older, Session{ID: ID{2}, User: user, Created: now.Add(time.Second)}, false},
	} {
		if got := c.endings.End(c.x); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// begin starts a session, with a token by which it is known again.
func begin(t *testing.T, s *Store, user ID, token byte) Session {
	t.Helper()
	x, err := s.CreateSession(t.Context(), Session{Token: [32]byte{token}, User: user, Expires: time.Now().Add(time.Hour), Known: map[ID]Stamp{{1}: 1}, Knew: 3})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func endAll(t *testing.T, s *Store, user, keep ID) {
	t.Helper()
	if _, err := s.EndSessions(t.Context(), user, keep); err != nil {
		t.Fatal(err)
	}
}

func endingsIn(t *testing.T, s *Store, user ID) Endings {
	t.Helper()
	all, err := s.EndingsOf(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantLive wants these sessions to go on, by the first byte of their tokens.
func wantLive(t *testing.T, s *Store, user ID, tokens ...byte) {
	t.Helper()
	live, err := s.LiveSessionsOf(t.Context(), user, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[byte]bool{}, map[byte]bool{}
	for _, x := range live {
		got[x.Token[0]] = true
	}
	for _, token := range tokens {
		want[token] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sessions that go on: %s", diff)
	}
}

// rowsOf is all that a node has, in the order in which others get it.
func rowsOf(t *testing.T, s *Store) []Row {
	t.Helper()
	rows, _, end, err := s.RowsAfter(t.Context(), 0, nil, 10_000)
	if err != nil || !end {
		t.Fatalf("end %v, %v", end, err)
	}
	return rows
}

// exchange has all nodes know what all know.
func exchange(t *testing.T, all ...*Store) {
	t.Helper()
	for range 2 {
		for _, to := range all {
			for _, from := range all {
				if from != to {
					merge(t, to, overWire(t, rowsOf(t, from))...)
				}
			}
		}
	}
	for _, s := range all[1:] {
		if fingerprintOf(t, s) != fingerprintOf(t, all[0]) {
			t.Error("the nodes differ")
		}
	}
}

// A session knows what its node knew, whatever its maker says, and keeps that.
func TestSessionNotesTheEndingsThatItKnew(t *testing.T) {
	t.Parallel()
	ctx, user := t.Context(), ID{1}
	s := openTest(t)
	first, second := begin(t, s, user, 1), begin(t, s, user, 2)
	if len(first.Known) != 0 || first.Known == nil || first.Knew != 1 {
		t.Errorf("the first knew %v and %d, want none", first.Known, first.Knew)
	}
	if n, err := s.EndSessions(ctx, user, first.ID); n != 1 || err != nil {
		t.Errorf("ended %d sessions, %v", n, err)
	}
	all := endingsIn(t, s, user)
	if len(all) != 1 || all[0].At <= second.Stamp || all[0].Kept != first.ID {
		t.Fatalf("endings = %+v", all)
	}
	third := begin(t, s, user, 3)
	if diff := cmp.Diff(map[ID]Stamp{all[0].ID: all[0].At}, third.Known); diff != "" {
		t.Errorf("the third knew: %s", diff)
	}
	if stored, err := s.SessionByToken(ctx, third.Token); err != nil || !cmp.Equal(stored, third) {
		t.Errorf("stored %+v, returned %+v, %v", stored, third, err)
	}
	x, err := s.UpdateSession(ctx, first.ID, func(x *Session) error { x.Knew, x.Known = 7, third.Known; return nil })
	if err != nil || x.Knew != 1 || len(x.Known) != 0 {
		t.Errorf("changed to %d and %v, %v", x.Knew, x.Known, err)
	}
	wantLive(t, s, user, 1, 3)
	if n, err := s.EndSessions(ctx, user, ID{}); n != 2 || err != nil {
		t.Errorf("ended %d sessions, %v", n, err)
	}
	wantLive(t, s, user)
	if all := endingsIn(t, s, user); len(all) != 1 {
		t.Errorf("there are %d endings of one life", len(all))
	}
	if all := endingsIn(t, s, ID{2}); len(all) != 0 {
		t.Errorf("somebody else's: %+v", all)
	}
}

// The hole that was: who ends all others on one side of a cut, later, does not survive what was ended on the other side, nor does what begins there then.
func TestEndingsOfBothSidesOfACutCount(t *testing.T) {
	t.Parallel()
	later := func() time.Time { return time.Now().Add(time.Minute) }
	a, b := openTest(t), openAt(t, t.TempDir(), Options{Now: later})
	user := ID{1}
	owner, thief := begin(t, a, user, 1), begin(t, b, user, 2)
	endAll(t, a, user, owner.ID)
	endAll(t, b, user, thief.ID)
	begin(t, a, user, 3)
	begin(t, b, user, 4)
	exchange(t, a, b)
	for _, s := range []*Store{a, b} {
		wantLive(t, s, user)
	}
	again := begin(t, a, user, 5)
	exchange(t, a, b)
	for _, s := range []*Store{a, b} {
		wantLive(t, s, user, 5)
	}
	endAll(t, b, user, again.ID)
	exchange(t, a, b)
	for _, s := range []*Store{a, b} {
		wantLive(t, s, user, 5)
	}
}

// What was ended on one side, and is kept by what the other side ended, is over: only who is kept by both, or knew, goes on.
func TestSessionThatBothKeepGoesOn(t *testing.T) {
	t.Parallel()
	a, b := openTest(t), openTest(t)
	user := ID{1}
	both, one := begin(t, a, user, 1), begin(t, a, user, 2)
	exchange(t, a, b)
	endAll(t, a, user, both.ID)
	endAll(t, b, user, both.ID)
	other := begin(t, b, user, 3)
	exchange(t, a, b)
	for _, s := range []*Store{a, b} {
		wantLive(t, s, user, 1)
	}
	// Who is over keeps nothing: not who the later ending of the same node names.
	for _, x := range []ID{one.ID, other.ID, {77}} {
		endAll(t, a, user, x)
		if e := endingsIn(t, a, user)[0]; !e.Kept.IsZero() {
			t.Errorf("%v is kept", e.Kept)
		}
	}
}

// A node that starts again goes on with one ending for each user, and sessions need to know that one alone.
func TestLaterLifeTakesThePlaceOfItsEndings(t *testing.T) {
	t.Parallel()
	s, other := openTest(t), openTest(t)
	user := ID{1}
	behind := begin(t, other, user, 1)
	for range 5 {
		endAll(t, s, user, ID{})
		s = restart(t, s)
	}
	endAll(t, s, user, ID{})
	counting := 0
	for _, e := range endingsIn(t, s, user) {
		if !e.Taken {
			counting++
		}
	}
	if all := endingsIn(t, s, user); counting != 1 || len(all) != 6 {
		t.Errorf("%d of %d count, want one of 6", counting, len(all))
	}
	x := begin(t, s, user, 2)
	if len(x.Known) != 6 {
		t.Errorf("the session knew %d", len(x.Known))
	}
	exchange(t, s, other)
	for _, s := range []*Store{s, other} {
		wantLive(t, s, user, 2)
	}
	if over, err := other.EndedSessionsOf(t.Context(), user); err != nil || len(over) != 1 || over[0].ID != behind.ID {
		t.Errorf("over are %v, %v", over, err)
	}
}

// A node gets the end of an ending before the one that takes its place: until that is here, the first one counts.
func TestEndingCountsUntilItsTakerIsHere(t *testing.T) {
	t.Parallel()
	a, b := openTest(t), openTest(t)
	user := ID{1}
	endAll(t, a, user, ID{})
	begin(t, b, user, 1)
	exchange(t, a, b)
	a = restart(t, a)
	endAll(t, a, user, ID{})
	for _, row := range rowsOf(t, a) {
		if x, ok := row.(*Record); ok && x.Key != a.Log() {
			merge(t, b, x)
		}
	}
	wantLive(t, b, user)
	if all := endingsIn(t, b, user); len(all) != 1 || all[0].Taken {
		t.Errorf("endings: %+v", all)
	}
	exchange(t, a, b)
	wantLive(t, b, user)
	if all := endingsIn(t, b, user); len(all) != 2 || !all[1].Taken {
		t.Errorf("endings: %+v", all)
	}
}

// More endings count than a session notes only if a peer lies. Whoever ends all sessions once more mends it.
func TestEndingsThatCountAreFew(t *testing.T) {
	t.Parallel()
	s, user := openTest(t), ID{1}
	var rows []Row
	for i := range byte(2 * maxKnown) {
		life := ID{1, i}.Hex()
		rows = append(rows, &Record{Header: from(0xf1, uint64(i)+1, time.Second), Kind: KindEnding, ID: endingID(user, life), Owner: user, Key: life})
	}
	merge(t, s, rows...)
	x := begin(t, s, user, 1)
	if len(x.Known) != maxKnown {
		t.Errorf("it knew %d", len(x.Known))
	}
	if _, err := DecodeRow(EncodeRow(&x)); err != nil {
		t.Error(err)
	}
	wantLive(t, s, user)
	endAll(t, s, user, ID{})
	counting := 0
	for _, e := range endingsIn(t, s, user) {
		if !e.Taken {
			counting++
		}
	}
	if counting != maxEndings {
		t.Errorf("%d count, want %d", counting, maxEndings)
	}
	begin(t, s, user, 2)
	wantLive(t, s, user, 2)
}

// The one ending of older versions goes on to count, for their sessions and for those of this one.
func TestEndingOfOlderVersionsCounts(t *testing.T) {
	t.Parallel()
	s, user := openTest(t), ID{1}
	h := from(0xf1, 1, time.Second)
	begin(t, s, user, 1)
	merge(t, s, &Record{Header: h, Kind: KindOldEnding, ID: oldEndingID(user), Owner: user, Body: `{}`})
	wantLive(t, s, user)
	x := begin(t, s, user, 2)
	if x.Knew != h.Stamp {
		t.Errorf("it noted %d for older versions, want %d", x.Knew, h.Stamp)
	}
	h.Seq++
	merge(t, s, &Session{Header: h, ID: ID{3}, Token: [32]byte{3}, User: user, Expires: time.Now().Add(time.Hour), Knew: h.Stamp})
	wantLive(t, s, user, 2, 3)
	endAll(t, s, user, x.ID)
	h.Seq++
	merge(t, s, &Session{Header: h, ID: ID{4}, Token: [32]byte{4}, User: user, Expires: time.Now().Add(time.Hour), Knew: h.Stamp}) // of an older node that is not here
	wantLive(t, s, user, 2)
}

// Two endings that say the same differ by their stamps: sessions that began between them are over, and watchers must know.
func TestWatchersAreToldOfALaterEnding(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, user := openTest(t), ID{1}
	endAll(t, s, user, ID{})
	x, err := s.Record(ctx, KindEnding, endingID(user, s.Log()))
	if err != nil {
		t.Fatal(err)
	}
	begin(t, s, user, 1)
	x.Header = from(0xf1, 1, time.Minute)
	commits, stop := record(s)
	merge(t, s, &x)
	stop()
	if len(*commits) != 1 {
		t.Errorf("told %v", *commits)
	}
	if over, err := s.EndedSessionsOf(ctx, user); err != nil || len(over) != 1 {
		t.Errorf("over are %v, %v", over, err)
	}
}

func TestEndingOfSomebodyElseIsNoRow(t *testing.T) {
	t.Parallel()
	h := Header{Origin: Origin{Stamp: 5, Feed: ID{7}, Seq: 1}}
	id := endingID(ID{1}, "life")
	for name, x := range map[string]Record{
		"another id":      {Header: h, Kind: KindEnding, ID: ID{9}, Owner: ID{1}, Key: "life"},
		"another life":    {Header: h, Kind: KindEnding, ID: id, Owner: ID{1}, Key: "other"},
		"final":           {Header: h, Kind: KindEnding, ID: id, Owner: ID{1}, Key: "life", Final: true},
		"expires":         {Header: h, Kind: KindEnding, ID: id, Owner: ID{1}, Key: "life", Expires: day},
		"body":            {Header: h, Kind: KindEnding, ID: id, Owner: ID{1}, Key: "life", Body: `{"kept":"me"}`},
		"of the future":   {Header: h, Kind: KindEnding, ID: id, Owner: ID{1}, Key: "life", Body: `{"instead":6}`},
		"taken by it":     {Header: h, Kind: KindEnding, ID: id, Owner: ID{1}, Key: "life", Body: `{"instead":4,"taken_at":6}`},
		"older, another":  {Header: h, Kind: KindOldEnding, ID: id, Owner: ID{1}},
		"older and final": {Header: h, Kind: KindOldEnding, ID: oldEndingID(ID{1}), Owner: ID{1}, Final: true},
	} {
		if _, err := DecodeRow(EncodeRow(&x)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestSessionThatKnewTooMuchIsNoRow(t *testing.T) {
	t.Parallel()
	now := StampAt(time.Now())
	many := map[ID]Stamp{}
	for i := range byte(maxKnown + 1) {
		many[ID{1, i}] = now
	}
	x := Session{Header: Header{Origin: Origin{Stamp: now, Feed: ID{7}, Seq: 1}}, ID: ID{2}, User: ID{1}}
	for name, known := range map[string]map[ID]Stamp{
		"many": many, "the far future": {{1}: now + StampAt(time.UnixMilli(0).Add(2*maxEarly))}, "nothing of one": {{1}: 0}, "one of no name": {{}: now},
	} {
		x.Known = known
		if _, err := DecodeRow(EncodeRow(&x)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	x.Known = map[ID]Stamp{{1}: now}
	row, err := DecodeRow(EncodeRow(&x))
	if err != nil || !cmp.Equal(row.(*Session).Known, x.Known) {
		t.Errorf("%+v, %v", row, err)
	}
	x.Known = map[ID]Stamp{} // it knew of none, which is not the same as not to have noted it
	if row, err := DecodeRow(EncodeRow(&x)); err != nil || row.(*Session).Known == nil || !strings.Contains(string(EncodeRow(row)), `"known":{}`) {
		t.Errorf("%+v, %v", row, err)
	}
}

// Whoever knows the ending that comes with a new password knows the password: nobody gets in with the old one and counts as having known.
func TestChangeIsWrittenBeforeTheEndingThatComesWithIt(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	u, err := s.CreateUser(t.Context(), User{Name: "Ada", Key: "ada", Standing: Standing{Password: "old"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.UpdateUserAndEnd(t.Context(), u.ID, ID{}, func(u *User) error { u.Password = "new"; return nil }); err != nil {
		t.Fatal(err)
	}
	ruling, errRuling := s.Record(t.Context(), KindPassword, rulingID(KindPassword, u.ID))
	ending, errEnding := s.Record(t.Context(), KindEnding, endingID(u.ID, s.Log()))
	if errRuling != nil || errEnding != nil || ruling.Seq >= ending.Seq || ruling.Place >= ending.Place {
		t.Errorf("ruling %+v (%v), ending %+v (%v)", ruling.Header, errRuling, ending.Header, errEnding)
	}
}
