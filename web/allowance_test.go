package web

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"snug/chat"
)

func TestTalkIsLimitedByPersonWithTheTimeToWait(t *testing.T) {
	t.Parallel()
	now := time.Now()
	limit := newTalk(2)
	ada, grace := chat.ID{1}, chat.ID{2}
	for i := range 4 {
		if err := limit.take(ada, now); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	err := limit.take(ada, now)
	if answer := errorAnswer(nil, err); answer.Code != "rate_limited" || answer.RetryAfter != 1 {
		t.Errorf("fifth message at once: %+v", answer)
	}
	if err := limit.take(grace, now); err != nil {
		t.Errorf("another person: %v", err)
	}
	if err := limit.take(ada, now.Add(500*time.Millisecond)); err != nil {
		t.Errorf("half a second later: %v", err)
	}
	limit.clean(now.Add(time.Second))
	if len(limit.buckets) != 1 {
		t.Errorf("%d buckets are kept, want ada's alone", len(limit.buckets))
	}
	limit.clean(now.Add(time.Minute))
	if len(limit.buckets) != 0 {
		t.Errorf("%d buckets are kept, want none", len(limit.buckets))
	}
	off := newTalk(0)
	for range 1000 {
		if err := off.take(ada, now); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwentyTabsComeBackAtOnce has all tabs that one person may have ask what a tab asks as it opens.
func TestTwentyTabsComeBackAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.SocketsPerUser = 20 })
	ada := s.person("ada")
	var tabs sync.WaitGroup
	for range 20 {
		k := ada.dial("/ws/")
		tabs.Go(func() {
			for i, text := range []string{
				`{"type":"inbox","ref":0}`,
				`{"type":"rooms","ref":1}`,
				`{"type":"users","ref":2}`,
				`{"type":"join","ref":3,"room":"lobby"}`,
				`{"type":"history","ref":4,"room":"lobby"}`,
			} {
				if f := k.ask(text); f.kind() == "error" && f["code"] == "rate_limited" {
					t.Errorf("frame %d: %v", i, f)
				}
			}
		})
	}
	tabs.Wait()
}

// TestAsksAreLimitedByPerson holds that more sockets do not let one person ask more.
func TestAsksAreLimitedByPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	var tabs []*sock
	for range 5 {
		tabs = append(tabs, ada.dial("/ws/"))
	}
	refused := 0
	for i := range 2 * asksAtOnce {
		f := tabs[i%len(tabs)].ask(fmt.Sprintf(`{"type":"leave","ref":%d,"room":"nowhere"}`, i))
		if f["code"] == "rate_limited" {
			refused++
		}
	}
	if refused < asksAtOnce/10 {
		t.Errorf("%d of %d frames were refused", refused, 2*asksAtOnce)
	}
	if f := grace.dial("/ws/").ask(`{"type":"users","ref":1}`); f.kind() != "users" {
		t.Errorf("another person: %v", f)
	}
}
