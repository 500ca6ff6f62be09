package web

import "testing"

func TestNamesHaveColourAndInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ada":                 "A",
		"ada.lovelace":        "AL",
		"grace_b_hopper@navy": "GB",
		"élise-x":             "ÉX",
		"e\u0301lise-x":       "ÉX",
		"...":                 "",
		"":                    "",
	} {
		if got := Initials(name); got != want {
			t.Errorf("initials of %q are %q, want %q", name, got, want)
		}
	}
	// The page's script computes the same numbers.
	for name, want := range map[string]int{"": 61, "ada": 163, "grace": 67, "e\u0301lise": 42} {
		if got := HueOf(name); got != want {
			t.Errorf("hue of %q is %d, want %d", name, got, want)
		}
	}
}
