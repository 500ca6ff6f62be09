package cluster

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"snug/layer/mesh"
)

// What goes over a link: a length (uvarint) of what follows it, a kind, and the body of that kind. All numbers in bodies are uvarints.
const (
	framePing      = 1 // time sent
	framePong      = 2 // time sent of the ping; times received and answered on the wall clock of who answers
	frameOpen      = 3 // number, name: frames for the port of that name are taken under that number
	frameShut      = 4 // number: no longer
	frameData      = 5 // number, payload
	frameCredit    = 6 // number, bytes: that many more may be sent to the port that has this number at who says it
	frameBye       = 7 // the node leaves
	frameDuplicate = 8 // another live node has the id of whom this is said to
)

// maxBody leaves room for kind and number before the largest payload.
const maxBody = mesh.MaxFrame + 1 + binary.MaxVarintLen64

// maxPortName bounds what a peer can make us keep.
const maxPortName = 64

var errFrame = errors.New("malformed frame")

// readFrame reads the next frame; limit bounds kind and body. The body is new memory.
func readFrame(r *bufio.Reader, limit int) (kind byte, body []byte, err error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		return 0, nil, fmt.Errorf("%w: empty", errFrame)
	}
	if n > uint64(limit) {
		return 0, nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", errFrame, n, limit)
	}
	kind, err = r.ReadByte()
	if err != nil {
		return 0, nil, noEOF(err)
	}
	body = make([]byte, n-1)
	_, err = io.ReadFull(r, body)
	return kind, body, noEOF(err)
}

// noEOF: an end in the middle of a frame is not a proper end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendFrame appends a frame of numbers and then bytes.
func appendFrame(dst []byte, kind byte, tail []byte, numbers ...uint64) []byte {
	n := 1 + len(tail)
	for _, u := range numbers {
		n += uvarintLen(u)
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = append(dst, kind)
	for _, u := range numbers {
		dst = binary.AppendUvarint(dst, u)
	}
	return append(dst, tail...)
}

// appendDataHead appends all of a data frame but its payload.
func appendDataHead(dst []byte, number uint64, payload int) []byte {
	dst = binary.AppendUvarint(dst, uint64(1+uvarintLen(number)+payload))
	dst = append(dst, frameData)
	return binary.AppendUvarint(dst, number)
}

func uvarintLen(u uint64) int {
	n := 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

// numbers takes n numbers off the front of a body.
func numbers(body []byte, n int) (nums []uint64, rest []byte, err error) {
	nums = make([]uint64, n)
	for i := range nums {
		if nums[i], body, err = number(body); err != nil {
			return nil, nil, err
		}
	}
	return nums, body, nil
}

func number(body []byte) (num uint64, rest []byte, err error) {
	num, size := binary.Uvarint(body)
	if size <= 0 {
		return 0, nil, fmt.Errorf("%w: bad number", errFrame)
	}
	return num, body[size:], nil
}
