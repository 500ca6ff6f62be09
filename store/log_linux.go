package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData leaves out what is not needed to read the data again, such as the time of the last change. The log is overwritten again and again, so
// that is most of the cost.
func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
