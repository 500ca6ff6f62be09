package store

import (
	"testing"
	"time"
)

func TestEndingEndsWhatBeganWithoutKnowingOfIt(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_000)
	e := Ending{At: StampAt(now) + 5, Kept: ID{1}}
	for name, c := range map[string]struct {
		ending Ending
		x      Session
		want   bool
	}{
		"there was none":                     {Ending{}, Session{ID: ID{2}, Knew: 1}, false},
		"it knew of none":                    {e, Session{ID: ID{2}, Knew: 1, Created: now.Add(time.Hour)}, true},
		"it knew of an earlier one":          {e, Session{ID: ID{2}, Knew: e.At - 1}, true},
		"it knew of this one":                {e, Session{ID: ID{2}, Knew: e.At, Created: now.Add(-time.Hour)}, false},
		"it knew of a later one":             {e, Session{ID: ID{2}, Knew: e.At + 1}, false},
		"it is the one that stays":           {e, Session{ID: ID{1}, Knew: 1}, false},
		"begun by an older version before":   {e, Session{ID: ID{2}, Created: now.Add(-time.Second)}, true},
		"begun by an older version after it": {e, Session{ID: ID{2}, Created: now.Add(time.Second)}, false},
	} {
		if got := c.ending.Ends(c.x); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A session knows what its node knew, whatever its maker says, and keeps that.
func TestSessionNotesTheEndingThatItKnew(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	begin := func(token byte) Session {
		t.Helper()
		x, err := s.CreateSession(ctx, Session{Token: [32]byte{token}, User: ID{1}, Expires: time.Now().Add(time.Hour), Knew: StampAt(time.Now())})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	live := func() []Session {
		t.Helper()
		all, err := s.LiveSessionsOf(ctx, ID{1}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	first, second := begin(1), begin(2)
	if first.Knew != 1 {
		t.Errorf("the first knew %d, want 1", first.Knew)
	}
	if n, err := s.EndSessions(ctx, ID{1}, first.ID); n != 1 || err != nil {
		t.Errorf("ended %d sessions, %v", n, err)
	}
	e, err := s.EndingOf(ctx, ID{1})
	if err != nil || e.At <= second.Stamp || e.Kept != first.ID {
		t.Errorf("ending = %+v, %v", e, err)
	}
	if third := begin(3); third.Knew != e.At {
		t.Errorf("the third knew %d, want %d", third.Knew, e.At)
	}
	x, err := s.UpdateSession(ctx, first.ID, func(x *Session) error { x.Knew = 7; return nil })
	if err != nil || x.Knew != 1 {
		t.Errorf("changed to %d, %v", x.Knew, err)
	}
	if all := live(); len(all) != 2 {
		t.Errorf("%d sessions are left, want the one that was kept and the one that is new", len(all))
	}
	if n, err := s.EndSessions(ctx, ID{1}, ID{}); n != 2 || err != nil || len(live()) != 0 {
		t.Errorf("ended %d sessions, %v; %d are left", n, err, len(live()))
	}
	if e, err := s.EndingOf(ctx, ID{2}); e != (Ending{}) || err != nil {
		t.Errorf("somebody else's: %+v, %v", e, err)
	}
}

// Of two endings on nodes apart the later counts on both. A version that knows no endings keeps the rows as they are, with what a session knew.
func TestLaterEndingCountsOnAllNodes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	later := func() time.Time { return time.Now().Add(time.Minute) }
	a, b := openTest(t), openAt(t, t.TempDir(), Options{Now: later})
	var rows []Row
	for _, s := range []*Store{a, b} {
		s.Watch(func(all []Row) { rows = append(rows, all...) }) // one after the other
	}
	user := ID{1}
	for i, s := range []*Store{a, b} {
		x, err := s.CreateSession(ctx, Session{Token: [32]byte{byte(i)}, User: user, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.EndSessions(ctx, user, x.ID); err != nil {
			t.Fatal(err)
		}

	}
	wire := overWire(t, rows)
	merge(t, a, wire...)
	merge(t, b, wire...)
	for name, s := range map[string]*Store{"first": a, "second": b} {
		live, err := s.LiveSessionsOf(ctx, user, time.Now())
		if err != nil || len(live) != 1 || live[0].Token != [32]byte{1} {
			t.Errorf("%s node: %+v, %v, want the session that the second ending kept", name, live, err)
		}
		over, err := s.EndedSessionsOf(ctx, user)
		if err != nil || len(over) != 1 || over[0].Token != [32]byte{0} {
			t.Errorf("%s node: %+v is over by the ending, %v", name, over, err)
		}
	}
	if fingerprintOf(t, a) != fingerprintOf(t, b) {
		t.Error("the nodes differ")
	}
}

// Two endings that say the same differ by their stamps: sessions that began between them are over, and watchers must know.
func TestWatchersAreToldOfALaterEnding(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, user := openTest(t), ID{1}
	if _, err := s.EndSessions(ctx, user, ID{}); err != nil {
		t.Fatal(err)
	}
	x, err := s.Record(ctx, KindEnding, endingID(user))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateSession(ctx, Session{Token: [32]byte{1}, User: user, Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
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
	for name, x := range map[string]Record{
		"another id": {Header: h, Kind: KindEnding, ID: ID{9}, Owner: ID{1}},
		"final":      {Header: h, Kind: KindEnding, ID: endingID(ID{1}), Owner: ID{1}, Final: true},
		"body":       {Header: h, Kind: KindEnding, ID: endingID(ID{1}), Owner: ID{1}, Body: `{"kept":"me"}`},
	} {
		if _, err := DecodeRow(EncodeRow(&x)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}
