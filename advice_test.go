package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"snug/snugtest"
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

func TestAddressesThatCannotBeAreExplained(t *testing.T) {
	t.Parallel()
	here := "--listen=localhost:0"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"another machine's":    {[]string{here, "--set", "cluster.bind=192.0.2.1:7846"}, "this machine has no such address: write one that it has in cluster.bind, or 0.0.0.0:7846"},
		"without interface":    {[]string{here, "--set", "cluster.bind=[fe80::1]:7846"}, "this machine has no such address: write one that it has in cluster.bind"},
		"nobody's name":        {[]string{here, "--set", "cluster.bind=nobody.invalid:7846"}, "this machine has no such address: write one that it has in cluster.bind"},
		"no address at all":    {[]string{here, "--set", "cluster.bind=256.1.1.1:99"}, `cluster.bind: must be an address with a port`},
		"nobody's to tell":     {[]string{here, "--set", "cluster.bind=127.0.0.1:0", "--set", "cluster.advertise=nobody.invalid:7846"}, "write in cluster.advertise at which address the other nodes reach this one"},
		"nobody's to browsers": {[]string{"--listen=nobody.invalid:8000", "--set", "cluster.bind=127.0.0.1:0"}, "this machine has no such address: choose another with --listen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"serve", "--data", t.TempDir(), "--set", "log.level=error", "--set", "cluster.enabled=true"}, c.args...)
			refused(t, snugtest.Run(t, args...), c.want)
		})
	}
}
