//go:build race

package snugtest

const race = true
