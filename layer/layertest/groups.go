package layertest

import (
	"fmt"
	"sync"
	"testing"

	"snug/layer"
)

func groupSendReachesMembers(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	for i := range 20 {
		add(t, l, "group", fmt.Sprintf("member.%d", i))
	}
	groupSend(t, l, "group", 1, 2)
	for i := range 20 {
		receive(t, l, fmt.Sprintf("member.%d", i), 1, 2)
	}
	b.empty(t, l, "member.0")
	b.empty(t, l, "group")
}

func addingTwice(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	add(t, l, "group", "line", "line")
	groupSend(t, l, "group", 1)
	receive(t, l, "line", 1)
	b.empty(t, l, "line")
	if st := l.Stats(); st.Members != 1 {
		t.Errorf("%d members, want 1", st.Members)
	}
	discard(t, l, "group", "line")
	groupSend(t, l, "group", 2)
	b.empty(t, l, "line")
}

func discarding(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	discard(t, l, "never", "line")
	for _, gone := range []string{"one", "two", "three"} {
		add(t, l, "group", "one", "two", "three")
		groupSend(t, l, "group", 1)
		discard(t, l, "group", gone, gone, "stranger")
		groupSend(t, l, "group", 2)
		for _, channel := range []string{"one", "two", "three"} {
			receive(t, l, channel, 1)
			if channel != gone {
				receive(t, l, channel, 2)
			}
			b.empty(t, l, channel)
		}
	}
	// What was sent before stays.
	groupSend(t, l, "group", 3)
	discard(t, l, "group", "one")
	receive(t, l, "one", 3)
}

func emptyGroups(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	groupSend(t, l, "nobody", 1)
	add(t, l, "nobody", "late")
	b.empty(t, l, "late")
	if st := l.Stats(); st.Dropped != 0 {
		t.Errorf("%d messages are counted as dropped, but there was nobody to miss any", st.Dropped)
	}
}

func manyGroups(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	for i := range 20 {
		add(t, l, fmt.Sprintf("group.%d", i), "line")
	}
	// Discarded from the middle, the front and the end.
	for _, i := range []int{10, 0, 19} {
		discard(t, l, fmt.Sprintf("group.%d", i), "line")
	}
	for i := range 20 {
		groupSend(t, l, fmt.Sprintf("group.%d", i), i)
	}
	for i := range 20 {
		if i != 10 && i != 0 && i != 19 {
			receive(t, l, "line", i)
		}
	}
	b.empty(t, l, "line")
}

func churn(t *testing.T, b *bench) {
	const senders, each = 4, 300
	l := b.layer(t, layer.Options{Capacity: 10})
	steady := &ear{}
	listen(t, l, "steady", steady)
	add(t, l, "group", "steady")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range each {
				passing := fmt.Sprintf("passing.%d.%d", i, n%7)
				stop, err := l.Listen(passing, &ear{})
				if err != nil {
					t.Error(err)
					return
				}
				add(t, l, "group", passing, passing+".queue")
				stop()
				discard(t, l, "group", passing+".queue")
			}
		})
	}
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				if err := l.GroupSend(t.Context(), "group", messageOf(t, s, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantOrder(t, steady.messages(t), senders, each)
	if st := l.Stats(); st.Members != 1 || st.Groups != 1 {
		t.Errorf("%d members in %d groups are left, want 1 in 1", st.Members, st.Groups)
	}
}
