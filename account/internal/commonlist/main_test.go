package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListIsTheOneThatIsMade(t *testing.T) {
	t.Parallel()
	made := filepath.Join(t.TempDir(), "list.txt")
	if err := write(made); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../common_passwords.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(want) {
		t.Error("account/common_passwords.txt is old: run go generate ./account")
	}
}

func TestWalksFollowTheRow(t *testing.T) {
	t.Parallel()
	got := strings.Join(walks("1234567890"), " ")
	want := "12345678 123456789 1234567890 23456789 234567890 34567890"
	if got != want {
		t.Errorf("walks = %s, want %s", got, want)
	}
}
