package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	maxRoomName = 64 // characters, after NFC
	// maxRoomNameBytes refuses what is far too long before it is normalised. NFC makes a text shorter by a factor of
	// three at most, so no name that is allowed is refused here.
	maxRoomNameBytes = maxRoomName * utf8.UTFMax * 3
	// maxMarks is how many combining marks may stand on one letter. Vietnamese, Thai, Hebrew and Tibetan need three
	// at most; more is a tower that covers the lines above.
	maxMarks = 4
)

// RoomName checks the name of a room and returns its key: two names with the same key are the same room. A name is 1
// to 64 letters of any script, digits, _ and -. The combining marks that many scripts are written with are allowed
// after a letter; whatever is invisible or turns the direction of writing is not. The key is the name in NFC after
// Unicode case folding. The error is an *Error with CodeRoomName.
func RoomName(s string) (key string, err error) {
	_, key, err = roomName(s)
	return key, err
}

// SameRoomName says whether what somebody typed is the name of a room, as they would find the room by it. White space around it does not count.
func SameRoomName(typed, name string) bool {
	key, err := RoomName(strings.TrimSpace(typed))
	if err != nil {
		return false
	}
	other, err := RoomName(name)
	return err == nil && key == other
}

// roomName returns the name as it is shown, in NFC, and its key.
func roomName(s string) (name, key string, err error) {
	if plainName(s) {
		return s, s, nil
	}
	if len(s) > maxRoomNameBytes {
		return "", "", badRoomName("that room name is too long")
	}
	if !utf8.ValidString(s) {
		return "", "", badRoomName("that room name is not valid text")
	}
	name = norm.NFC.String(s)
	if name == "" {
		return "", "", badRoomName("a room needs a name")
	}
	if utf8.RuneCountInString(name) > maxRoomName {
		return "", "", badRoomName("that room name is too long")
	}
	marks := maxMarks // a name cannot begin with a mark
	for _, r := range name {
		switch {
		case r == '-' || r == '_' || (unicode.IsLetter(r) || unicode.IsNumber(r)) && !invisible(r):
			marks = 0
			continue
		case unicode.In(r, unicode.Mn, unicode.Mc) && !invisible(r) && marks < maxMarks:
			marks++
			continue
		}
		return "", "", badRoomName("a room cannot have that name")
	}
	return name, fold(name), nil
}

// plainName reports whether s is a name that is its own key, as most are.
func plainName(s string) bool {
	if s == "" || len(s) > maxRoomName {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// invisible reports whether r is a letter or mark that shows nothing: two names that differ only in these would look
// the same.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// fold is the canonical caseless form of Unicode: decomposed first, because folding and composing do not commute for
// a few Greek letters.
func fold(name string) string {
	return norm.NFC.String(strings.Map(foldCherokee, cases.Fold().String(norm.NFD.String(name))))
}

// foldCherokee makes capitals of the small letters of Cherokee, the one script that Unicode folds that way. The Fold
// of x/text exchanges the two, so that both sorts come in here.
func foldCherokee(r rune) rune {
	switch {
	case 0xab70 <= r && r <= 0xabbf:
		return r - 0xab70 + 0x13a0
	case 0x13f8 <= r && r <= 0x13fd:
		return r - 8
	}
	return r
}

func badRoomName(what string) *Error {
	return refuse(CodeRoomName, "%s: use letters, digits, _ and -, at most %d of them and no spaces", what, maxRoomName)
}

// hasText reports whether a text has anything to read: more than white space, controls and invisible characters.
func hasText(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cc, unicode.Cf)
	}) >= 0
}
