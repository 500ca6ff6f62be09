package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"snug/store"
)

// advise adds what to do to what an operator can mend.
func advise(err error) error {
	advice := ""
	switch {
	case errors.Is(err, store.ErrLocked):
		advice = "stop that process, or choose another directory with --data DIR"
	case errors.Is(err, store.ErrDiskFull):
		advice = "free some space, or choose another directory with --data DIR"
	case errors.Is(err, store.ErrFailing):
		advice = "see what the system's log says of the disk, and mend or replace it. If that was done since, start Snug again: of what failed before, the system tells once more"
	case errors.Is(err, store.ErrNotWritable) && errors.Is(err, syscall.EROFS):
		advice = "that file system is read-only: if it has become so by itself, see what the system's log says of the disk, check it and mount it anew; " +
			"or choose another directory with --data DIR"
	case errors.Is(err, store.ErrNotWritable):
		advice = "let this user write there, or choose another directory with --data DIR"
	case errors.Is(err, store.ErrBusy):
		advice = "end the program that works on snug.db"
	case errors.Is(err, store.ErrDamaged):
		advice = "put a copy of the data back, or choose another directory with --data DIR"
	case errors.Is(err, syscall.EADDRNOTAVAIL), isListening(err) && isUnknownHost(err):
		advice = "this machine has no such address: choose another with --listen ADDR"
	default:
		if advice = adviseListen(err, "--listen ADDR"); advice == "" {
			return err
		}
	}
	return fmt.Errorf("%w: %s", err, advice)
}

// adviseListen is what to do where an address of this machine cannot be listened on. It is written in the setting, or flag.
func adviseListen(err error, setting string) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "stop the program that listens there, or choose another address with " + setting
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 need a right of their own: choose another address with " + setting
	}
	return ""
}

// isListening reports whether an error is about an address to listen on.
func isListening(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "listen"
}

// isUnknownHost reports whether a name has no address.
func isUnknownHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}
