package store

import "time"

// Seen is when a user was last there. The later time wins.
type Seen struct {
	Header
	User ID
	At   time.Time
}
