package layertest

import (
	"fmt"
	"testing"
	"time"

	"snug/layer"
)

// oddTime passes some time, so that what looks every so often does not happen to look just when something expires.
func oddTime() { time.Sleep(7654 * time.Microsecond) }

// wantExpiry checks that a message can be read just before the time is over, and not any more when it is.
func wantExpiry(t testing.TB, b *bench, l Layer, after time.Duration) {
	t.Helper()
	oddTime()
	send(t, l, "early", 1)
	send(t, l, "late", 2)
	time.Sleep(after - time.Millisecond)
	receive(t, l, "early", 1)
	send(t, l, "late", 3)
	time.Sleep(time.Millisecond)
	receive(t, l, "late", 3)
	b.empty(t, l, "late")
	if got := l.Stats().Expired; got != 1 {
		t.Errorf("%d messages are counted as expired, want 1", got)
	}
}

func messageExpiry(t *testing.T, b *bench) {
	wantExpiry(t, b, b.layer(t, layer.Options{}), 60*time.Second)
}

func configuredMessageExpiry(t *testing.T, b *bench) {
	wantExpiry(t, b, b.layer(t, layer.Options{Expiry: 5 * time.Minute}), 5*time.Minute)
	wantExpiry(t, b, b.layer(t, layer.Options{Expiry: 10 * time.Millisecond}), 10*time.Millisecond)
}

func expiredTakeNoRoom(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{Capacity: 2, OnFull: func(channel string) { t.Errorf("channel %q is full", channel) }})
	oddTime()
	send(t, l, "line", 1, 2)
	time.Sleep(time.Minute)
	send(t, l, "line", 3)
	add(t, l, "group", "line")
	groupSend(t, l, "group", 4)
	receive(t, l, "line", 3, 4)
}

// wantGroupExpiry checks that a membership holds until just before the time is over, and not any more when it is.
func wantGroupExpiry(t testing.TB, b *bench, l Layer, after time.Duration) {
	t.Helper()
	heard := &ear{}
	listen(t, l, "listening", heard)
	oddTime()
	add(t, l, "group", "listening", "queueing")
	time.Sleep(after - time.Millisecond)
	groupSend(t, l, "group", 1)
	time.Sleep(time.Millisecond)
	groupSend(t, l, "group", 2)
	receive(t, l, "queueing", 1)
	b.empty(t, l, "queueing")
	wantHeard(t, heard, 1)
	if got := l.Stats().Dropped; got != 0 {
		t.Errorf("%d messages are counted as dropped, though who left misses nothing", got)
	}
	// An expired membership can begin anew.
	add(t, l, "group", "listening", "queueing")
	groupSend(t, l, "group", 3)
	receive(t, l, "queueing", 3)
	wantHeard(t, heard, 1, 3)
}

func groupExpiry(t *testing.T, b *bench) {
	wantGroupExpiry(t, b, b.layer(t, layer.Options{}), 24*time.Hour)
}

func configuredGroupExpiry(t *testing.T, b *bench) {
	wantGroupExpiry(t, b, b.layer(t, layer.Options{GroupExpiry: 48 * time.Hour}), 48*time.Hour)
	wantGroupExpiry(t, b, b.layer(t, layer.Options{GroupExpiry: time.Minute}), time.Minute)
}

func groupExpiryRenewed(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	oddTime()
	add(t, l, "group", "renewed", "not")
	for range 3 {
		time.Sleep(23 * time.Hour)
		add(t, l, "group", "renewed")
	}
	time.Sleep(23 * time.Hour)
	groupSend(t, l, "group", 1)
	receive(t, l, "renewed", 1)
	b.empty(t, l, "not")
	time.Sleep(time.Hour)
	groupSend(t, l, "group", 2)
	b.empty(t, l, "renewed")
}

func abandoned(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	for i := range 1000 {
		send(t, l, fmt.Sprintf("line.%d", i), 1, 2)
		add(t, l, fmt.Sprintf("group.%d", i%10), fmt.Sprintf("member.%d", i))
	}
	groupSend(t, l, "group.0", 3)
	if st := l.Stats(); st.Channels != 2000 || st.Groups != 10 || st.Members != 1000 || st.Messages != 2100 {
		t.Errorf("the layer holds %+v, want 2000 channels, 10 groups, 1000 members and 2100 messages", st)
	}
	time.Sleep(2 * time.Minute)
	if st := l.Stats(); st.Channels != 1000 || st.Messages != 0 || st.Expired != 2100 {
		t.Errorf("after two minutes the layer holds %+v, want the 1000 members and no message", st)
	}
	time.Sleep(24 * time.Hour)
	if st := l.Stats(); st.Channels != 0 || st.Groups != 0 || st.Members != 0 {
		t.Errorf("after a day the layer holds %+v, want nothing", st)
	}
}
