//go:build !race

package snugtest

const race = false
