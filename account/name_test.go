package account

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestKeyMakesOneNameOfItsForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, name, shown, key string }{
		{"plain", "ada", "ada", "ada"},
		{"case", "AdA", "AdA", "ada"},
		{"signs", "Ada.L+1@x-y_z", "Ada.L+1@x-y_z", "ada.l+1@x-y_z"},
		{"digit first", "1st", "1st", "1st"},
		{"digits only", "007", "007", "007"},
		{"sign first", "@ada", "@ada", "@ada"},
		{"full width", "Ａｄａ", "Ada", "ada"},
		{"full-width sign", "ada＠home", "ada@home", "ada@home"},
		{"half-width katakana", "ｱﾀﾞ", "アダ", "アダ"},
		{"decomposed", "Jose\u0301", "José", "josé"},
		{"composed", "JOSÉ", "JOSÉ", "josé"},
		{"kelvin sign", "\u212Aate", "Kate", "kate"},
		{"German sharp s", "Groß", "Groß", "groß"},
		{"capital sharp s", "GROẞ", "GROẞ", "groß"},
		{"Turkish dotted capital", "İpek", "İpek", "ipek"},
		{"dot on a dot", "i\u0307pek", "i\u0307pek", "ipek"},
		{"dot on a dotless", "ı\u0307pek", "ı\u0307pek", "ipek"},
		{"dot on a dot with a dot below", "i\u0307\u0323pek", "ị\u0307pek", "ịpek"},
		{"dot on an e", "e\u0307", "ė", "ė"},
		{"Turkish dotless", "Işık", "Işık", "işık"},
		{"Greek", "Νίκος", "Νίκος", "νίκοσ"},
		{"Greek capitals", "ΝΊΚΟΣ", "ΝΊΚΟΣ", "νίκοσ"},
		{"Cyrillic", "Лада", "Лада", "лада"},
		{"Armenian", "Արամ", "Արամ", "արամ"},
		{"Georgian", "ნინო", "ნინო", "ნინო"},
		{"Georgian capitals", "ᲜᲘᲜᲝ", "ᲜᲘᲜᲝ", "ნინო"},
		{"Hebrew", "נועה", "נועה", "נועה"},
		{"Hebrew with digits", "נועה12", "נועה12", "נועה12"},
		{"Arabic", "ليلى", "ليلى", "ليلى"},
		{"Hindi with vowel signs", "प्रिया", "प्रिया", "प्रिया"},
		{"Hindi with nukta", "ज़ीनत", "ज\u093cीनत", "ज\u093cीनत"},
		{"Tamil", "தமிழ்", "தமிழ்", "தமிழ்"},
		{"Thai with tones", "น้ำผึ้ง", "", ""}, // sara am is a compatibility letter; see below
		{"Thai", "สมชัย", "สมชัย", "สมชัย"},
		{"Chinese", "王小明", "王小明", "王小明"},
		{"Japanese", "さくら", "さくら", "さくら"},
		{"Korean", "김민준", "김민준", "김민준"},
		{"Korean decomposed", norm.NFD.String("김민준"), "김민준", "김민준"},
		{"Ethiopic", "አዳ", "አዳ", "አዳ"},
		{"Cherokee", "ᏣᎳᎩ", "ᏣᎳᎩ", "ꮳꮃꭹ"},
		{"Yoruba, no composed form", "Ọ\u0300ṣun", "Ọ\u0300ṣun", "ọ\u0300ṣun"},
		{"beyond the first plane", "𐐀𐐁", "𐐀𐐁", "𐐨𐐩"},
	} {
		shown, key, err := parseName(tt.name)
		if tt.key == "" {
			if err == nil {
				t.Errorf("%s: %q is a name, want none", tt.rule, tt.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		if shown != tt.shown || key != tt.key {
			t.Errorf("%s: %q is shown as %q with key %q, want %q and %q", tt.rule, tt.name, shown, key, tt.shown, tt.key)
		}
	}
}

func TestKeyTellsDifferentNamesApart(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"ada", "adа"}, // Cyrillic а: not the same name; told apart by who is there, not by us
		{"ada", "ada_"},
		{"jose", "josé"},
		{"ada.l", "adal"},
		{"o", "0"},
		{"ı", "i"},
	} {
		a, errA := Key(pair[0])
		b, errB := Key(pair[1])
		if errA != nil || errB != nil || a == b {
			t.Errorf("%q and %q: keys %q (%v) and %q (%v), want two", pair[0], pair[1], a, errA, b, errB)
		}
	}
}

