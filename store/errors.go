package store

import (
	"errors"
	"fmt"
)

// What callers may want to tell apart. All of them arrive wrapped.
var (
	// ErrNotFound means that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrNameTaken means that another user holds the name.
	ErrNameTaken = errors.New("name is taken")
	// ErrConflict means that the ID or token belongs to another row.
	ErrConflict = errors.New("already used for something else")
	// ErrLastAdmin means that nobody would be left who can log in as an administrator.
	ErrLastAdmin = errors.New("the last administrator")
	// ErrFull means that there are as many as there may be.
	ErrFull = errors.New("there are as many as there may be")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("store is closed")
	// ErrLocked means that another process uses the data directory.
	ErrLocked = errors.New("data directory is in use")
	// ErrNotWritable means that the data directory cannot be made or written.
	ErrNotWritable = errors.New("data directory cannot be written")
	// ErrDamaged means that the database file is damaged, or is not Snug's.
	ErrDamaged = errors.New("not a usable Snug database")
	// ErrBusy means that another program has held the database locked for too long.
	ErrBusy = errors.New("another program holds the database locked")
	// ErrDiskFull means that there was no space left; what was stored before is safe.
	ErrDiskFull = errors.New("disk is full")
	// ErrFailing means that the disk has failed to take what was written. It may be there or not, here and on
	// other nodes; who tries again is told when it is. From [Open]: it cannot be read or written.
	ErrFailing = errors.New("disk fails")
	// ErrLost means that the log is not any more what SQLite wrote: the system has dropped what it could not write, and reads something older from the disk.
	// Only who opens the database anew finds out where the log ends; all that was acknowledged lies before that.
	ErrLost = errors.New("the disk has lost a part of the log that nobody was told is stored")
)

// NewerSchemaError says that a newer Snug wrote the database.
type NewerSchemaError struct {
	Have  int // the schema version of the file
	Known int // the newest that this program knows
}

// Error says what to do about it.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("database has schema version %d, this Snug knows up to %d: use a newer Snug", e.Have, e.Known)
}
