package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"
)

// maxPasswordLine bounds what is read as a password, in bytes: more than any that may be chosen, so that one that is too long is told as such.
const maxPasswordLine = 4 << 10

// passwordInput is how a command comes by a password. Never by an argument, which every user of the machine can see.
type passwordInput struct{ generate *bool }

func declarePassword(fs *flag.FlagSet) passwordInput {
	return passwordInput{generate: fs.Bool("generate", false, "make a password and print it, once; without this flag it is asked for, or read from standard input")}
}

// read asks for the password of somebody. say is what to tell them once it is theirs: a password that was made, or nothing.
func (i passwordInput) read(p program, name string) (password, say string, err error) {
	if *i.generate {
		password = newPassword()
		return password, password + "\n", nil
	}
	if terminal, ok := p.in.(*os.File); ok && term.IsTerminal(int(terminal.Fd())) {
		password, err = askPassword(terminal, p.errors, name)
		return password, "", err
	}
	password, err = readPassword(p.in)
	return password, "", err
}

// newPassword is one that nobody guesses and that can be read out: 100 random bits.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return strings.Join([]string{text[:5], text[5:10], text[10:15], text[15:20]}, "-")
}

// readPassword reads a line.
func readPassword(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("there is no password on standard input: write it there in one line, or say --generate")
	}
	return line, nil
}

// askPassword asks for a password twice, and does not show it.
func askPassword(terminal *os.File, prompt io.Writer, name string) (string, error) {
	var typed [2]string
	for i, question := range []string{"Password for " + name + ": ", "The same again: "} {
		fmt.Fprint(prompt, question)
		var err error
		if typed[i], err = readHidden(terminal); err != nil {
			return "", err
		}
		fmt.Fprintln(prompt)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ: nothing was changed")
	}
	if typed[0] == "" {
		return "", errors.New("no password was typed: nothing was changed")
	}
	return typed[0], nil
}

// readHidden reads a line that is not shown. Whoever interrupts it gets a terminal back that shows what they type.
func readHidden(terminal *os.File) (string, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, stopSignals()...)
	defer signal.Stop(interrupted)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // where it is interrupted it ends with the program
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case got := <-read:
		if got.err != nil {
			return "", fmt.Errorf("read the password: %w", got.err)
		}
		return string(got.text), nil
	case <-interrupted:
		return "", errors.Join(errors.New("interrupted: nothing was changed"), term.Restore(fd, before))
	}
}