func TestKeyRefusesAndSaysHowToMend(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, name, code, says string }{
		{"nothing", "", CodeRequired, "Choose a user name."},
		{"space", "ada lovelace", CodeCharacter, `"ada lovelace" has a space: use letters, digits and @ . + - _`},
		{"space at the end", "ada ", CodeCharacter, `"ada " has a space at its beginning or end: remove it.`},
		{"space at the beginning", " ada", CodeCharacter, "beginning or end"},
		{"only a space", " ", CodeCharacter, "space"},
		{"no-break space", "ada\u00a0l", CodeCharacter, "has a space"},
		{"ideographic space", "王\u3000明", CodeCharacter, "has a space"},
		{"line separator", "ada\u2028l", CodeCharacter, "has a space"},
		{"tab", "ada\tl", CodeCharacter, "has a space"},
		{"line break", "ada\nl", CodeCharacter, "has a space"},
		{"control", "ada\x00", CodeInvisible, "U+0000"},
		{"escape", "ada\x1b[31m", CodeInvisible, "U+001B"},
		{"C1 control", "ada\u009b", CodeInvisible, "U+009B"},
		{"zero-width space", "ad\u200ba", CodeInvisible, "U+200B): delete it"},
		{"zero-width joiner", "ad\u200da", CodeInvisible, "U+200D"},
		{"zero-width non-joiner", "می\u200cخواهم", CodeInvisible, "U+200C"},
		{"word joiner", "ad\u2060a", CodeInvisible, "U+2060"},
		{"byte-order mark", "\ufeffada", CodeInvisible, "U+FEFF"},
		{"soft hyphen", "ad\u00ada", CodeInvisible, "U+00AD"},
		{"left-to-right mark", "ada\u200e", CodeInvisible, "U+200E"},
		{"bidi override", "ada\u202eada", CodeInvisible, "U+202E"},
		{"bidi isolate", "ada\u2066", CodeInvisible, "U+2066"},
		{"variation selector", "a\ufe0fda", CodeInvisible, "U+FE0F"},
		{"grapheme joiner", "a\u034fda", CodeInvisible, "U+034F"},
		{"Hangul filler", "ada\u3164", CodeInvisible, "U+3164"},
		{"half-width Hangul filler", "ada\uffa0", CodeInvisible, "U+FFA0"},
		{"Mongolian vowel separator", "ada\u180e", CodeInvisible, "U+180E"},
		{"tag", "ada\U000e0061", CodeInvisible, "U+E0061"},
		{"blank Braille", "ada\u2800", CodeCharacter, "use letters, digits"},
		{"slash", "ada/bob", CodeCharacter, `"ada/bob" has "/": use letters, digits and @ . + - _`},
		{"full-width slash", "ada／bob", CodeCharacter, "has"},
		{"markup", "<img src=x>", CodeCharacter, ""},
		{"angle bracket", "<b>", CodeCharacter, `has "<"`},
		{"quote", `a"b`, CodeCharacter, `has "\""`},
		{"emoji", "ada🎉", CodeCharacter, `has "🎉"`},
		{"currency", "€uro", CodeCharacter, `has "€"`},
		{"superscript", "ada²", CodeCharacter, `a variant of "2": use "2"`},
		{"circled digit", "ada①", CodeCharacter, `a variant of "1"`},
		{"ligature", "ﬁona", CodeCharacter, `a variant of "fi"`},
		{"mathematical letter", "𝐚da", CodeCharacter, `a variant of "a"`},
		{"Roman numeral", "adaⅧ", CodeCharacter, `a variant of "VIII"`},
		{"long s", "ſam", CodeCharacter, `a variant of "s"`},
		{"mark first", "\u0301ada", CodeCharacter, ""},
		{"mark after a sign", "a.\u0301da", CodeCharacter, ""},
		{"pile of marks", "a" + strings.Repeat("\u0328\u0301", 3) + "da", CodeCharacter, ""},
		{"enclosing mark", "a\u20ddda", CodeCharacter, ""},
		{"private use", "ada\ue000", CodeCharacter, ""},
		{"unassigned", "ada\u0378", CodeCharacter, ""},
		{"not UTF-8", "ada\xff", CodeCharacter, "not valid text"},
		{"surrogate", "ada\xed\xa0\x80", CodeCharacter, "not valid text"},
		{"path segment", ".", CodeNoLetter, `"." has no letter or digit: add at least one.`},
		{"parent segment", "..", CodeNoLetter, ""},
		{"signs only", "@.+-_", CodeNoLetter, ""},
		{"full-width dots", "．．", CodeNoLetter, ""},
		{"two directions", "adaנועה", CodeDirection, "use only one kind"},
		{"Hebrew that ends in a sign", "נועה_", CodeDirection, "end with a letter or digit"},
		{"Hebrew that begins with a digit", "1נועה", CodeDirection, "begin with a letter"},
		{"Arabic digits of two kinds", "علي١۱", CodeDirection, "one kind of digits"},
		{"very long", strings.Repeat("a", 1<<20), CodeTooLong, "at most 150"},
		{"long after a space", strings.Repeat("a", 100) + " b", CodeCharacter, `aaaa…" has a space`},
	} {
		_, err := Key(tt.name)
		fault, ok := errors.AsType[FieldError](err)
		if !ok {
			t.Errorf("%s: Key(%.40q) = %v, want a FieldError", tt.rule, tt.name, err)
			continue
		}
		if fault.Field != FieldUsername || fault.Code != tt.code || !strings.Contains(fault.Message, tt.says) {
			t.Errorf("%s: %s: %s, want %s: …%s…", tt.rule, fault.Code, fault.Message, tt.code, tt.says)
		}
		for _, r := range fault.Message {
			if !unicode.IsGraphic(r) {
				t.Errorf("%s: the message holds %U, which cannot be seen", tt.rule, r)
			}
		}
	}
}

