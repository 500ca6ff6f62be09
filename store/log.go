package store

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
)

// logFile is the write-ahead log, opened once more to be synced. SQLite writes it and, in the mode that this package uses, syncs it only before it
// moves what it holds into the database; so a commit is a matter of microseconds, and who needs it on disk syncs what others have committed, too.
// After a power cut the log ends where it was synced, or later, and always with a whole commit.
type logFile struct {
	file  *os.File
	index string               // path of SQLite's index of it
	sync  func(*os.File) error // syncData, or what a test puts in its place

	syncing sync.Mutex  // held while it syncs
	failed  atomic.Bool // changed while syncing is held; a sync failed: the system may have forgotten what it could not write
}

// errUnsure means that an earlier sync failed. The system reports that once, so another sync that succeeds says nothing of what was written before.
var errUnsure = errors.New("the disk has failed to write the log")

// openLog opens the log of a database, which some connection has open.
func openLog(database string) (*logFile, error) {
	f, err := os.OpenFile(database+"-wal", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &logFile{file: f, index: database + "-shm", sync: syncData}, nil
}

// flush returns when all that was committed before is on disk. errUnsure: it cannot know, until mended.
func (l *logFile) flush() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.failed.Load() {
		return errUnsure
	}
	err := l.sync(l.file)
	l.failed.Store(err != nil)
	return err
}

// isUnsure says whether a sync has failed, and what was written before may not be on the disk. It waits for none that is under way.
func (l *logFile) isUnsure() bool { return l.failed.Load() }

// mended says that all that the log held is in the database, and that the log is empty.
func (l *logFile) mended() {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	// The system tells a failure to each open file of its own: what others of the log were told of before would refuse the next write, of which it says nothing.
	_ = l.sync(l.file)
	l.failed.Store(false)
}

func (l *logFile) close() error { return l.file.Close() }
