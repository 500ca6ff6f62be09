package layertest

import (
	"strings"
	"testing"

	"snug/layer"
)

func validNames(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	names := []string{
		"a", "Z", "7", "-", "_", ".", "chat.room-1_B", "...", strings.Repeat("x", 99),
		"a!b", "socket!0Az-_.", "-!.", strings.Repeat("x", 49) + "!" + strings.Repeat("y", 49),
	}
	for i, name := range names {
		send(t, l, name, i)
		receive(t, l, name, i)
		if strings.Contains(name, "!") {
			continue
		}
		add(t, l, name, "member")
		groupSend(t, l, name, i)
		receive(t, l, "member", i)
		discard(t, l, name, "member")
	}
}

// wrongNames are neither for channels nor for groups.
var wrongNames = []string{
	"", " ", "a b", "a/b", "a\n", "a\x00", "é", "ａ", "a:b", "a*", "a@b", "[a]", "\xff", strings.Repeat("x", 100),
	"a!b!c", "a!!b", "!", "!a", "a!", strings.Repeat("x", 50) + "!" + strings.Repeat("y", 49),
}

func invalidNames(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	ctx := t.Context()
	for _, name := range wrongNames {
		wantError(t, "send to "+name, l.Send(ctx, name, message(t, 1)), layer.ErrName)
		_, err := l.Receive(ctx, name)
		wantError(t, "receive from "+name, err, layer.ErrName)
		_, err = l.Listen(name, &ear{})
		wantError(t, "listen to "+name, err, layer.ErrName)
		wantError(t, "add channel "+name, l.GroupAdd(ctx, "group", name), layer.ErrName)
		wantError(t, "discard channel "+name, l.GroupDiscard(ctx, "group", name), layer.ErrName)
	}
	if st := l.Stats(); st.Channels != 0 || st.Groups != 0 {
		t.Errorf("refused names left something behind: %+v", st)
	}
}

func groupsHaveNoMark(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	ctx := t.Context()
	for _, name := range append([]string{"a!b", "room!1"}, wrongNames...) {
		wantError(t, "add to "+name, l.GroupAdd(ctx, name, "channel"), layer.ErrName)
		wantError(t, "discard from "+name, l.GroupDiscard(ctx, name, "channel"), layer.ErrName)
		wantError(t, "send to group "+name, l.GroupSend(ctx, name, message(t, 1)), layer.ErrName)
	}
	if st := l.Stats(); st.Channels != 0 || st.Groups != 0 {
		t.Errorf("refused names left something behind: %+v", st)
	}
}

func groupsAndChannelsAreApart(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	add(t, l, "same", "other")
	send(t, l, "same", 1)
	groupSend(t, l, "same", 2)
	receive(t, l, "same", 1)
	receive(t, l, "other", 2)
	b.empty(t, l, "same")
	b.empty(t, l, "other")
}

func newChannels(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	seen := make(map[string]bool)
	for range 1000 {
		name, err := l.NewChannel(t.Context(), "socket")
		if err != nil {
			t.Fatal(err)
		}
		if err := layer.CheckChannel(name); err != nil {
			t.Fatal(err)
		}
		if prefix, rest, ok := strings.Cut(name, "!"); !ok || prefix != "socket" || len(rest) < 16 {
			t.Fatalf("new channel %q, want socket! and enough that nobody can guess", name)
		}
		if seen[name] {
			t.Fatalf("channel %q is new twice", name)
		}
		seen[name] = true
	}
	if st := l.Stats(); st.Channels != 0 {
		t.Errorf("names that nobody used hold %d channels", st.Channels)
	}
}

func newChannelPrefixes(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	for _, prefix := range []string{"", "a!", "!", "a!b", "a b", "é", strings.Repeat("x", 99)} {
		name, err := l.NewChannel(t.Context(), prefix)
		wantError(t, "new channel "+prefix, err, layer.ErrName)
		if name != "" {
			t.Errorf("prefix %q was refused and yet gave %q", prefix, name)
		}
	}
}

func localChannelsWork(t *testing.T, b *bench) {
	l := b.layer(t, layer.Options{})
	var names [2]string
	for i := range names {
		name, err := l.NewChannel(t.Context(), "reply")
		if err != nil {
			t.Fatal(err)
		}
		names[i] = name
	}
	send(t, l, names[0], 1, 2)
	b.empty(t, l, names[1])
	add(t, l, "group", names[:]...)
	groupSend(t, l, "group", 3)
	receive(t, l, names[0], 1, 2, 3)
	receive(t, l, names[1], 3)
}
