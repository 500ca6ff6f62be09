package socket

import (
	"encoding/binary"
	"unicode/utf8"
)

// First bytes of the frames that this package makes or looks at: always whole messages (the FIN bit), see RFC 6455 section 5.2.
const (
	finText  = 0x81
	finClose = 0x88
	finPong  = 0x8a
)

// maxReason is how much text fits in a close frame: a control frame carries 125 bytes, and the code takes two.
const maxReason = 123

// textFrame returns the WebSocket text frame, header and all, that carries the body from a server. It is what is
// shared by all receivers of a message.
func textFrame(body []byte) []byte {
	// The longest header has 10 bytes: type, 127, and a length of eight.
	frame := make([]byte, 0, 10+len(body))
	switch n := len(body); {
	case n <= 125:
		frame = append(frame, finText, byte(n))
	case n <= 0xffff:
		frame = binary.BigEndian.AppendUint16(append(frame, finText, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, finText, 127), uint64(n))
	}
	return append(frame, body...)
}

// closeFrame returns the frame that ends a connection. A reason that is too long is cut at a character.
func closeFrame(code int, reason string) []byte {
	if len(reason) > maxReason {
		end := maxReason
		for end > 0 && !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	frame := []byte{finClose, byte(2 + len(reason))}
	frame = binary.BigEndian.AppendUint16(frame, uint16(code))
	return append(frame, reason...)
}

// isClose reports whether whole frames end with a close frame, given the first byte of the last one.
func isClose(first byte) bool { return first == finClose }
