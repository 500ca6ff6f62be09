package web

import (
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// HueOf is the colour of a name, in degrees: the 32-bit FNV-1a hash of its NFC form in UTF-8, modulo 360. The page's
// script computes the same.
func HueOf(name string) int {
	h := fnv.New32a()
	h.Write([]byte(norm.NFC.String(name)))
	return int(h.Sum32() % 360)
}

// Initials are the first letters of the first two parts of a name, its parts being separated by . _ - + and @, in
// upper case. The page's script computes the same.
func Initials(name string) string {
	parts := strings.FieldsFunc(norm.NFC.String(name), func(r rune) bool {
		return strings.ContainsRune("._-+@", r)
	})
	var b strings.Builder
	for _, part := range parts[:min(2, len(parts))] {
		r, _ := utf8.DecodeRuneInString(part)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}
