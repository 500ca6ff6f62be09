package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// What the log and its index look like: https://sqlite.org/fileformat2.html#walformat and https://sqlite.org/walformat.html#walidxfmt.
const (
	logHeaderSize   = 32 // of the log: magic, version, page size, number, two salts, two sums
	frameHeaderSize = 24 // of each of its frames, before the page: page, size of the database, two salts, two sums
	indexHeaderSize = 48 // of the index
)

// check compares the log with the sums in it, up to where SQLite's index says that it ends. SQLite does that only when it opens a database. Nothing may be
// written to the log meanwhile.
func (l *logFile) check() error {
	head, err := readIndex(l.index)
	if err != nil {
		return err
	}
	frames, pageSize := binary.NativeEndian.Uint32(head[16:]), int(binary.NativeEndian.Uint16(head[14:]))
	if frames == 0 {
		return nil
	}
	if pageSize == 1 { // that is how 65536 is written
		pageSize = 1 << 16
	}
	begin := make([]byte, logHeaderSize)
	if err := l.read(begin, 0); err != nil {
		return err
	}
	var sum logSum
	if binary.BigEndian.Uint32(begin)&1 == 1 {
		sum.order = binary.BigEndian
	} else {
		sum.order = binary.LittleEndian
	}
	if sum.add(begin[:24]); !sum.is(begin[24:]) {
		return fmt.Errorf("%w: its first bytes", ErrLost)
	}
	frame := make([]byte, frameHeaderSize+pageSize)
	for n := range int64(frames) {
		if err := l.read(frame, logHeaderSize+n*int64(len(frame))); err != nil {
			return err
		}
		sum.add(frame[:8])
		sum.add(frame[frameHeaderSize:])
		if !sum.is(frame[16:]) || string(frame[8:16]) != string(begin[16:24]) {
			return fmt.Errorf("%w: frame %d of %d", ErrLost, n+1, frames)
		}
	}
	if sum.first != binary.NativeEndian.Uint32(head[24:]) || sum.second != binary.NativeEndian.Uint32(head[28:]) {
		return fmt.Errorf("%w: it is an older one", ErrLost)
	}
	return nil
}

// read fills a part from the log, which must have all of it.
func (l *logFile) read(part []byte, at int64) error {
	_, err := l.file.ReadAt(part, at)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it is too short", ErrLost)
	}
	return err
}

func readIndex(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, indexHeaderSize)
	_, err = f.ReadAt(head, 0)
	return head, err
}

// logSum is the running sum of a log.
type logSum struct {
	order         binary.ByteOrder
	first, second uint32
}

func (s *logSum) add(part []byte) {
	for ; len(part) > 0; part = part[8:] {
		s.first += s.order.Uint32(part) + s.second
		s.second += s.order.Uint32(part[4:]) + s.first
	}
}

// is reports whether the sum is the one that is written there, which is in big-endian order always.
func (s *logSum) is(written []byte) bool {
	return s.first == binary.BigEndian.Uint32(written) && s.second == binary.BigEndian.Uint32(written[4:])
}
