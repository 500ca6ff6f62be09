package account

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

const (
	// maxName is the longest user name, in characters: Django's limit.
	maxName = 150
	// maxMarks is how many marks may follow one letter. Scripts that stack vowel signs and tones need up to four; more
	// only paint over the neighbours.
	maxMarks = 4
	// maxNameBytes is where a name is refused unread. A character in its longest composed form has fewer than 32 bytes.
	maxNameBytes = 32 * maxName
)

// Key gives the form of a user name by which names are compared. Names with the same key are the same name.
//
// It is the UsernameCaseMapped profile of PRECIS (RFC 8265): width variants mapped, lower case, NFC, bidi rule. What
// that leaves apart although nobody would is joined: a letter with two lower-case forms (σ and ς), and an i with
// a second dot on its dot, as İ has in lower case.
//
// A name has 1 to 150 characters, each a letter or digit of any script or one of @ . + - _, and at least one letter or
// digit, so that "." and ".." are no names. Marks may follow a letter, as many scripts cannot be written without
// them. Spaces, controls, invisible characters and characters that change the direction of text are refused with a
// FieldError.
//
// Where two people signed up with one name on nodes apart, one of them is shown with a mark behind it, as in ada~3f2a.
// Such a name has a key, so that it can be looked up; nobody can sign up with it.
func Key(name string) (string, error) {
	bare, mark := cutMark(name)
	_, key, err := parseName(bare)
	if err != nil {
		return "", err
	}
	return key + mark, nil
}

// cutMark splits a name that is shown with a mark, as the store makes it. The mark is empty if it has none.
func cutMark(name string) (bare, mark string) {
	i := strings.LastIndexByte(name, '~')
	if i < 0 || len(name)-i-1 < 4 || len(name)-i-1 > 32 || strings.Trim(name[i+1:], "0123456789abcdefABCDEF") != "" {
		return name, ""
	}
	return name[:i], strings.ToLower(name[i:])
}

// parseName gives the form of a name that is shown, which keeps its case, and its key.
func parseName(name string) (shown, key string, err error) {
	if fault := checkName(name); fault != nil {
		return "", "", *fault
	}
	shown, err = precis.UsernameCasePreserved.String(name)
	if err == nil {
		key, err = precis.UsernameCaseMapped.String(shown)
	}
	if err != nil {
		return "", "", explainRefusal(name)
	}
	key = joinForms(key)
	// Lower case can be longer. A key is itself a name, so that whoever has a key can use it as one.
	if fault := checkName(key); fault != nil {
		return "", "", *fault
	}
	return shown, key, nil
}

// joinForms makes one key of lower-case texts that nobody tells apart.
func joinForms(lower string) string {
	return norm.NFC.String(dropHiddenDots(strings.Map(oneLowerCase, lower)))
}

// dropHiddenDots removes dots above letters that have one, where they cannot be seen.
func dropHiddenDots(s string) string {
	const dot = '\u0307'
	if !strings.ContainsRune(s, dot) {
		return s
	}
	var out []rune
	base := -1 // where the letter stands that marks belong to
	for _, r := range s {
		if r == dot && base >= 0 {
			switch {
			case out[base] == 'ı':
				out[base] = 'i'
				continue
			case out[base] == 'ȷ':
				out[base] = 'j'
				continue
			case unicode.Is(unicode.Soft_Dotted, out[base]):
				continue
			}
		}
		if !unicode.Is(unicode.M, r) {
			base = len(out)
		}
		out = append(out, r)
	}
	return string(out)
}

// oneLowerCase maps lower-case letters that share their upper case to one of them.
func oneLowerCase(r rune) rune {
	lower := unicode.ToLower(unicode.ToUpper(r))
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f == lower && unicode.IsLetter(r) {
			return lower
		}
	}
	return r
}

