package chat

import (
	"strings"
	"unicode"
)

// maxName is the longest name of a person, in characters.
const maxName = 150

// wordRune reports whether r is part of a word.
func wordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// nameRune reports whether a person's name can have r in it.
func nameRune(r rune) bool {
	return wordRune(r) || strings.ContainsRune("@.+-", r)
}

// gluedRune reports whether a star next to r is more likely a sign between two words, as in 2*3, than a mark. In the
// scripts that write no spaces between words, or glue endings to them, it is a mark.
func gluedRune(r rune) bool {
	return wordRune(r) && r != '_' && !unicode.In(r,
		unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan)
}
