package store

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// writeHolder notes in the lock file who holds it, for the one who finds it taken.
func writeHolder(f *os.File) error {
	err := f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return fmt.Errorf("note the process id: %w", err)
	}
	return nil
}

// lockHolder reads the process id that the holder of the lock has noted.
func lockHolder(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0) // a short read is the rule
	pid := strings.TrimSpace(string(b[:n]))
	if _, err := strconv.Atoi(pid); err != nil {
		return "(unknown)"
	}
	return pid
}
