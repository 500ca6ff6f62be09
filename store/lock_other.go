//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// lockDir makes the lock file and leaves it there until unlock. Without a lock
// that the kernel gives back, a crash leaves the file behind: it is then taken
// over if the system knows that the process in it is gone.
func lockDir(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if f, err = os.OpenFile(path, os.O_RDWR, 0o600); err == nil && holderLives(f) {
			defer f.Close()
			return nil, fmt.Errorf("%w: process %s holds %s (remove the file if it is gone)", ErrLocked, lockHolder(f), path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	if err := writeHolder(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() error {
		return errors.Join(f.Close(), os.Remove(path))
	}, nil
}

func holderLives(f *os.File) bool {
	pid, err := strconv.Atoi(lockHolder(f))
	if err != nil {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	p.Release()
	return true
}
