package store

import (
	"context"
	"testing"
)

func TestMetaRowsAreLocalNotes(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	told := false
	defer s.Watch(func([]Row) { told = true })()
	if _, found, err := s.Meta(ctx, "k"); found || err != nil {
		t.Errorf("before: %v, %v", found, err)
	}
	for _, value := range []string{"one", "two"} {
		if err := s.SetMeta(ctx, "k", value); err != nil {
			t.Fatal(err)
		}
		if got, found, err := s.Meta(ctx, "k"); got != value || !found || err != nil {
			t.Errorf("got %q, %v, %v; want %q", got, found, err, value)
		}
	}
	for _, want := range []bool{true, false} {
		if existed, err := s.DeleteMeta(ctx, "k"); existed != want || err != nil {
			t.Errorf("existed = %v, %v; want %v", existed, err, want)
		}
	}
	if err := s.Ready(ctx); err != nil {
		t.Error(err)
	}
	if s.Seq() != 0 || told {
		t.Error("a note took a place in the order of events")
	}
}
