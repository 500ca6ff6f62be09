package store

import "time"

// User is an account.
type User struct {
	Header
	ID       ID
	Name     string // as its owner writes it
	Key      string // as it is compared; one user holds a key
	Password string // encoded hash, never the password
	Admin    bool
	Disabled bool
	Created  time.Time
}

// UserQuery selects a page of users.
type UserQuery struct {
	AfterKey string // start behind this key
	Match    string // keys that contain this text; empty: all
	Limit    int
}
