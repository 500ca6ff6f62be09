package account

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	minPassword = 8   // characters
	maxPassword = 256 // bytes; enough for any passphrase, and it bounds what is hashed
)

// commonPasswords are passwords that everybody tries first, in lower case, one a line, sorted. The program in
// internal/commonlist makes the list: it holds well-known favourites and the patterns that people make of
// words, names, years and rows of keys. It is our own and not taken from a leak.
//
//go:generate go run ./internal/commonlist -o common_passwords.txt
//go:embed common_passwords.txt
var commonPasswords string

// passwordRules tells whether a password may be chosen.
type passwordRules struct {
	common []string // sorted
}

func newPasswordRules() passwordRules {
	return passwordRules{common: strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")}
}

// check returns what is wrong with a password for a person of that name, or nil.
func (p passwordRules) check(password, name string) *FieldError {
	plain := norm.NFC.String(password)
	switch n := utf8.RuneCountInString(plain); {
	case n == 0:
		return passwordFault(CodeRequired, fmt.Sprintf("Choose a password of at least %d characters.", minPassword))
	case n < minPassword:
		return passwordFault(CodeTooShort, fmt.Sprintf("The password has %s: use at least %d.", characters(n), minPassword))
	case len(password) > maxPassword:
		return passwordFault(CodeTooLong, fmt.Sprintf("The password has %d bytes: use at most %d.", len(password), maxPassword))
	}
	if _, found := slices.BinarySearch(p.common, strings.ToLower(plain)); found {
		return passwordFault(CodeCommon, "This password is one of those that are guessed first: choose one that nobody else has.")
	}
	if sameName(plain, name) {
		return passwordFault(CodeIsName, "The password is your user name: choose one that cannot be guessed from it.")
	}
	return nil
}

// sameName tells whether a password is the name, however it is written.
func sameName(password, name string) bool {
	if strings.EqualFold(password, norm.NFC.String(name)) {
		return true
	}
	a, errA := Key(password)
	b, errB := Key(name)
	return errA == nil && errB == nil && a == b
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

func passwordFault(code, message string) *FieldError {
	return &FieldError{Field: FieldPassword, Code: code, Message: message}
}
