package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"snug/store"
)

// What cannot be written has several causes, and the wrong advice costs an operator an hour.
func TestAdviceForADataDirectoryIsThatForItsCause(t *testing.T) {
	t.Parallel()
	refused := func(why syscall.Errno) error {
		return fmt.Errorf("open store in /srv/snug: %w: %w", store.ErrNotWritable, &fs.PathError{Op: "open", Path: "/srv/snug/snug.lock", Err: why})
	}
	const user, system = "let this user write there", "see what the system's log says of the disk"
	for _, c := range []struct {
		err       error
		want, not string
	}{
		{refused(syscall.EACCES), user, system},
		{refused(syscall.EPERM), user, system},
		{refused(syscall.EROFS), "is read-only: if it has become so by itself, " + system, user},
		{fmt.Errorf("%w: %w", store.ErrFailing, refused(syscall.EIO)), system + ", and mend or replace it. If that was done since, start Snug again", user},
		{fmt.Errorf("%w: %w", store.ErrDiskFull, refused(syscall.ENOSPC)), "free some space", user},
	} {
		text := advise(c.err).Error()
		if !strings.Contains(text, c.want) || strings.Contains(text, c.not) || !strings.HasPrefix(text, c.err.Error()+": ") {
			t.Errorf("of %q it says %q", c.err, text)
		}
		if !errors.Is(advise(c.err), c.err) {
			t.Errorf("with the advice for %q, nobody can tell what it was", c.err)
		}
	}
}
