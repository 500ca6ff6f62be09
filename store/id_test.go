package store

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	const good = "0192f0c1-2a3b-7c4d-8e5f-0123456789ab"
	id, err := ParseID(good)
	if err != nil || id.String() != good {
		t.Fatalf("ParseID(%q) = %v, %v", good, id, err)
	}
	if id.Hex() != strings.ReplaceAll(good, "-", "") {
		t.Errorf("Hex() = %q", id.Hex())
	}
	for _, bad := range []string{
		"", "x", good + "0", good[:35], strings.ReplaceAll(good, "-", ""), "{" + good[1:35] + "}",
		"urn:uuid:" + good, strings.Replace(good, "-", "0", 1), strings.Replace(good, "a", "g", 1),
	} {
		if id, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", bad, id)
		}
	}
}

func TestIDsTravelAsText(t *testing.T) {
	t.Parallel()
	type pair struct{ A, B ID }
	in := pair{A: NewID()}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out pair
	if err := json.Unmarshal(b, &out); err != nil || out != in {
		t.Errorf("%s became %v, %v", b, out, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"nonsense"}`), &out); err == nil {
		t.Error("nonsense was read as an ID")
	}
}

func TestDerivedIDsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	// Written down: a change here would tear rooms apart in every cluster.
	if got, want := RoomID("lobby").Hex(), "9d74020423d31e0e27033bc590e65df0"; got != want {
		t.Errorf("RoomID(lobby) = %s, want %s", got, want)
	}
	a, b := ID{1}, ID{2}
	if got, want := PairID(a, b).Hex(), "993482e731448290ce5a4470b4566f9b"; got != want {
		t.Errorf("PairID = %s, want %s", got, want)
	}
	if PairID(a, b) != PairID(b, a) {
		t.Error("PairID depends on who speaks first")
	}
	if PairID(a, a) == PairID(a, b) || RoomID("a") == RoomID("b") {
		t.Error("different things have one ID")
	}
}

func TestIDColumnRefusesOtherValues(t *testing.T) {
	t.Parallel()
	var id ID
	for _, bad := range []any{"text", int64(1), make([]byte, 15), make([]byte, 17)} {
		if err := id.Scan(bad); err == nil {
			t.Errorf("Scan(%v) = nil, want an error", bad)
		}
	}
}
