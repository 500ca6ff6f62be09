package chat

import (
	"errors"
	"fmt"

	"snug/store"
)

// The codes of errors, as in docs/protocol.md.
const (
	CodeBadField    = "bad_field"
	CodeEmpty       = "empty"
	CodeTooLong     = "too_long"
	CodeRoomName    = "room_name"
	CodeNotFound    = "not_found"
	CodeGone        = "gone"
	CodeForbidden   = "forbidden"
	CodeConflict    = "conflict"
	CodeRateLimited = "rate_limited"
	CodeUnavailable = "unavailable"
)

// Error is a refusal: Code is for programs, Message for the person who asked. Any other error that this package
// returns is the fault of the server, not of who asked.
type Error struct {
	Code       string
	Message    string
	RetryAfter int // seconds to wait; only with CodeRateLimited

	cause error
}

func (e *Error) Error() string {
	return e.Message
}

// Unwrap is what lies behind the refusal, if anything does.
func (e *Error) Unwrap() error {
	return e.cause
}

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// fromStore turns an error of the store into what the caller of this package gets.
func fromStore(err error, doing string) error {
	var refusal *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, store.ErrFailing):
		return &Error{Code: CodeUnavailable, Message: "the server's disk fails: it cannot say whether this is stored; try again later", cause: err}
	case errors.Is(err, store.ErrDiskFull):
		return &Error{Code: CodeUnavailable, Message: "the server's disk is full: nothing was stored; try again later", cause: err}
	case errors.Is(err, store.ErrNotWritable):
		return &Error{Code: CodeUnavailable, Message: "the server cannot write to its disk: nothing was stored; try again later", cause: err}
	case errors.Is(err, store.ErrBusy):
		return &Error{Code: CodeUnavailable, Message: "another program holds the server's database: nothing was stored; try again later", cause: err}
	case errors.Is(err, store.ErrClosed):
		return &Error{Code: CodeUnavailable, Message: "the server is stopping: nothing was stored; try again", cause: err}
	case errors.Is(err, store.ErrGone):
		return &Error{Code: CodeGone, Message: "the room was deleted", cause: err}
	case errors.Is(err, store.ErrConflict):
		return &Error{Code: CodeConflict, Message: "that message id is taken by another message", cause: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}
