package store

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLaterSeenWins(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada, bob, never := NewID(), NewID(), NewID()
	for _, step := range []struct {
		user ID
		at   time.Time
	}{{ada, day}, {ada, day.Add(time.Hour)}, {ada, day.Add(time.Minute)}, {bob, day}} {
		if err := s.SetSeen(ctx, step.user, step.at); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.SeenByUser(ctx, []ID{ada, bob, never})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[ID]time.Time{ada: day.Add(time.Hour), bob: day}, got); diff != "" {
		t.Error(diff)
	}
	if s.Seq() != 3 {
		t.Errorf("%d places taken, want 3: the earlier time changes nothing", s.Seq())
	}
	if got, err := s.SeenByUser(ctx, nil); len(got) != 0 || err != nil {
		t.Errorf("nobody: %v, %v", got, err)
	}
}
