package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"
)

// connect opens a database file by other means than the store.
func connect(t testing.TB, path string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", dataSource(path, nil))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		db.Close()
	})
	return conn
}

func mustExec(t testing.TB, conn *sql.Conn, query string) {
	t.Helper()
	if _, err := conn.ExecContext(context.Background(), query); err != nil {
		t.Fatalf("%.80s: %v", query, err)
	}
}

func mustRead(t testing.TB, conn *sql.Conn, query string) string {
	t.Helper()
	var s string
	if err := conn.QueryRowContext(context.Background(), query).Scan(&s); err != nil {
		t.Fatalf("%.80s: %v", query, err)
	}
	return s
}

const dumpSchema = `SELECT group_concat(sql, ';' || char(10)) FROM (SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name)`

func knownSteps(t testing.TB) []migration {
	t.Helper()
	steps, err := readMigrations(migrations)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// Each version needs a file of rows in testdata/schema, so a new migration
// without one fails here.
func TestUpgradeFromEveryOlderSchema(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	steps := knownSteps(t)
	fresh := connect(t, filepath.Join(t.TempDir(), "fresh.db"))
	if err := migrate(ctx, fresh, "", steps); err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= len(steps); version++ {
		t.Run(fmt.Sprintf("%04d", version), func(t *testing.T) {
			t.Parallel()
			rows, err := os.ReadFile(filepath.Join("testdata", "schema", fmt.Sprintf("%04d.sql", version)))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			path := filepath.Join(dir, databaseFile)
			old := connect(t, path)
			if err := migrate(ctx, old, path, steps[:version]); err != nil {
				t.Fatal(err)
			}
			mustExec(t, old, string(rows))
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			s := openAt(t, dir, Options{})
			checkFixture(t, s, version)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(mustRead(t, fresh, dumpSchema), mustRead(t, connect(t, path), dumpSchema)); diff != "" {
				t.Errorf("upgraded schema differs from a fresh one: %s", diff)
			}
			_, err = os.Stat(fmt.Sprintf("%s.schema-%d", path, version))
			if upgraded := version < len(steps); upgraded == errors.Is(err, fs.ErrNotExist) {
				t.Errorf("backup: %v, upgraded: %v", err, upgraded)
			}
		})
	}
}

// checkFixture looks for the rows that all files of testdata/schema have, and for
// those that a version added.
func checkFixture(t *testing.T, s *Store, version int) {
	t.Helper()
	ctx := context.Background()
	then := time.UnixMilli(1_700_000_000_000).UTC()
	ada, err := s.UserByKey(ctx, "ada")
	if err != nil || ada.ID != (ID{1}) || !ada.Admin || !ada.Created.Equal(then) {
		t.Errorf("ada = %+v, %v", ada, err)
	}
	msgs, _, err := s.History(ctx, RoomID("lobby"), ID{}, 10)
	if err != nil || len(msgs) != 1 || msgs[0].Text != "hello" || msgs[0].Edited.IsZero() {
		t.Errorf("history = %+v, %v", msgs, err)
	}
	rooms, err := s.Rooms(ctx, 10)
	if err != nil || len(rooms) != 1 || rooms[0].Name != "Lobby" || !rooms[0].Guests {
		t.Errorf("rooms = %+v, %v", rooms, err)
	}
	talks, err := s.Conversations(ctx, ID{2}, ID{}, 10)
	if err != nil || len(talks) != 1 || talks[0].Other != ada.ID || talks[0].Last.Text != "psst" {
		t.Errorf("conversations = %+v, %v", talks, err)
	}
	session, err := s.SessionByToken(ctx, [32]byte{8})
	if err != nil || session.User != ada.ID || !session.Revoked {
		t.Errorf("session = %+v, %v", session, err)
	}
	seen, err := s.SeenByUser(ctx, []ID{ada.ID})
	if err != nil || !seen[ada.ID].Equal(then) {
		t.Errorf("seen = %v, %v", seen, err)
	}
	if note, _, err := s.Meta(ctx, "note"); note != "kept" || err != nil {
		t.Errorf("note = %q, %v", note, err)
	}
	if ada.ClaimedName != "Ada" || ada.ClaimedKey != "ada" || ada.Claimed == 0 || ada.Claimed > ada.Stamp {
		t.Errorf("claim of ada = %q, %q, %d", ada.ClaimedName, ada.ClaimedKey, ada.Claimed)
	}
	newest := int64(7)
	if version >= 3 {
		newest = 8
		phone, err := s.RecordByKey(ctx, KindPasskey, "credential")
		if err != nil || phone.ID != (ID{9}) || phone.Owner != ada.ID || phone.Body != `{"name":"phone"}` || !phone.Created.Equal(then) || phone.Final {
			t.Errorf("passkey = %+v, %v", phone, err)
		}
	}
	if version >= 4 {
		newest = 9
		if built, err := s.MessageByID(ctx, ID{11}); err != nil || built.Hook != "ci" || built.Author != (ID{13}) {
			t.Errorf("message of a webhook = %+v, %v", built, err)
		}
	}
	if version >= 6 {
		newest = 10
		if old, err := s.RoomByID(ctx, RoomID("old")); err != nil || !old.Deleted || old.Life != 0 {
			t.Errorf("deleted room = %+v, %v", old, err)
		}
	}
	if version >= 7 && session.Knew != 65530 {
		t.Errorf("session knew %d", session.Knew)
	}
	want := Standing{Password: "hash", Disabled: true}
	if version >= 8 {
		newest, want = 12, Standing{Password: "other"}
	}
	if version >= 9 {
		newest = 14
		endings, err := s.EndingsOf(ctx, ID{2})
		if err != nil || len(endings) != 2 || endings[0].ID != oldEndingID(ID{2}) || endings[1].Kept != session.ID || session.Known[endings[1].ID] != 65529 {
			t.Errorf("endings = %+v, %v; session knew %v", endings, err, session.Known)
		}
	}
	if version < 9 && session.Known != nil {
		t.Errorf("session knew %v, which it did not note", session.Known)
	}
	bob, err := s.UserByKey(ctx, "bob")
	if err != nil || bob.Standing != want || bob.Said != (Standing{Password: "hash", Disabled: true}) {
		t.Errorf("bob = %+v, %v", bob, err)
	}
	rulings, err := s.RulingsOf(ctx, bob.ID)
	if err != nil || version >= 8 && (len(rulings) != 2 || rulings[0].check() != nil || rulings[1].check() != nil) {
		t.Errorf("rulings on bob: %+v, %v", rulings, err)
	}
	if vector, place, err := s.Vector(ctx); err != nil || place != newest || vector[ID{15}] != uint64(newest) || vector[s.Feed()] != 0 {
		t.Errorf("vector = %v at %d, %v", vector, place, err)
	}
	if s.Seq() != newest || !s.GoesOn((ID{10}).Hex(), newest) {
		t.Errorf("seq %d, which is not one of the order of events that there was", s.Seq())
	}
	if m := say(t, s, RoomID("lobby"), ada.ID, "new"); m.Place != newest+1 {
		t.Errorf("next place = %d, want %d", m.Place, newest+1)
	}
}

func TestUpgradeLeavesABackup(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "x.db")
	conn := connect(t, path)
	one := migration{"0001_a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES ('before')"}
	two := migration{"0002_b.sql", "UPDATE a SET x = 'after'"}
	broken := migration{"0003_c.sql", "UPDATE a SET x = 'broken'; SELECT nonsense"}
	if err := migrate(ctx, conn, path, []migration{one}); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("a new database was backed up: %v", left)
	}
	err := migrate(ctx, conn, path, []migration{one, two, broken})
	if err == nil || !strings.Contains(err.Error(), broken.name) {
		t.Errorf("error = %v, want one that names %s", err, broken.name)
	}
	if got := mustRead(t, conn, "SELECT x || user_version FROM a, pragma_user_version"); got != "after2" {
		t.Errorf("after the failed step: %s, want the state of step 2", got)
	}
	if got := mustRead(t, connect(t, path+".schema-1"), "SELECT x FROM a"); got != "before" {
		t.Errorf("backup holds %q", got)
	}
	info, err := os.Stat(path + ".schema-1")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup: %v, %v", info.Mode(), err)
	}
	// The next try backs up what is there now, over an older copy too.
	for range 2 {
		if err := migrate(ctx, conn, path, []migration{one, two, broken}); err == nil {
			t.Error("the broken step passed")
		}
	}
	if got := mustRead(t, connect(t, path+".schema-2"), "SELECT x FROM a"); got != "after" {
		t.Errorf("second backup holds %q", got)
	}
}

func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"0002_a.sql"}, {"0001_a.sql", "0003_b.sql"}, {"0001_a.sql", "0001_b.sql"}, {"first.sql"}} {
		files := fstest.MapFS{}
		for _, name := range names {
			files["migrations/"+name] = &fstest.MapFile{}
		}
		if _, err := readMigrations(files); err == nil {
			t.Errorf("%v were accepted", names)
		}
	}
}
