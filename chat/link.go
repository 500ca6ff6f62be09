package chat

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// link reads an http or https address. What stands after it in a sentence is not part of it.
func (p *parser) link(at, end int) int {
	rest := p.text[at:end]
	scheme := schemeLength(rest)
	if scheme == 0 {
		p.add(node{kind: Text, start: at, end: at + 1})
		return at + 1
	}
	length := strings.IndexFunc(rest, endsAddress)
	if length < 0 {
		length = len(rest)
	}
	p.steps += length
	address := trimAddress(rest[:length])
	if len(address) > scheme && isAddress(address) {
		p.add(node{kind: Link, start: at, end: at + len(address)})
		return at + len(address)
	}
	// Whatever begins inside is the tail of what has just been read: reading it again for each "http://" in it would
	// make the work grow with the square.
	p.noLink = at + length
	p.add(node{kind: Text, start: at, end: at + 1})
	return at + 1
}

// schemeLength is the length of "http://" or "https://" at the beginning of s, or 0.
func schemeLength(s string) int {
	for _, scheme := range []string{"https://", "http://"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return len(scheme)
		}
	}
	return 0
}

// endsAddress reports whether no address goes on over r: white space, controls, what is invisible or turns the
// direction of writing, and what stands around addresses in text. Chinese and Japanese put no space after theirs.
func endsAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) || r == utf8.RuneError ||
		strings.ContainsRune("<>\"`、。，！？：；（）「」『』【】《》〈〉“”", r)
}

// trimAddress cuts the punctuation off the end of an address: marks of a sentence or of emphasis, and brackets that
// were not opened in it, so that "(see https://example.org/a_(b))" works.
func trimAddress(s string) string {
	depth := map[rune]int{} // for each kind of bracket: how many more open than close
	for _, r := range s {
		switch r {
		case '(', '[', '{':
			depth[r]++
		case ')', ']', '}':
			depth[opening(r)]--
		}
	}
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		switch {
		case r == ')' || r == ']' || r == '}':
			if depth[opening(r)] >= 0 {
				return s
			}
			depth[opening(r)]++
		case r == '(' || r == '[' || r == '{':
			depth[r]--
		case strings.ContainsRune(".,:;!?'*_~|\\^", r) || r >= utf8.RuneSelf && unicode.IsPunct(r):
		default:
			return s
		}
		s = s[:len(s)-size]
	}
	return s
}

func opening(r rune) rune {
	switch r {
	case ')':
		return '('
	case ']':
		return '['
	}
	return '{'
}

// isAddress reports whether the rest of the world would take s for an address: it parses, and its host has a letter or
// a digit.
func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && strings.IndexFunc(u.Hostname(), func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsNumber(r)
	}) >= 0
}
