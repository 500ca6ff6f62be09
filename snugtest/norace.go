//go:build !race

package snugtest

// Race says whether this was built to look for data races, which takes many times as long.
const Race = false
