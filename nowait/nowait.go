// Package nowait writes to TCP connections as much as the kernel takes at once, which is cheaper than a write that may have to wait.
//
// It does so on Linux. Elsewhere [Raw] knows no connection for it.
package nowait

import "syscall"

// Writer writes to one connection, for one goroutine at a time. It must not be copied once it is open.
type Writer struct {
	raw  syscall.RawConn
	call func(fd uintptr) // for raw, made once, because making it anew for each write would allocate
	b    []byte           // what call writes
	n    int              // how much of it was taken
}

// Open makes a new Writer ready for use: raw is what [Raw] returns, nil included, and send usually [Send].
func (w *Writer) Open(raw syscall.RawConn, send func(fd uintptr, b []byte) int) {
	w.raw = raw
	w.call = func(fd uintptr) { w.n = send(fd, w.b) }
}

// Possible reports whether the connection can be written to without waiting.
func (w *Writer) Possible() bool { return w.raw != nil }

// Write gives the kernel as much as it takes now, and returns how much that was. After an error it is nothing, and a write that may wait finds out why. It must be
// [Writer.Possible].
func (w *Writer) Write(b []byte) int {
	w.b, w.n = b, 0
	err := w.raw.Control(w.call)
	w.b = nil
	if err != nil {
		return 0
	}
	return w.n
}
