package replica

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// MaxBody bounds the body of a row in bytes, so that every row fits in a frame.
const MaxBody = 1 << 20

const (
	// maxRows is how many rows one frame may have. A row in memory is far larger than an empty one in a frame.
	maxRows = 1 << 14
	// maxFeeds is how many feeds a node keeps account of. Each start of each node is one: ten nodes that start once a day have as many after 35 years.
	// As many fit into a frame.
	maxFeeds = 1 << 17
	// maxSeq is more than a feed can ever have: a million rows in a second for eight years.
	maxSeq = 1 << 48
)

// The kinds of frames: the first byte.
const (
	kindVector = 1 + iota
	kindLive
	kindPull
	kindChunk
	kindAck
	kindDone
	kindStop
	kindCalm
)

// errFrame means that a frame is not one of this protocol. One of a kind that only newer versions know is errKind.
var (
	errFrame = errors.New("damaged frame")
	errKind  = errors.New("unknown kind of frame")
)

// frame is one of the structs below.
type frame interface{ append(b []byte) []byte }

// vectorFrame tells what the sender has. One with a Version of 0 tells a little of it between two others.
type vectorFrame struct {
	Full    bool   // the whole vector; otherwise what has changed since that of the version Since
	Want    bool   // the sender lacks some of what the receiver told
	Feed    Feed   // the running feed of the sender, and the name of its order of places
	Since   uint64 // 0 if it is full
	Version uint64 // grows with all that the sender gets
	Place   int64
	Vector  Vector
}

// liveFrame has rows of the sender's running feed, numbered from First.
type liveFrame struct {
	Feed   Feed
	First  uint64
	Bodies [][]byte
}

// pullFrame asks for all rows behind a place that the vector does not cover.
type pullFrame struct {
	Number uint64 // names the pull in all that follows from it
	Cursor Cursor
	Vector Vector
}

// chunkFrame has rows for a pull. Whoever has merged it and all before it has everything up to a place.
type chunkFrame struct {
	Number uint64
	Index  uint64 // chunks before it
	Place  int64
	Rows   []Row
}

// ackFrame says how many chunks of a pull have been merged.
type ackFrame struct{ Number, Chunks uint64 }

// doneFrame ends a pull: whoever has merged all of it has at least the vector.
type doneFrame struct {
	Number uint64
	Index  uint64 // chunks before it
	Place  int64
	Vector Vector
}

// stopFrame ends a pull before its time.
type stopFrame struct {
	Number uint64
	Asker  bool // it comes from who asked; otherwise from who was to answer
}

// calmFrame says that nobody at the sender waits for its peers to have its rows on disk, as long as this link lasts. Without it they say so at once.
type calmFrame struct{}

func encode(f frame) []byte { return f.append(nil) }

func (f *vectorFrame) append(b []byte) []byte {
	var flags byte
	if f.Full {
		flags |= 1
	}
	if f.Want {
		flags |= 2
	}
	b = append(b, kindVector, flags)
	b = append(b, f.Feed[:]...)
	b = binary.AppendUvarint(b, f.Since)
	b = binary.AppendUvarint(b, f.Version)
	b = binary.AppendUvarint(b, uint64(f.Place))
	return appendVector(b, f.Vector)
}

// liveHead is the most that stands before the rows of a liveFrame.
const liveHead = 1 + len(Feed{}) + 2*binary.MaxVarintLen64

func (f *liveFrame) append(b []byte) []byte {
	b = append(b, kindLive)
	b = append(b, f.Feed[:]...)
	b = binary.AppendUvarint(b, f.First)
	b = binary.AppendUvarint(b, uint64(len(f.Bodies)))
	for _, body := range f.Bodies {
		b = appendBytes(b, body)
	}
	return b
}

func (f *pullFrame) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, kindPull), f.Number)
	b = append(b, f.Cursor.Log[:]...)
	b = binary.AppendUvarint(b, uint64(f.Cursor.Place))
	return appendVector(b, f.Vector)
}

func (f *chunkFrame) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, kindChunk), f.Number)
	b = binary.AppendUvarint(b, f.Index)
	b = binary.AppendUvarint(b, uint64(f.Place))
	b = binary.AppendUvarint(b, uint64(len(f.Rows)))
	for _, row := range f.Rows {
		b = append(b, row.Feed[:]...)
		b = binary.AppendUvarint(b, row.Seq)
		b = appendBytes(b, row.Body)
	}
	return b
}

func (f *ackFrame) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, kindAck), f.Number)
	return binary.AppendUvarint(b, f.Chunks)
}

func (f *doneFrame) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, kindDone), f.Number)
	b = binary.AppendUvarint(b, f.Index)
	b = binary.AppendUvarint(b, uint64(f.Place))
	return appendVector(b, f.Vector)
}

