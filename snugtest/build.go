package snugtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built makes the binary once for a test process. Where the tests look for data races, so does the binary: it then prints what it finds and
// exits with code 66, which [Server.Stop] takes as a failure.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "snug-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "snug")
	if err := build(path); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return path, nil
})

func build(path string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	if Race {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "snug")...).CombinedOutput(); err != nil {
		return fmt.Errorf("build snug: %w\n%s", err, out)
	}
	return nil
}

// BuildTo makes another binary with flags of go build, for [Options].
func BuildTo(t testing.TB, path string, flags ...string) string {
	t.Helper()
	if err := build(path, flags...); err != nil {
		t.Fatal(err)
	}
	return path
}

// Build is the path of the binary, made from the source that is being tested.
func Build(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Main runs the tests of a package and removes what [Build] made. It is for TestMain.
type Main struct{ *testing.M }

// Run is the exit code of the tests.
func (m Main) Run() int {
	code := m.M.Run()
	path, err := built()
	if err == nil {
		err = os.RemoveAll(filepath.Dir(path))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}
