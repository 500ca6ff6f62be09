package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// The files in the data directory.
const (
	idFile     = "node.id"
	secretFile = "cluster.key"
	stateFile  = "cluster.json"
	peersFile  = "peers.json"
)

// readPrivate reads a file that nobody but its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	// Windows has no such bits: what Go shows there says nothing.
	if perm := info.Mode().Perm(); perm&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): anybody who has read it can join the cluster; run chmod 600 on it, "+
			"and replace the secret if somebody may have", path, perm)
	}
	return os.ReadFile(path)
}

// writePrivate writes a file of mode 0600 so that after a crash there is the old or the new one, whole.
func writePrivate(path string, data []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp") // CreateTemp makes it 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it is renamed
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // cannot open a directory for that
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// damagedError is a file that is there and cannot be understood.
type damagedError struct {
	path string
	err  error
	todo string // what it is for, and what to do
}

func (e *damagedError) Error() string {
	return fmt.Sprintf("%s is cut short or damaged (%v): %s", e.path, e.err, e.todo)
}

func (e *damagedError) Unwrap() error { return e.err }

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
