package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// from is the origin of a row that another node wrote, so much later than now.
func from(feed byte, seq uint64, later time.Duration) Header {
	return Header{Origin: Origin{Stamp: StampAt(time.Now().Add(later)), Feed: ID{feed}, Seq: seq}}
}

func theirMessage(feed byte, seq uint64, later time.Duration, id ID, text string) *Message {
	h := from(feed, seq, later)
	return &Message{Header: h, ID: id, Room: RoomID("lobby"), Author: ID{1}, Posted: h.Stamp, Text: text}
}

func theirUser(seq uint64, claimed Stamp, id ID, name string) *User {
	u := &User{Header: from(0xf1, seq, 0), ID: id, ClaimedName: name, ClaimedKey: strings.ToLower(name), Claimed: claimed, Said: Standing{Password: "hash"}}
	u.Standing = u.Said
	u.show("")
	return u
}

func TestDeletedStaysDeletedWhateverComesLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openTest(t)
	m := say(t, s, RoomID("lobby"), ID{1}, "regretted")
	gone := m
	gone.Header, gone.Text, gone.Deleted = from(0xf1, 1, -time.Hour), "", true
	edited := m
	edited.Header, edited.Text = from(0xf2, 1, time.Hour), "edited later"
	for range 2 {
		merge(t, s, &gone)
		merge(t, s, &edited)
	}
	got, err := s.MessageByID(ctx, m.ID)
	if err != nil || !got.Deleted || got.Text != "" {
		t.Errorf("message = %+v, %v", got, err)
	}
	if _, err := s.UpdateMessage(ctx, m.ID, func(m *Message) error { m.Text, m.Deleted = "back", false; return nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.MessageByID(ctx, m.ID); err != nil || !got.Deleted || got.Text != "" {
		t.Errorf("after an edit here: %+v, %v", got, err)
	}
}

func TestRevokedStaysRevokedWhateverComesLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openTest(t)
	now := time.Now()
	x, err := s.CreateSession(ctx, Session{Token: [32]byte{1}, User: ID{1}, Created: now, Used: now, Expires: now.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	used := x
	used.Header, used.Used, used.Expires = from(0xf1, 1, time.Hour), now, now.Add(time.Hour)
	revoked := x
	revoked.Header, revoked.Revoked = from(0xf2, 1, -time.Hour), true
	merge(t, s, &used)
	merge(t, s, &revoked)
	// Forgetting what has expired must not forget that it was revoked.
	if _, err := s.DeleteExpiredSessions(ctx, now.Add(30*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	merge(t, s, &used)
	if got, err := s.SessionByToken(ctx, x.Token); err != nil || !got.Revoked {
		t.Errorf("session = %+v, %v", got, err)
	}
	if n, err := s.DeleteExpiredSessions(ctx, now.Add(500*24*time.Hour)); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
}

func TestClockFollowsOthersForAMinute(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ahead  time.Duration
		follow bool
	}{{59 * time.Second, true}, {61 * time.Second, false}, {23 * time.Hour, false}, {-time.Hour, false}} {
		s := openAt(t, t.TempDir(), Options{Now: func() time.Time { return day }})
		theirs := theirMessage(0xf1, 1, 0, NewID(), "hello")
		theirs.Stamp = StampAt(day.Add(tt.ahead))
		theirs.Posted = theirs.Stamp
		if merge(t, s, theirs) != 1 {
			t.Errorf("%v ahead: not merged", tt.ahead)
		}
		if m := say(t, s, RoomID("lobby"), ID{1}, "mine"); m.Stamp > theirs.Stamp != (tt.follow || tt.ahead < 0) {
			t.Errorf("%v ahead: next stamp at %v", tt.ahead, m.Stamp.Time())
		}
		// Whoever edits it here wins all the same.
		m, err := s.UpdateMessage(context.Background(), theirs.ID, func(m *Message) error { m.Text = "edited"; return nil })
		if err != nil || m.Stamp <= theirs.Stamp {
			t.Errorf("%v ahead: edited at %v, %v", tt.ahead, m.Stamp.Time(), err)
		}
	}
}

func TestRowsOfClocksADayAheadDoNotWait(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, time.Millisecond, maxLead - time.Millisecond} {
		s := openAt(t, t.TempDir(), Options{Now: func() time.Time { return day }})
		theirs := theirMessage(0xf1, 1, 0, NewID(), "hello")
		theirs.Stamp = StampAt(day.Add(24*time.Hour+ahead)) + 1 // not the first of its millisecond
		theirs.Posted = theirs.Stamp
		merge(t, s, theirs)
		if _, err := s.MessageByID(context.Background(), theirs.ID); err != nil {
			t.Errorf("a day and %v ahead: %v", ahead, err)
		}
	}
}

func TestRowsOfTheFarFutureWait(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := time.Now()
	dir := t.TempDir()
	s := openAt(t, dir, Options{Now: func() time.Time { return now }})
	early := theirMessage(0xf1, 1, 25*time.Hour, NewID(), "from the future")
	if merge(t, s, early) != 1 || merge(t, s, early) != 0 {
		t.Error("an early row is kept once")
	}
	if _, err := s.MessageByID(ctx, early.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("it is there already: %v", err)
	}
	if aside, err := s.Aside(ctx); err != nil || aside != (Aside{Early: 1}) {
		t.Errorf("aside = %+v, %v", aside, err)
	}
	rows, _, end, err := s.RowsAfter(ctx, 0, nil, 10)
	if err != nil || len(rows) != 1 || !end || OriginOf(rows[0]) != early.Origin {
		t.Errorf("passed on: %v, %v, %v", rows, end, err)
	}
	now = now.Add(2 * time.Hour)
	if err := s.Adopt(ctx, nil, Cursor{"peer", 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.MessageByID(ctx, early.ID); err != nil || got.Text != early.Text {
		t.Errorf("when its time has come: %+v, %v", got, err)
	}
	if aside, err := s.Aside(ctx); err != nil || aside != (Aside{}) {
		t.Errorf("aside = %+v, %v", aside, err)
	}
}

func TestEarlierClaimHasTheName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openTest(t)
	mine := addUser(t, s, "ada")
	var told []string
	stop := s.Watch(func(rows []Row) {
		for _, r := range rows {
			told = append(told, r.(*User).Name)
		}
	})
	defer stop()
	first := theirUser(1, mine.Claimed-1, ID{2, 9: 0xab, 0xcd, 0x11}, "Ada")
	merge(t, s, first)
	got, err := s.UserByID(ctx, mine.ID)
	suffix := "~" + nameDigits(mine.ID)[:4]
	if err != nil || got.Name != "ada"+suffix || got.Key != "ada"+suffix || got.ClaimedKey != "ada" || got.Origin != mine.Origin {
		t.Fatalf("the later claim is %+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"Ada", "ada" + suffix}, told); diff != "" {
		t.Errorf("watchers: %s", diff)
	}
	if holder, err := s.UserByKey(ctx, "ada"); err != nil || holder.ID != first.ID {
		t.Errorf("holder = %+v, %v", holder, err)
	}
	if found, err := s.UserByKey(ctx, "ada"+suffix); err != nil || found.ID != mine.ID {
		t.Errorf("found = %+v, %v", found, err)
	}
	if _, err := s.CreateUser(ctx, User{Name: "ada", Key: "ada"}); !errors.Is(err, ErrNameTaken) {
		t.Errorf("a third: %v", err)
	}
	for _, key := range []string{"ada~", "ada" + suffix} {
		if _, err := s.CreateUser(ctx, User{Name: key, Key: key}); err == nil {
			t.Errorf("somebody claims %s", key)
		}
	}
	// What is changed besides the name claims nothing.
	got, err = s.UpdateUser(ctx, mine.ID, func(u *User) error { u.Admin = true; return nil })
	if err != nil || got.Claimed != mine.Claimed || got.Name != "ada"+suffix {
		t.Errorf("updated = %+v, %v", got, err)
	}
	// Who has the name gives it up: it falls to the next.
	if _, err := s.UpdateUser(ctx, first.ID, func(u *User) error { u.Name, u.Key = "Lovelace", "lovelace"; return nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.UserByKey(ctx, "ada"); err != nil || got.ID != mine.ID || got.Name != "ada" {
		t.Errorf("then %+v, %v", got, err)
	}
}

func TestSuffixesAreAsLongAsTheyMustBe(t *testing.T) {
	t.Parallel()
	ids := []ID{{1, 9: 0xab, 0xcd, 0x11}, {2, 9: 0xab, 0xcd, 0x12}, {3, 9: 0xab, 0xcd, 0x20}, {4, 9: 0x12}, {5, 9: 0x12}}
	var users []User
	for i, id := range ids {
		users = append(users, User{ID: id, ClaimedKey: "ada", Claimed: Stamp(10 - i/4*5)})
	}
	want := map[ID]string{ids[0]: "~abcd11", ids[1]: "~abcd12", ids[2]: "~abcd2", ids[3]: "~" + nameDigits(ids[3])[:16], ids[4]: ""}
	if diff := cmp.Diff(want, nameSuffixes(users)); diff != "" {
		t.Error(diff)
	}
}

func TestMessagesMayComeBeforeTheirRoomAndPeople(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openTest(t)
	private := theirMessage(0xf1, 3, 0, NewID(), "psst")
	private.Target = ID{2}
	private.Room = PairID(ID{1}, ID{2})
	merge(t, s, private)
	merge(t, s, theirMessage(0xf1, 2, -time.Minute, NewID(), "hello"))
	if rooms, err := s.Rooms(ctx, 10); err != nil || len(rooms) != 0 {
		t.Errorf("rooms = %v, %v", rooms, err)
	}
	talks, err := s.Conversations(ctx, ID{2}, ID{}, 10)
	if err != nil || len(talks) != 1 || talks[0].Last.Text != "psst" || talks[0].Other != (ID{1}) {
		t.Errorf("conversations = %+v, %v", talks, err)
	}
	merge(t, s, &Room{Header: from(0xf1, 1, 0), ID: RoomID("lobby"), Name: "Lobby", Key: "lobby", Created: day})
	if rooms, err := s.Rooms(ctx, 10); err != nil || len(rooms) != 1 {
		t.Errorf("rooms = %v, %v", rooms, err)
	}
	if msgs, _, err := s.History(ctx, RoomID("lobby"), ID{}, 10); err != nil || len(msgs) != 1 {
		t.Errorf("history = %v, %v", msgs, err)
	}
	if vector, _, err := s.Vector(ctx); err != nil || vector[ID{0xf1}] != 1 {
		t.Errorf("vector = %v, %v: rows with a gap must not count", vector, err)
	}
	if err := s.Adopt(ctx, map[ID]uint64{{0xf1}: 3, s.Feed(): 99}, Cursor{"peer", 7}); err != nil {
		t.Fatal(err)
	}
	merge(t, s, theirMessage(0xf1, 4, 0, NewID(), "live"))
	if vector, _, err := s.Vector(ctx); err != nil || vector[ID{0xf1}] != 4 || vector[s.Feed()] != 0 {
		t.Errorf("vector = %v, %v", vector, err)
	}
	if place, err := s.Cursor(ctx, "peer"); place != 7 || err != nil {
		t.Errorf("cursor = %d, %v", place, err)
	}
	if place, err := s.Cursor(ctx, "nobody"); place != 0 || err != nil {
		t.Errorf("no cursor = %d, %v", place, err)
	}
}

func TestWatchersAreToldOfMergedRows(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	commits, stop := record(s)
	m := theirMessage(0xf1, 1, 0, NewID(), "hello")
	merge(t, s, m)
	older := *m
	older.Stamp--
	merge(t, s, m, &older)
	again := *m // the same, written by somebody else later
	again.Header = from(0xf2, 1, time.Second)
	merge(t, s, &again)
	stop()
	if len(*commits) != 1 || len((*commits)[0]) != 1 {
		t.Fatalf("commits = %v", *commits)
	}
	got := (*commits)[0][0].(*Message)
	if got.Origin != m.Origin || got.Place != 1 || m.Place != 0 {
		t.Errorf("told %+v", got)
	}
}

func TestANewFeedTakesTheRowsAlong(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	m := say(t, s, RoomID("lobby"), ID{1}, "said before")
	token := addRecord(t, s, token(ID{1}, "a"))
	old := s.Feed()
	if m.Feed != old {
		t.Fatalf("feed of the row = %v, want %v", m.Feed, old)
	}
	if err := s.NewFeed(ctx); err != nil {
		t.Fatal(err)
	}
	if moved, err := s.Record(ctx, KindToken, token.ID); err != nil || moved.Feed != s.Feed() {
		t.Errorf("record = %+v, %v", moved, err)
	}
	later := say(t, s, RoomID("lobby"), ID{1}, "said after")
	vector, place, err := s.Vector(ctx)
	if diff := cmp.Diff(map[ID]uint64{s.Feed(): 3}, vector); diff != "" || err != nil || place != 3 {
		t.Errorf("vector at %d: %s, %v", place, diff, err)
	}
	got, err := s.MessageByID(ctx, m.ID)
	if err != nil || got.Feed != s.Feed() || got.Feed == old || got.Stamp != m.Stamp || later.Feed != s.Feed() {
		t.Errorf("row = %+v, %v", got, err)
	}
	// What others have of the old feed comes in again as that of a stranger.
	merge(t, s, &Seen{Header: Header{Origin: Origin{m.Stamp, old, 1}}, User: ID{1}, At: day})
	if vector, _, err := s.Vector(ctx); vector[old] != 1 || err != nil {
		t.Errorf("vector = %v, %v", vector, err)
	}
}

func TestMergeRefusesWhatBreaksTheTables(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	good := theirMessage(0xf1, 1, 0, NewID(), "good")
	noRoom := theirMessage(0xf1, 2, 0, NewID(), "bad")
	noRoom.Room = ID{}
	if n, err := s.Merge(context.Background(), []Row{good, noRoom}); n != 0 || err == nil {
		t.Errorf("merged %d, %v", n, err)
	}
	// The same token and the same number twice are no reason to stop.
	x := &Session{Header: from(0xf1, 1, 0), ID: ID{1}, Token: [32]byte{1}, User: ID{1}}
	y := &Session{Header: from(0xf1, 1, 0), ID: ID{2}, Token: [32]byte{1}, User: ID{1}}
	if n := merge(t, s, x, y); n != 2 {
		t.Errorf("merged %d, want 2", n)
	}
}

func TestStrangeRowsAreUnderstoodByANewerVersion(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	m := theirMessage(0xf1, 1, 0, NewID(), "of the future")
	poll, err := DecodeRow([]byte(`{"kind":"poll","v":1,"id":"a","stamp":1,"feed":"` + NewID().String() + `","seq":1}`))
	if err != nil {
		t.Fatal(err)
	}
	// As an older version would have kept it.
	merge(t, s, poll, &Strange{Header: m.Header, Kind: kindMessage, ID: m.ID.String(), Body: string(EncodeRow(m))})
	if aside, err := s.Aside(ctx); err != nil || aside.Strange != 2 {
		t.Errorf("aside = %+v, %v", aside, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, Options{})
	if got, err := s.MessageByID(ctx, m.ID); err != nil || got.Text != m.Text {
		t.Errorf("message = %+v, %v", got, err)
	}
	if aside, err := s.Aside(ctx); err != nil || aside.Strange != 1 {
		t.Errorf("aside = %+v, %v", aside, err)
	}
}

func TestDamagedRowsAreCountedAndBounded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s := openAt(t, dir, Options{Synchronous: "normal"})
	one := Damaged{Origin: Origin{Feed: ID{1}, Seq: 2}, Body: []byte("nonsense"), Why: "no JSON"}
	total := 0
	for _, n := range []int{1, 0, 5, 3 * keptDamaged, keptDamaged, 7} {
		if err := s.SetAside(ctx, slices.Repeat([]Damaged{one}, n)); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if aside, err := s.Aside(ctx); err != nil || aside.Damaged != total {
		t.Errorf("aside = %+v, %v; want %d", aside, err, total)
	}
	if n := mustRead(t, connect(t, filepath.Join(dir, databaseFile)), "SELECT count(*) FROM damaged"); n != fmt.Sprint(keptDamaged) {
		t.Errorf("%s are kept", n)
	}
}
