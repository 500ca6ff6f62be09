package chat

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestRoomNameAllowsLettersOfAnyScript(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"lobby":                       "lobby",
		"Lobby-2_x":                   "lobby-2_x",
		"-":                           "-",
		"СТРАСТЬ":                     "страсть",
		"Straße":                      "strasse",
		"STRASSE":                     "strasse",
		"e\u0301tage":                 "\u00e9tage",
		"हिन्दी":                      "हिन्दी",
		"ห้องน้ำ":                     "ห้องน้ำ",
		"部屋２":                         "部屋２",
		"ὈΔΥΣΣΕΎΣ":                    "ὀδυσσεύσ",
		"Ⅷ":                           "ⅷ",
		"ꭰ":                           "Ꭰ",
		"Ꭰ":                           "Ꭰ",
		"phở":                         "phở",
		strings.Repeat("字", 64):       strings.Repeat("字", 64),
		strings.Repeat("e\u0301", 64): strings.Repeat("\u00e9", 64),
	} {
		got, err := RoomName(name)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestRoomNameRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", " ", "a b", ".", "..", "a.b", "a/b", "a%2fb", "a\x00", "a\n", "\xff", "<img>", "a:b", "#a", "a+b", "a@b", "😀",
		"a\u200bb", "a\u200db", "\ufeffa", "a\u202eb", "a\u2066b", "\u00ad", // invisible, and turning the direction of writing
		"\u3164", "\u115f", "\uffa0", "a\u034f", "a\ufe0f", "a\u180b", "a\U000e0100", // letters and marks that show nothing
		"\u0301a", "a\u20dd", "a" + strings.Repeat("\u0323", maxMarks+2),
		strings.Repeat("a", 65), strings.Repeat("字", 65), strings.Repeat("a", 1<<20),
	} {
		key, err := RoomName(name)
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != CodeRoomName || key != "" {
			t.Errorf("%.40q: got %q, %v, want a refusal", name, key, err)
		} else if !strings.Contains(refusal.Message, "letters, digits, _ and -") {
			t.Errorf("%.40q: %q does not say what is allowed", name, refusal.Message)
		}
	}
}

// TestRoomNameHasOneKey holds that a key is its own key, and that how a name is composed or in which case it is
// written makes no difference.
func TestRoomNameHasOneKey(t *testing.T) {
	t.Parallel()
	runes := rapid.OneOf(
		rapid.RuneFrom(nil, unicode.Letter, unicode.Number),
		rapid.RuneFrom(nil, unicode.Greek, unicode.Cyrillic, unicode.Latin),
		rapid.SampledFrom([]rune("-_\u0301\u0323\u0345aσςΣßİı")),
	)
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(runes, 1, 20).Draw(t, "name"))
		key, err := RoomName(name)
		if err != nil {
			return
		}
		for _, same := range []string{norm.NFD.String(name), norm.NFC.String(name), key} {
			again, err := RoomName(same)
			if err == nil && again != key {
				t.Errorf("%q has the key %q, and %q has %q", name, key, same, again)
			}
		}
	})
}

func BenchmarkRoomName(b *testing.B) {
	for _, name := range []string{"lobby", "Küche", "部屋"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := RoomName(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
