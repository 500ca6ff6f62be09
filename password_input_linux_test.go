package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal: what is written to keys is typed on the terminal.
func openTerminal(t *testing.T) (keys, terminal *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keys, terminal
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
		<-time.After(time.Millisecond)
	}
}

func TestTypedPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	keys, terminal := openTerminal(t)
	var prompt bytes.Buffer
	var typed string
	done := make(chan error, 1)
	go func() {
		var err error
		typed, err = askPassword(terminal, &prompt, "ada")
		done <- err
	}()
	waitUntil(t, "a terminal that shows nothing", func() bool { return !echoes(t, terminal) })
	// Both lines at once: the second waits in the terminal, and is not shown either.
	if _, err := keys.WriteString(password + "\n" + password + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || typed != password {
		t.Fatalf("read %q, %v", typed, err)
	}
	if !echoes(t, terminal) {
		t.Error("the terminal hides what is typed after it")
	}
	if want := "Password for ada: \nThe same again: \n"; prompt.String() != want {
		t.Errorf("asked %q, want %q", prompt.String(), want)
	}
	if _, err := terminal.WriteString("|"); err != nil {
		t.Fatal(err)
	}
	shown, one := "", make([]byte, 1)
	for one[0] != '|' {
		if _, err := keys.Read(one); err != nil {
			t.Fatal(err)
		}
		shown += string(one)
	}
	if shown != "\r\n\r\n|" && shown != "\n\n|" && shown != "|" {
		t.Errorf("the terminal showed %q", shown)
	}
}

func TestInterruptedPasswordGivesTheTerminalBack(t *testing.T) {
	_, terminal := openTerminal(t)
	done := make(chan error, 1)
	go func() {
		_, err := askPassword(terminal, &bytes.Buffer{}, "ada")
		done <- err
	}()
	waitUntil(t, "a terminal that shows nothing", func() bool { return !echoes(t, terminal) })
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("there is a password")
	}
	if !echoes(t, terminal) {
		t.Error("the terminal hides what is typed after it")
	}
}
