package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/cluster"
	"snug/replica"
	"snug/snugtest"
	"snug/store"
)

// newerRows are rows as a later version may write them: known kinds with fields that nobody knows yet, a known kind in a form that is not the one of today,
// and a kind that is new.
func newerRows(feed store.ID, stamp store.Stamp) (bodies []string) {
	room, author := store.RoomID("lobby"), store.NewID()
	for _, fields := range []string{
		fmt.Sprintf(`"kind":"message","v":1,"id":%q,"room":%q,"author":%q,"posted":%d,"text":"hello","mood":"sunny","weights":[1,{"deep":2}]`, store.NewID(), room, author, stamp),
		fmt.Sprintf(`"kind":"user","v":1,"id":%q,"name":"Later","key":"later","claimed":%d,"password":"!","created":1,"pronouns":"they"`, author, stamp),
		fmt.Sprintf(`"kind":"message","v":2,"id":%q,"room":%q,"text":{"not":"a text"}`, store.NewID(), room),
		`"kind":"poll","v":1,"id":"a poll","question":"what is for lunch?"`,
	} {
		stamp++
		bodies = append(bodies, fmt.Sprintf(`{%s,"stamp":%d,"feed":%q,"seq":%d}`, fields, stamp, feed, len(bodies)+1))
	}
	return bodies
}

// newerNode is a node of a later version: a mesh, a store and replication, with rows that this version does not know.
func newerNode(t *testing.T, beside *snugtest.Server, bodies []string) (stop func()) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := cluster.Join(t.Context(), strings.Fields(inviteTo(t, beside))[2], dir); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	m, err := cluster.Open(t.Context(), cluster.Options{Dir: dir, Bind: "127.0.0.1:0", Name: "newer", Version: "99.0", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	rep := replica.New(m.Port("replica"), rows{st, logger}, replica.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = rep.Run(ctx) // until it is cancelled
	}()
	for _, body := range bodies {
		row, err := store.DecodeRow([]byte(body))
		if err == nil {
			_, err = st.Merge(t.Context(), []store.Row{row})
		}
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
	return func() {
		_ = m.Leave(t.Context())
		cancel()
		<-done
		m.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

// storedRows is everything in the store of a node that is not running, as it travels.
func storedRows(t *testing.T, dir string) (bodies []string) {
	t.Helper()
	st, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for place, end := int64(0), false; !end; {
		var some []store.Row
		if some, place, end, err = st.RowsAfter(t.Context(), place, nil, 1000); err != nil {
			t.Fatal(err)
		}
		for _, row := range some {
			bodies = append(bodies, string(store.EncodeRow(row)))
		}
	}
	return bodies
}

// canonical is a row with its fields in order.
func canonical(t *testing.T, body string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRowsOfANewerNodeReachAThirdOneThroughAnOldOne: the third joins when the newer one is gone, and the old one was restarted in between.
func TestRowsOfANewerNodeReachAThirdOneThroughAnOldOne(t *testing.T) {
	t.Parallel()
	old := snugtest.Start(t, nodeOptions("old", ""))
	bodies := newerRows(store.NewID(), store.StampAt(time.Now()))
	stop := newerNode(t, old, bodies)
	aside := func(s *snugtest.Server) func() bool { return func() bool { return membersOf(t, s).Aside == 2 } }
	eventually(t, "the old node has what it does not understand", clusterWait, aside(old))
	stop()
	old.Kill()
	old.Restart()
	if !aside(old)() {
		t.Error("it did not survive a restart")
	}
	third := startBeside(t, old, "third")
	eventually(t, "the third node has it too", clusterWait, aside(third))
	third.Stop()
	third.Restart()
	third.Stop()
	old.Stop()

	for _, s := range []*snugtest.Server{old, third} {
		have := map[string]bool{}
		for _, body := range storedRows(t, s.Dir) {
			have[canonical(t, body)] = true
		}
		for _, body := range bodies {
			if !have[canonical(t, body)] {
				t.Errorf("there is no %s", body)
			}
		}
	}
}
