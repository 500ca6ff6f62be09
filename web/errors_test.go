package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"snug/account"
	"snug/chat"
	"snug/store"
)

func TestEveryErrorHasAStatusACodeAndWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
		code   string
	}{
		{&chat.Error{Code: chat.CodeEmpty, Message: "the message has no text"}, 422, "empty"},
		{&chat.Error{Code: chat.CodeTooLong, Message: "too long"}, 422, "too_long"},
		{&chat.Error{Code: chat.CodeRoomName, Message: "no"}, 404, "room_name"},
		{&chat.Error{Code: chat.CodeNotFound, Message: "no"}, 404, "not_found"},
		{&chat.Error{Code: chat.CodeForbidden, Message: "no"}, 403, "forbidden"},
		{&chat.Error{Code: chat.CodeConflict, Message: "no"}, 409, "conflict"},
		{&chat.Error{Code: chat.CodeRateLimited, Message: "no", RetryAfter: 3}, 429, "rate_limited"},
		{&chat.Error{Code: chat.CodeUnavailable, Message: "no"}, 503, "unavailable"},
		{&account.ThrottledError{Wait: time.Second}, 429, "rate_limited"},
		{account.ErrNoUser, 404, "not_found"},
		{account.ErrSetup, 403, "forbidden"},
		{account.ErrNoSession, 401, "forbidden"},
		{store.ErrDiskFull, 503, "unavailable"},
		{context.DeadlineExceeded, 503, "unavailable"},
		{&http.MaxBytesError{Limit: 1}, 400, "bad_field"},
		{errors.New("out of cheese"), 500, "internal"},
	}
	for _, test := range tests {
		got := explain(fmt.Errorf("do it: %w", test.err))
		if got.status != test.status || got.code != test.code {
			t.Errorf("%v: status %d and code %q, want %d and %q", test.err, got.status, got.code, test.status, test.code)
		}
		if got.heading == "" || !strings.HasSuffix(got.text, ".") || strings.ToUpper(got.text[:1]) != got.text[:1] {
			t.Errorf("%v: %q, %q", test.err, got.heading, got.text)
		}
		if strings.Contains(got.text, "cheese") {
			t.Errorf("%v: an error of the server is told to people: %q", test.err, got.text)
		}
	}
}

func TestWaitsAreSaidInWords(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		0:                       "a second",
		200 * time.Millisecond:  "a second",
		1500 * time.Millisecond: "2 seconds",
		99 * time.Second:        "99 seconds",
		100 * time.Second:       "2 minutes",
		time.Hour:               "60 minutes",
	} {
		if got := words(wait); got != want {
			t.Errorf("%v is %q, want %q", wait, got, want)
		}
	}
}
