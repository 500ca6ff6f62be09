package account

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"snug/store"
)

var (
	// ErrCredentials is a log-in with a name and a password that do not belong together. It does not say which is wrong.
	ErrCredentials = errors.New("the user name and the password do not match")
	// ErrDisabled is a log-in with the right password to a disabled account. It is an ErrCredentials too.
	ErrDisabled = fmt.Errorf("the account is disabled: %w", ErrCredentials)
	// ErrNoSession is a token that is unknown, expired or revoked, or whose user is disabled.
	ErrNoSession = errors.New("no such session")
	// ErrNoUser is a name or an id that nobody has.
	ErrNoUser = errors.New("no such user")
	// ErrSetup is a first-administrator token that is wrong or was used.
	ErrSetup = errors.New("the link for the first administrator is not valid any more")
	// ErrInviteOnly is a sign-up without an invitation where one is needed.
	ErrInviteOnly = errors.New("an account is made here only with an invitation link; ask an administrator for one")
	// ErrSignupClosed is a sign-up where nobody makes their own account.
	ErrSignupClosed = errors.New("nobody can sign up here; ask the person who runs this server for an account")
	// ErrLastAdmin is a change that would leave nobody who can log in as an administrator.
	ErrLastAdmin = errors.New("that is the last administrator who can log in")
	// ErrPasskey is an answer of a browser that proves nothing. It does not say why: the log does.
	ErrPasskey = errors.New("the passkey was not accepted")
	// ErrCeremony is an answer that comes too late, twice, or from another browser than the one that was asked.
	ErrCeremony = errors.New("the question was answered already, or too long ago")
	// ErrNoPasskey is a passkey that somebody does not have.
	ErrNoPasskey = errors.New("no such passkey")
	// ErrPasskeyKnown is a passkey that was added before.
	ErrPasskeyKnown = errors.New("the passkey was added already")
	// ErrManyPasskeys is one passkey too many.
	ErrManyPasskeys = fmt.Errorf("nobody can have more than %d passkeys", maxPasskeys)
	// ErrNeeded is to give up a way in that somebody needs.
	ErrNeeded = errors.New("without a password, two passkeys are needed, or one and recovery codes")
	// ErrInvitation is an invitation that is unknown, expired, revoked or used up.
	ErrInvitation = errors.New("the invitation link is not valid any more")
)

// Fields of a form, as they are in FieldError.Field.
const (
	FieldUsername = "username"
	FieldPassword = "password"
	FieldUses     = "uses" // of an invitation
	FieldLife     = "life" // of an invitation
	FieldPasskey  = "passkey"

	FieldOldPassword = "old_password"

	FieldTokenName    = "name"
	FieldTokenScopes  = "scopes"
	FieldTokenExpires = "expires"
)

// Codes of what can be wrong with a field, as they are in FieldError.Code.
const (
	CodeRequired  = "required"
	CodeTooLong   = "too_long"
	CodeTooShort  = "too_short"
	CodeCharacter = "character"
	CodeInvisible = "invisible"
	CodeDirection = "direction"
	CodeNoLetter  = "no_letter"
	CodeTaken     = "taken"
	CodeCommon    = "common"
	CodeIsName    = "is_name"
	CodeRange     = "range"
	CodeTooMany   = "too_many"
	CodeWrong     = "wrong"
	CodeUnchanged = "unchanged"
	CodeUnknown   = "unknown"
	CodeForbidden = "forbidden"
	CodePast      = "past"
	CodeFull      = "full"
)

// FieldError is one field of a form that must be mended. Message is for people and says how.
type FieldError struct{ Field, Code, Message string }

func (e FieldError) Error() string { return e.Field + ": " + e.Message }

// FieldErrors are all wrong fields of one form, in the order of the form.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	all := make([]string, len(e))
	for i, f := range e {
		all[i] = f.Error()
	}
	return strings.Join(all, "; ")
}

// Field gives the error of a field, or nil.
func (e FieldErrors) Field(name string) *FieldError {
	for i := range e {
		if e[i].Field == name {
			return &e[i]
		}
	}
	return nil
}

// ThrottledError is an attempt too many. Wait says when the next has a chance.
type ThrottledError struct{ Wait time.Duration }

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts: try again in %s", e.Wait.Round(time.Second))
}

// Unavailable reports whether an error means that nothing can be stored now, because the disk is full, say. It may be
// tried again later.
func Unavailable(err error) bool {
	return errors.Is(err, store.ErrFailing) || errors.Is(err, store.ErrDiskFull) || errors.Is(err, store.ErrNotWritable) || errors.Is(err, store.ErrBusy) ||
		errors.Is(err, store.ErrClosed)
}