func (f *stopFrame) append(b []byte) []byte {
	b = append(b, kindStop, 0)
	if f.Asker {
		b[len(b)-1] = 1
	}
	return binary.AppendUvarint(b, f.Number)
}

func (*calmFrame) append(b []byte) []byte { return append(b, kindCalm) }

func appendBytes(b, part []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// appendVector writes the feeds in order, so that a vector has one form.
func appendVector(b []byte, v Vector) []byte {
	feeds := make([]Feed, 0, len(v))
	for feed, seq := range v {
		if seq > 0 {
			feeds = append(feeds, feed)
		}
	}
	slices.SortFunc(feeds, func(a, b Feed) int { return bytes.Compare(a[:], b[:]) })
	b = binary.AppendUvarint(b, uint64(len(feeds)))
	for _, feed := range feeds {
		b = append(b, feed[:]...)
		b = binary.AppendUvarint(b, v[feed])
	}
	return b
}

// decode reads a frame. It takes exactly what encode makes. Bodies are parts of b.
func decode(b []byte) (frame, error) {
	if len(b) == 0 {
		return nil, errFrame
	}
	d := &decoder{rest: b[1:]}
	var f frame
	switch b[0] {
	case kindVector:
		flags := d.flags(3)
		f = &vectorFrame{
			Full: flags&1 != 0, Want: flags&2 != 0, Feed: d.feed(), Since: d.number(), Version: d.number(), Place: d.place(), Vector: d.vector(),
		}
	case kindLive:
		live := &liveFrame{Feed: d.feed(), First: d.seq()}
		for range d.rows(1) {
			live.Bodies = append(live.Bodies, d.body())
		}
		if len(live.Bodies) == 0 {
			d.bad = true
		}
		f = live
	case kindPull:
		f = &pullFrame{Number: d.number(), Cursor: Cursor{Log: d.feed(), Place: d.place()}, Vector: d.vector()}
	case kindChunk:
		chunk := &chunkFrame{Number: d.number(), Index: d.number(), Place: d.place()}
		for range d.rows(len(Feed{}) + 2) {
			chunk.Rows = append(chunk.Rows, Row{Feed: d.feed(), Seq: d.seq(), Body: d.body()})
		}
		f = chunk
	case kindAck:
		f = &ackFrame{Number: d.number(), Chunks: d.number()}
	case kindDone:
		f = &doneFrame{Number: d.number(), Index: d.number(), Place: d.place(), Vector: d.vector()}
	case kindStop:
		f = &stopFrame{Asker: d.flags(1) != 0, Number: d.number()}
	case kindCalm:
		f = &calmFrame{}
	default:
		return nil, fmt.Errorf("%w: %d", errKind, b[0])
	}
	if d.bad || len(d.rest) > 0 {
		return nil, fmt.Errorf("%w of kind %d", errFrame, b[0])
	}
	return f, nil
}

// maxNumber bounds all numbers in frames, far from where sums of them overflow.
const maxNumber = 1 << 62

// decoder takes parts off the front of a frame. After the first that is not there, bad is set and the rest is empty.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) fail() {
	d.bad, d.rest = true, nil
}

func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.fail()
		return nil
	}
	part := d.rest[:n:n]
	d.rest = d.rest[n:]
	return part
}

// flags reads a byte of flags, none of them above most.
func (d *decoder) flags(most byte) byte {
	part := d.take(1)
	if part == nil {
		return 0
	}
	if part[0] > most {
		d.fail()
	}
	return part[0]
}

func (d *decoder) feed() (f Feed) {
	copy(f[:], d.take(len(f)))
	return f
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	long := size > 1 && d.rest[size-1] == 0 // the same number in more bytes than it needs
	if size <= 0 || long || n > maxNumber {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) place() int64 { return int64(d.number()) }

// seq reads a number of a row: there is no row 0.
func (d *decoder) seq() uint64 {
	n := d.number()
	if n == 0 || n > maxSeq {
		d.fail()
	}
	return n
}

// count reads how many things follow that have at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.number()
	if n > uint64(len(d.rest)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

// rows is [decoder.count] for rows.
func (d *decoder) rows(size int) int {
	n := d.count(size)
	if n > maxRows {
		d.fail()
		return 0
	}
	return n
}

func (d *decoder) body() []byte {
	n := d.number()
	if n > MaxBody {
		d.fail()
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) vector() Vector {
	n := d.count(len(Feed{}) + 1)
	if n > maxFeeds {
		d.fail()
		return nil
	}
	v := make(Vector, n)
	var last Feed
	for i := range n {
		feed := d.feed()
		if i > 0 && bytes.Compare(last[:], feed[:]) >= 0 {
			d.fail()
			break
		}
		v[feed] = d.seq()
		last = feed
	}
	return v
}
