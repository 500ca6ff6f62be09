package store

import "time"

// Session is a login. Revoked is sticky: nothing undoes it.
type Session struct {
	Header
	ID      ID
	Token   [32]byte // SHA-256 of the secret; the secret itself is never stored
	User    ID
	Created time.Time
	Used    time.Time
	Expires time.Time
	Agent   string
	Address string
	Revoked bool
}
