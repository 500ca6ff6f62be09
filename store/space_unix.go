//go:build darwin || linux

package store

import "golang.org/x/sys/unix"

// diskIsFull asks the file system of dir. SQLite reports some writes that found
// no space only as I/O errors.
func diskIsFull(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	// Less than SQLite takes at once when it grows a write-ahead log or its index.
	const little = 64 << 10
	return st.Bavail*uint64(st.Bsize) < little
}