func TestNameLengthIsCountedInCharacters(t *testing.T) {
	t.Parallel()
	for _, letter := range []string{"a", "é", "e\u0301", "王", "𐐀", "ﾀﾞ"} {
		if _, err := Key(strings.Repeat(letter, maxName)); err != nil {
			t.Errorf("%d times %q: %v, want a name", maxName, letter, err)
		}
		fault, ok := errors.AsType[FieldError](second(Key(strings.Repeat(letter, maxName+1))))
		if !ok || fault.Code != CodeTooLong {
			t.Errorf("%d times %q: %v, want %s", maxName+1, letter, fault, CodeTooLong)
		}
	}
}

// second leaves the error of a call with two results.
func second[T any](_ T, err error) error { return err }

// drawName makes something that is a name more often than not.
func drawName(t *rapid.T) string {
	letters := rapid.RuneFrom([]rune("aZ09@.+-_ßİıσςΣéǅ王ﾀﾞАяנ"), unicode.Letter, unicode.Nd, unicode.Mn)
	return rapid.StringOfN(letters, 1, 12, -1).Draw(t, "name")
}

func TestKeyOfAKeyIsTheKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shown, key, err := parseName(drawName(t))
		if err != nil {
			t.Skip("not a name")
		}
		for _, form := range []string{shown, key} {
			if again, err := Key(form); err != nil || again != key {
				t.Fatalf("Key(%+q) = %+q, %v, want %+q", form, again, err, key)
			}
		}
	})
}

func TestKeyIsTheSameInAnyCaseAndForm(t *testing.T) {
	t.Parallel()
	// Letters whose other case belongs to another letter, as I is the capital of ı but i its small letter; and the
	// iota below, a mark, whose capital is a letter.
	alone := func(r rune) bool {
		lower := unicode.ToLower(r)
		return r == '\u0345' || unicode.SimpleFold(r) == r && (lower != r || unicode.ToUpper(r) != r)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := drawName(t)
		key, err := Key(name)
		if err != nil || strings.ContainsFunc(name, alone) {
			t.Skip("not such a name")
		}
		for _, form := range []string{norm.NFD.String(name), norm.NFC.String(name), strings.ToUpper(name), strings.ToLower(name)} {
			other, err := Key(form)
			if err != nil {
				continue // a letter has a case that names may not have
			}
			if other != key {
				t.Fatalf("Key(%+q) = %+q, Key(%+q) = %+q: want one key", name, key, form, other)
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, seed := range []string{"ada", "Ada Lovelace", "ΝΊΚΟΣ", "İ", "ﾀﾞ", "נועה1", "a\u0301\u0328", "\u200b", "\xff", ".."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		shown, key, err := parseName(name)
		if err != nil {
			fault, ok := errors.AsType[FieldError](err)
			if !ok || fault.Message == "" || !utf8.ValidString(fault.Message) {
				t.Fatalf("%+q: %v, want a FieldError for people", name, err)
			}
			return
		}
		if again, err := Key(key); err != nil || again != key {
			t.Fatalf("%+q: Key(%+q) = %+q, %v, want the same", name, key, again, err)
		}
		for _, form := range []string{shown, key} {
			if !norm.NFC.IsNormalString(form) || strings.ContainsAny(form, "/\\?#%&<>\"' ") || strings.Trim(form, ".") == "" {
				t.Fatalf("%+q becomes %+q, which is no plain name", name, form)
			}
			if n := utf8.RuneCountInString(form); n < 1 || n > maxName {
				t.Fatalf("%+q becomes %d characters", name, n)
			}
		}
	})
}

func BenchmarkKey(b *testing.B) {
	for _, name := range []string{"Ada.Lovelace", "Νίκος"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Key(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestNoPersonIsCalledLikeAWebhook holds what package chat relies on: it shows the messages of a webhook under a name
// with a space in it.
func TestNoPersonIsCalledLikeAWebhook(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ci (webhook)", "ci\u00a0(webhook)", "ci\u3000(webhook)", "ci\u2009(webhook)", "a b"} {
		if key, err := Key(name); err == nil {
			t.Errorf("somebody may be called %q: %q", name, key)
		}
	}
}
