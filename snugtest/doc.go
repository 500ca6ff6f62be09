// Package snugtest drives Snug from outside, as people and operators do: it builds the real binary and starts, stops, kills and restarts it, signs
// people up through the real forms, talks over real sockets, and opens real browsers.
//
//	s := snugtest.Start(t, snugtest.Options{})
//	ada := snugtest.SignUp(t, s.URL, "ada", "correct horse battery")
//	socket := snugtest.Dial(t, ada, s.URL+"/ws/")
//	s.Kill()
//	s.Restart()
//
// Everything that a test starts ends with the test.
package snugtest
