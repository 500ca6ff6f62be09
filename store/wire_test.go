package store

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRowsComeBackAsSent(t *testing.T) {
	t.Parallel()
	for _, row := range randomHistory(rand.New(rand.NewPCG(3, 3)), 500) {
		body := EncodeRow(row)
		got, err := DecodeRow(body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if diff := cmp.Diff(row, got); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

const goodRoom = `{"kind":"room","v":1,"id":"842fb60b-0343-2648-d814-7b067e57c7bf","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1,"name":"A","key":"a","created":7}`

func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	body := strings.Replace(goodRoom, `"name"`, `"topic": {"b": "<&>", "a":[1, 2]}, "Name":"other", "name"`, 1)
	row, err := DecodeRow([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := row.row().Extra, `{"Name":"other","topic":{"b":"<&>","a":[1,2]}}`; got != want {
		t.Errorf("extra = %s, want %s", got, want)
	}
	if row.(*Room).Name != "A" {
		t.Errorf("name = %q", row.(*Room).Name)
	}
	s := openTest(t)
	merge(t, s, row)
	// A change here must not lose them.
	updated, err := s.UpdateRoom(t.Context(), row.(*Room).ID, func(r *Room) error { r.Guests = true; return nil })
	if err != nil || updated.Extra != row.row().Extra {
		t.Errorf("updated = %+v, %v", updated, err)
	}
	rows, _, _, err := s.RowsAfter(t.Context(), 0, nil, 10)
	if err != nil || len(rows) != 1 || !strings.HasSuffix(string(EncodeRow(rows[0])), row.row().Extra[1:]) {
		t.Errorf("passed on: %v, %v", rows, err)
	}
}

func TestNewerRowsAreStrange(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		strings.Replace(goodRoom, `"v":1`, `"v":2`, 1),
		strings.Replace(goodRoom, `"room"`, `"poll"`, 1),
	} {
		row, err := DecodeRow([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		x, ok := row.(*Strange)
		if !ok || x.Seq != 1 || x.Stamp != 5 {
			t.Fatalf("row = %+v", row)
		}
		again, err := DecodeRow(EncodeRow(x))
		if err != nil || *again.(*Strange) != *x {
			t.Errorf("again = %+v, %v", again, err)
		}
	}
}

func badRows() map[string]string {
	change := func(old, with string) string { return strings.Replace(goodRoom, old, with, 1) }
	return map[string]string{
		"nothing":       ``,
		"no object":     `[1]`,
		"null":          `null`,
		"no fields":     `{}`,
		"cut":           goodRoom[:40],
		"two":           goodRoom + goodRoom,
		"no kind":       change(`"room"`, `""`),
		"version 0":     change(`"v":1`, `"v":0`),
		"version text":  change(`"v":1`, `"v":"1"`),
		"id":            change(`842fb60b-`, ``),
		"other id":      change(`842f`, `942f`),
		"no feed":       change(`0f000000-`, `00000000-`),
		"seq 0":         change(`"seq":1`, `"seq":0`),
		"seq negative":  change(`"seq":1`, `"seq":-1`),
		"seq too large": change(`"seq":1`, `"seq":9223372036854775808`),
		"stamp 0":       change(`"stamp":5`, `"stamp":0`),
		"stamp large":   change(`"stamp":5`, `"stamp":18446744073709551615`),
		"time negative": change(`"created":7`, `"created":-7`),
		"time large":    change(`"created":7`, `"created":140737488355328`),
		"not UTF-8":     change(`"A"`, "\"\xff\""),
		"too large":     change(`"A"`, `"`+strings.Repeat("A", MaxRow)+`"`),
		"user":          `{"kind":"user","v":1,"id":"842fb60b-0343-2648-d814-7b067e57c7bf","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1,"name":"a~b","key":"a~b"}`,
		"session":       `{"kind":"session","v":1,"id":"842fb60b-0343-2648-d814-7b067e57c7bf","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1,"token":"00","user":"842fb60b-0343-2648-d814-7b067e57c7bf"}`,
		"message":       `{"kind":"message","v":1,"id":"842fb60b-0343-2648-d814-7b067e57c7bf","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1,"room":"842fb60b-0343-2648-d814-7b067e57c7bf","author":"842fb60b-0343-2648-d814-7b067e57c7bf","target":"842fb60b-0343-2648-d814-7b067e57c7bf","posted":5}`,
		"record key":    `{"kind":"token","v":1,"id":"842fb60b-0343-2648-d814-7b067e57c7bf","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1,"key":"` + strings.Repeat("k", MaxRecordKey+1) + `"}`,
		"record body":   `{"kind":"token","v":1,"id":"842fb60b-0343-2648-d814-7b067e57c7bf","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1,"body":"[]"}`,
		"setting id":    `{"kind":"setting","v":1,"id":"842fb60b-0343-2648-d814-7b067e57c7bf","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1,"key":"rp"}`,
		"strange id":    `{"kind":"poll","v":1,"id":"","stamp":5,"feed":"0f000000-0000-0000-0000-000000000000","seq":1}`,
	}
}

func TestDamagedRowsAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := DecodeRow([]byte(goodRoom)); err != nil {
		t.Fatal(err)
	}
	for name, body := range badRows() {
		if row, err := DecodeRow([]byte(body)); err == nil {
			t.Errorf("%s: %.100s is %+v", name, body, row)
		}
	}
}

// Whatever comes, DecodeRow does not panic; and what it accepts has one spelling,
// and can be stored.
func FuzzDecodeRow(f *testing.F) {
	for _, row := range randomHistory(rand.New(rand.NewPCG(4, 4)), 30) {
		f.Add(EncodeRow(row))
	}
	for _, body := range badRows() {
		if len(body) < 1000 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		row, err := DecodeRow(body)
		if err != nil {
			return
		}
		encoded := EncodeRow(row)
		again, err := DecodeRow(encoded)
		if len(encoded) > MaxRow {
			return
		}
		if err != nil {
			t.Fatalf("%q was accepted, %q is not: %v", body, encoded, err)
		}
		if !bytes.Equal(encoded, EncodeRow(again)) || supersedes(row, again) || supersedes(again, row) {
			t.Fatalf("%q became %q", encoded, EncodeRow(again))
		}
		_ = again.clone()
	})
}
