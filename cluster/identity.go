package cluster

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const idDigits = 32 // of a node id: 128 bits

// nodeID is the id of the node whose data is in dir. It is made at the first call.
func nodeID(dir string) (string, error) {
	path := filepath.Join(dir, idFile)
	data, err := os.ReadFile(path)
	if missing(err) {
		id := randomHex(idDigits / 2)
		return id, writePrivate(path, []byte(id+"\n"))
	}
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(data))
	if !validID(id) {
		return "", fmt.Errorf("%s does not hold a node id (%d hexadecimal digits): remove it to become a new node", path, idDigits)
	}
	return id, nil
}

func validID(s string) bool {
	if len(s) != idDigits || s != strings.ToLower(s) {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// newLife names one run of a process: later ones are larger, as far as clocks can say, and no two are equal.
func newLife(now time.Time) uint64 {
	var b [2]byte
	rand.Read(b[:])
	return uint64(now.UnixMilli())<<16 | uint64(binary.BigEndian.Uint16(b[:]))
}

// tidyName makes a name that people gave fit for one line and for gossip, where it has room for 64 bytes.
func tidyName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	for len(s) > 64 {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}
