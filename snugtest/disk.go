//go:build linux

package snugtest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	diskSize = 64 << 20 // bytes
	// soundSize is how much of a disk never fails: the tables of its file system, which ends up with other faults than those of a file if they cannot be written.
	soundSize = 4 << 20
)

// Disk is a disk of its own, with a file system, that fails when a test wants it to: the kernel itself then reports that it could not read or write. It needs
// Linux, root, loop devices and mkfs.ext4.
type Disk struct {
	Dir string // an empty directory on it

	t    testing.TB
	loop string
}

// NewDisk makes a disk. It is removed with the test.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	place := t.TempDir()
	image, mounted := filepath.Join(place, "disk"), filepath.Join(place, "mounted")
	d := &Disk{t: t, Dir: filepath.Join(mounted, "data")}
	if err := os.Mkdir(mounted, 0o700); err != nil {
		t.Fatal(err)
	}
	d.command("truncate", "--size", "64M", image)
	// One group of blocks, so that all tables are at the beginning; and no journal, behind which the whole file system would be read-only after a fault.
	d.command("mkfs.ext4", "-q", "-b", "4096", "-N", "256", "-O", "^has_journal,^resize_inode", image)
	d.loop = strings.TrimSpace(d.command("losetup", "--find", "--show", image))
	t.Cleanup(func() { d.command("losetup", "--detach", d.loop) })
	if err := unix.Mount(d.loop, mounted, "ext4", 0, "errors=continue"); err != nil {
		t.Fatal("mount: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mounted, unix.MNT_DETACH); err != nil { // processes on hosts of a Network have it mounted, too
			t.Error("unmount: ", err)
		}
	})
	if err := os.WriteFile(filepath.Join(mounted, "ballast"), make([]byte, 2*soundSize), 0o600); err != nil { // what comes later lies behind it
		t.Fatal(err)
	}
	d.command("sync", "--file-system", mounted)
	if err := os.Mkdir(d.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

// Fail has all that is written from now on fail.
func (d *Disk) Fail() {
	d.t.Helper()
	d.end(soundSize)
}

// Mend ends [Disk.Fail]. What could not be written is lost, as far as the system has given it up.
func (d *Disk) Mend() {
	d.t.Helper()
	d.end(diskSize)
}

// Forget has the system forget what it keeps of the disk in memory, as it does when it needs the memory. What the disk failed to take is gone then.
func (d *Disk) Forget() {
	d.t.Helper()
	err := filepath.WalkDir(d.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_ = f.Sync() // an error that nobody has been told of yet would be told to whoever opens the file next
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
	if err != nil {
		d.t.Fatal("forget: ", err)
	}
}

// end says where the disk ends. What lies behind cannot be read or written.
func (d *Disk) end(bytes uint64) {
	d.t.Helper()
	f, err := os.OpenFile(d.loop, os.O_RDWR, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if err == nil {
		info.Sizelimit = bytes
		err = unix.IoctlLoopSetStatus64(int(f.Fd()), info)
	}
	if err != nil {
		d.t.Fatalf("%s: %v", d.loop, err)
	}
}

func (d *Disk) command(name string, args ...string) string {
	d.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
