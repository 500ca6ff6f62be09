package account

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"snug/store"
)

func TestUsersAreFoundByAnyFormOfTheirName(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	u := mustSignUp(t, a, "Νίκος")
	for _, name := range []string{"Νίκος", "ΝΊΚΟΣ", "νίκοσ"} {
		if got, err := a.UserByName(t.Context(), name); err != nil || got != u {
			t.Errorf("UserByName(%q) = %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"nikos", "", "a b", ".."} {
		if _, err := a.UserByName(t.Context(), name); !errors.Is(err, ErrNoUser) {
			t.Errorf("UserByName(%q): %v, want ErrNoUser", name, err)
		}
	}
	if got, err := a.UserByID(t.Context(), u.ID); err != nil || got != u {
		t.Errorf("UserByID = %v, %v", got, err)
	}
	if _, err := a.UserByID(t.Context(), store.NewID()); !errors.Is(err, ErrNoUser) {
		t.Errorf("UserByID of nobody: %v, want ErrNoUser", err)
	}
}

func TestPeopleArePagedAndMatched(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("person%d", i))
	}
	users := make(map[string]User)
	for _, name := range append(slices.Clone(want), "Grace.Hopper", "Σίσυφος", "a_b", "axb") {
		users[name] = mustSignUp(t, a, name)
	}
	at := time.Now().Truncate(time.Millisecond)
	if err := a.st.SetSeen(t.Context(), users["person3"].ID, at); err != nil {
		t.Fatal(err)
	}
	var names []string
	for q := (Query{Match: "PERSON", Limit: 3}); ; {
		people, next, err := a.People(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			names = append(names, p.Name)
			if seen := p.Name == "person3"; p.LastSeen.Equal(at) != seen || p.LastSeen.IsZero() == seen {
				t.Errorf("%s was last seen %v", p.Name, p.LastSeen)
			}
		}
		if next == "" {
			break
		}
		q.After = next
	}
	if !slices.Equal(names, want) {
		t.Errorf("people = %v, want %v", names, want)
	}
	for match, name := range map[string]string{".hop": "Grace.Hopper", "ΣΊΣ": "Σίσυφος", "φος": "Σίσυφος", "_": "a_b", "ａｘ": "axb"} {
		people, next, err := a.People(t.Context(), Query{Match: match})
		if err != nil || next != "" || len(people) != 1 || people[0].User != users[name] {
			t.Errorf("people who match %q: %v, %q, %v, want %s", match, people, next, err, name)
		}
	}
	if people, next, err := a.People(t.Context(), Query{Match: "%"}); people != nil || next != "" || err != nil {
		t.Errorf("people who match %%: %v, %q, %v, want none", people, next, err)
	}
}

// TestMatchKeyOfANameIsItsKey is what lets a page search in names that it has, as the store searches in keys.
func TestMatchKeyOfANameIsItsKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ada", "Ada.Lovelace+1@x-y_Z", "ΟΔΥΣΣΕΥΣ", "Οδυσσεύς", "Ｇｒａｃｅ", "İpek", "Jürgen", "Ольга", "K"} {
		key, err := Key(name)
		if err != nil {
			t.Errorf("key of %q: %v", name, err)
			continue
		}
		if got := MatchKey(name); got != key {
			t.Errorf("MatchKey(%q) = %q, want the key %q", name, got, key)
		}
	}
}
