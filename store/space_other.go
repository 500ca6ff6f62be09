//go:build !(darwin || linux)

package store

// diskIsFull cannot tell here; SQLite's own report of a full disk still counts.
func diskIsFull(string) bool { return false }
