//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// giveToOwner gives what root has made in a directory to the owner of that directory. A command that was run with sudo would otherwise leave files
// there that the server, which runs as another user, cannot read.
func giveToOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if made, ok := info.Sys().(*syscall.Stat_t); ok && made.Uid == 0 && info.Mode().IsRegular() {
			errs = append(errs, os.Lchown(filepath.Join(dir, e.Name()), int(owner.Uid), int(owner.Gid)))
		}
	}
	return errors.Join(errs...)
}
