package layer

import (
	"errors"
	"fmt"

	"snug/layer/mesh"
)

// What goes from one node to another is a frame: one byte that says what it is, one byte for the length of a name, the name, and the message as
// JSON up to the end. The bytes below are those of [mesh.Set], which shares the port.
const (
	groupFrame   byte = mesh.RestKind     // to the members that a group has on the node that gets it; the name is that of the group
	channelFrame byte = mesh.RestKind + 1 // to one channel of that node
)

// frameHead is the size of what stands before the name.
const frameHead = 2

// errFrame says that bytes from another node are no frame of ours.
var errFrame = errors.New("not a frame of the layer")

func encodeFrame(kind byte, name string, m *Message) []byte {
	b := make([]byte, 0, frameHead+len(name)+len(m.body))
	b = append(b, kind, byte(len(name)))
	b = append(b, name...)
	return append(b, m.body...)
}

// decodeFrame checks what came from another node as strictly as what comes from a caller here. The message shares the bytes, which must not be changed any more.
func decodeFrame(b []byte) (kind byte, name string, m *Message, err error) {
	if len(b) < frameHead || len(b)-frameHead < int(b[1]) {
		return 0, "", nil, fmt.Errorf("%w: %d bytes are too few", errFrame, len(b))
	}
	kind = b[0]
	end := frameHead + int(b[1])
	name = string(b[frameHead:end])
	switch kind {
	case groupFrame:
		err = CheckGroup(name)
	case channelFrame:
		err = CheckChannel(name)
	default:
		err = fmt.Errorf("kind %d is unknown", kind)
	}
	if err == nil {
		m, err = newMessage(b[end:])
	}
	if err != nil {
		return 0, "", nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	return kind, name, m, nil
}
