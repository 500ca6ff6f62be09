package control

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// maxPath is the longest path of a socket that every system takes, in bytes: the smallest limit is 104 with a zero at the end.
const maxPath = 103

// atPath calls fn with a path of a file in dir that is short enough for a socket. The path is good only during the call.
func atPath(dir, name string, fn func(path string) error) error {
	path := filepath.Join(dir, name)
	if len(path) <= maxPath {
		return fn(path)
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("the path %s is too long for a socket: at most %d bytes", path, maxPath)
	}
	// Linux names an open directory in few letters, however long its path is.
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return fn(filepath.Join(fmt.Sprintf("/proc/self/fd/%d", d.Fd()), name))
}