// checkName holds a name against the rules that PRECIS does not know or would not explain.
func checkName(name string) *FieldError {
	switch {
	case name == "":
		return nameFault(CodeRequired, "Choose a user name.")
	case len(name) > maxNameBytes:
		return nameFault(CodeTooLong, fmt.Sprintf("The user name is too long: use at most %d characters.", maxName))
	case !utf8.ValidString(name):
		return nameFault(CodeCharacter, "The user name is not valid text: use letters, digits and @ . + - _")
	}
	// Invisible characters are looked for before anything is mapped, for mapping may remove what people cannot see.
	for _, r := range name {
		if fault := checkVisible(name, r); fault != nil {
			return fault
		}
	}
	text := norm.NFC.String(width.Fold.String(name))
	solid, marks := false, 0
	for _, r := range text {
		switch {
		case unicode.Is(unicode.M, r) && solid && marks < maxMarks && !unicode.Is(unicode.Me, r):
			marks++
			continue
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			solid = true
		case strings.ContainsRune("@.+-_", r):
			// A mark after a sign has no letter to stand on; the next letter gives it one again.
			marks = maxMarks
			continue
		default:
			return nameFault(CodeCharacter, fmt.Sprintf("%s has %s: use letters, digits and @ . + - _",
				quote(name), strconv.QuoteToGraphic(string(r))))
		}
		marks = 0
	}
	if n := utf8.RuneCountInString(text); n > maxName {
		return nameFault(CodeTooLong, fmt.Sprintf("The user name has %d characters: use at most %d.", n, maxName))
	}
	if !solid {
		return nameFault(CodeNoLetter, fmt.Sprintf("%s has no letter or digit: add at least one.", quote(name)))
	}
	return nil
}

// checkVisible refuses what people cannot see, by the name that they know it by.
func checkVisible(name string, r rune) *FieldError {
	switch {
	case r == ' ' && (strings.HasPrefix(name, " ") || strings.HasSuffix(name, " ")):
		return nameFault(CodeCharacter, fmt.Sprintf("%s has a space at its beginning or end: remove it.", quote(name)))
	case unicode.IsSpace(r) || unicode.Is(unicode.Z, r):
		return nameFault(CodeCharacter, fmt.Sprintf("%s has a space: use letters, digits and @ . + - _", quote(name)))
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		return nameFault(CodeInvisible, fmt.Sprintf(
			"The user name has an invisible character (U+%04X): delete it, or type the name anew.", r))
	}
	return nil
}

// explainRefusal says why PRECIS refuses a name of which every character looked right.
func explainRefusal(name string) FieldError {
	for _, r := range name {
		if _, err := precis.UsernameCasePreserved.String(string(r)); err == nil || unicode.Is(unicode.M, r) {
			continue
		}
		if plain := norm.NFKC.String(string(r)); plain != string(r) && checkName(plain) == nil {
			return *nameFault(CodeCharacter, fmt.Sprintf("%s has %q, a variant of %q: use %q instead.",
				quote(name), r, plain, plain))
		}
		if right, left := directions(string(r)); right || !left {
			continue
		}
		return *nameFault(CodeCharacter, fmt.Sprintf("%s has %q, which cannot be in a user name: use another letter.",
			quote(name), r))
	}
	if right, left := directions(name); right {
		if left {
			return *nameFault(CodeDirection, fmt.Sprintf(
				"%s mixes letters that run to the right with letters that run to the left: use only one kind.", quote(name)))
		}
		return *nameFault(CodeDirection, fmt.Sprintf(
			"%s would be shown in a wrong order: begin with a letter, end with a letter or digit, and use one kind of digits.", quote(name)))
	}
	return *nameFault(CodeCharacter, fmt.Sprintf(
		"%s has letters that cannot stand together in a user name: write it another way.", quote(name)))
}

// directions tells whether a text has characters that run from right to left, and from left to right.
func directions(s string) (rightToLeft, leftToRight bool) {
	for _, r := range s {
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.R, bidi.AL, bidi.AN:
			rightToLeft = true
		case bidi.L:
			leftToRight = true
		}
	}
	return rightToLeft, leftToRight
}

// quote shows what somebody typed within a message: short, and with nothing in it that could disturb the message.
func quote(s string) string {
	const most = 40 // characters; more would bury the advice
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.QuoteToGraphic(s)
}

func nameFault(code, message string) *FieldError {
	return &FieldError{Field: FieldUsername, Code: code, Message: message}
}
