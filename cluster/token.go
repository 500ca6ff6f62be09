package cluster

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// ErrToken means that what was given is not a token of an invitation.
var ErrToken = errors.New("cluster: not a token of an invitation")

// ErrExpired means that a token was good once.
var ErrExpired = errors.New("cluster: the invitation has expired")

const (
	codeSize = 16
	// maxToken bounds what is decoded; a token with eight addresses has about 500 characters.
	maxToken     = 4 << 10
	maxAddresses = 16
	tokenPrefix  = "snug1_"
)

// token is what an invitation says: where to ask, how to know that it is the right node, and the word that opens.
type token struct {
	Addresses   []string `json:"a"`
	Fingerprint []byte   `json:"f"` // SHA-256 of the certificate
	Code        []byte   `json:"c"`
	Expires     int64    `json:"e"`           // Unix seconds
	Cluster     string   `json:"i,omitempty"` // its id, so that a machine of another one need not ask
}

// encode makes one line of letters, digits, - and _.
func (t token) encode() string {
	data, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings, bytes and a number
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(data)
}

// parseToken reads one; line breaks and spaces, as a terminal or a mail puts in, do no harm.
func parseToken(s string) (token, error) {
	if len(s) > maxToken {
		return token{}, fmt.Errorf("%w: too long", ErrToken)
	}
	s = strings.Join(strings.Fields(s), "")
	rest, ok := strings.CutPrefix(s, tokenPrefix)
	if !ok {
		return token{}, fmt.Errorf("%w: it begins with %s", ErrToken, tokenPrefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil {
		return token{}, fmt.Errorf("%w: a character is wrong or missing", ErrToken)
	}
	var t token
	if err := json.Unmarshal(data, &t); err != nil {
		return token{}, fmt.Errorf("%w: a part is missing", ErrToken)
	}
	if len(t.Fingerprint) != 32 || len(t.Code) != codeSize || len(t.Addresses) == 0 || len(t.Addresses) > maxAddresses {
		return token{}, fmt.Errorf("%w: a part is missing", ErrToken)
	}
	for _, a := range t.Addresses {
		if host, port, err := splitAddr(a); err != nil || net.ParseIP(host) == nil || port == 0 {
			return token{}, fmt.Errorf("%w: %.60q is no address", ErrToken, a)
		}
	}
	return t, nil
}

func (t token) expired(now time.Time) bool { return now.Unix() >= t.Expires }
