package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"snug/cluster"
)

func TestTableSaysOnlyWhatIsKnown(t *testing.T) {
	t.Parallel()
	behind, ahead := uint64(12), uint64(3)
	list := memberList{
		Trouble: "Another machine has the same id.", // as its member says, too
		Aside:   6, RowsNewer: 1, RowsEarly: 2, RowsDamaged: 3, Rotation: &rotation{Stage: "spreading", Waiting: []string{"shed"}},
		Members: []memberInfo{
			{ID: strings.Repeat("a", 32), Name: "attic", Address: "192.168.1.5:7846", Version: "1.2.3", Self: true, State: "alive", Trouble: "Another machine has the same id."},
			{
				ID: strings.Repeat("b", 32), Name: "barn", Address: "192.168.1.6:7846", Version: "1.2.3", State: "alive", Since: time.Now(),
				RoundTripMS: 0.314, ClockMS: -61_500, RowsBehind: &behind, RowsAhead: &ahead, QueueFrames: 3, QueueBytes: 2048, FramesNewer: 4, FramesBad: 5,
			},
			{ID: strings.Repeat("c", 32), Name: "shed", Address: "192.168.1.7:7846", State: "dead", Since: time.Now(), Trouble: "Nothing answers."},
			{Address: "10.0.0.1:7846", State: "unknown"},
		},
	}
	var b strings.Builder
	if err := list.print(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, words := range [][]string{
		{"NAME", "ROWS BEHIND"},
		{"attic (this one)", "192.168.1.5:7846", "1.2.3", "alive"},
		{"barn", "0.31 ms", "1m1.5s behind", "12, and 3 ahead", "3 (2.0 KiB)"},
		{"shed", "dead"},
		{"-", "10.0.0.1:7846", "unknown"},
	} {
		for _, word := range words {
			if !strings.Contains(lines[i], word) {
				t.Errorf("line %d does not say %q: %s", i, word, lines[i])
			}
		}
	}
	if strings.Contains(lines[3], "0 B") || strings.Contains(lines[3], "same") {
		t.Errorf("of a node without a link more is said than known: %s", lines[3])
	}
	if strings.Count(b.String(), "Another machine has") != 1 {
		t.Errorf("what is wrong with this node is not said once:\n%s", b.String())
	}
	for _, text := range []string{
		"attic: Another machine has", "shed: Nothing answers.", "It waits for shed.", "only a newer version knows: 1. They are kept", "ahead of the clock here: 2. They", "could not be read, ever: 3. They",
		"barn: Frames that only a newer version knows, left out here: 4 since", "barn: Frames that could not be read, left out here: 5 since",
	} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("it does not say %q:\n%s", text, b.String())
		}
	}
}

func TestNodeIsFoundByNameAndId(t *testing.T) {
	t.Parallel()
	all := []cluster.Member{
		{ID: "aaaa0000" + strings.Repeat("0", 24), Name: "attic"},
		{ID: "aaaa1111" + strings.Repeat("0", 24), Name: "barn"},
		{ID: "bbbb" + strings.Repeat("0", 28), Name: "barn"},
		{Addr: "10.0.0.1:7846"},
	}
	for node, want := range map[string]string{
		"attic": "attic", "AAAA1": "barn", "bbbb": "barn", all[0].ID: "attic",
		"barn": "say which by its id", "aaaa": "say which by its id", "bbb": "there is no node", "": "there is no node", "10.0.0.1:7846": "there is no node",
	} {
		m, err := find(all, node)
		got := m.Name
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q is %q, want %q", node, got, want)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	t.Parallel()
	got := []string{
		milliseconds(0.042), milliseconds(123.4), difference(0.4), difference(1500), difference(-2), size(12), size(1536), size(3 << 20),
	}
	want := []string{"0.04 ms", "123 ms", "the same", "1.5s ahead", "2ms behind", "12 B", "1.5 KiB", "3.0 MiB"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
