package account

import (
	"fmt"
	"testing"

	"snug/store"
)

func TestUnavailableIsTheDiskAndNotTheCaller(t *testing.T) {
	t.Parallel()
	for _, err := range []error{store.ErrDiskFull, store.ErrNotWritable, store.ErrBusy, store.ErrClosed} {
		if !Unavailable(fmt.Errorf("sign up: %w", err)) {
			t.Errorf("%v is not unavailable", err)
		}
	}
	for _, err := range []error{nil, ErrCredentials, ErrNoSession, store.ErrNotFound} {
		if Unavailable(err) {
			t.Errorf("%v is unavailable", err)
		}
	}
}
