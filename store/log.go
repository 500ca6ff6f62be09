package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
)

// logFile is the write-ahead log, opened once more to be synced. SQLite writes it and, in the mode that this package uses, syncs it only before it
// moves what it holds into the database; so a commit is a matter of microseconds, and who needs it on disk syncs what others have committed, too.
// After a power cut the log ends where it was synced, or later, and always with a whole commit.
type logFile struct {
	file *os.File
	sync func(*os.File) error // syncData, or what a test puts in its place

	syncing sync.Mutex // held while it syncs
	failed  bool       // guarded by syncing; a sync failed: the system may have forgotten what it could not write
}

// errUnsure means that an earlier sync failed. The system reports that once, so another sync that succeeds says nothing of what was written before.
var errUnsure = errors.New("the disk has failed to write the log")

// openLog opens the log of a database, which some connection has open.
func openLog(database string) (*logFile, error) {
	f, err := os.OpenFile(database+"-wal", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &logFile{file: f, sync: syncData}, nil
}

// flush returns when all that was committed before is on disk. errUnsure: it cannot know, until mended.
func (l *logFile) flush() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.failed {
		return errUnsure
	}
	err := l.sync(l.file)
	l.failed = err != nil
	return err
}

// mended says that all that the log held is in the database.
func (l *logFile) mended() {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.failed = false
}

func (l *logFile) close() error { return l.file.Close() }

// bootKey is where an open store notes under which start of the machine it runs.
const bootKey = "boot"

// takeUpLog gives the order of events another name if the machine may have lost the end of it: the last process did not close the store, and
// the machine has been started since. Then places are given a second time, and a reader who remembers one must begin anew.
func takeUpLog(ctx context.Context, conn *sql.Conn, log ID) (ID, error) {
	var last string
	err := conn.QueryRowContext(ctx, metaByKey, bootKey).Scan(&last)
	switch now := bootID(); {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return log, err
	case now == "" || now != last:
		log = newRandomID()
		if _, err := conn.ExecContext(ctx, `UPDATE state SET log = ? WHERE id = 1`, log); err != nil {
			return log, err
		}
	}
	_, err = conn.ExecContext(ctx, putMeta, bootKey, bootID())
	return log, err
}

// bootID is another one after each start of the machine; "" where the system has none.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
