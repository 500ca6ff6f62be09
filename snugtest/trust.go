package snugtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// Trusting makes a browser of [OpenBrowser] trust a certificate authority, as a person does who installs it: PEM is its root.
func Trusting(t testing.TB, pem []byte) chromedp.ExecAllocatorOption {
	t.Helper()
	home := t.TempDir()
	database, file := filepath.Join(home, ".pki", "nssdb"), filepath.Join(home, "root.pem")
	if err := os.MkdirAll(database, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-d", "sql:" + database, "-N", "--empty-password"},
		{"-d", "sql:" + database, "-A", "-t", "C,,", "-n", "Snug", "-i", file},
	} {
		if out, err := exec.Command("certutil", args...).CombinedOutput(); err != nil {
			t.Fatalf("certutil %v: %v (make test installs it)\n%s", args, err, out)
		}
	}
	return chromedp.Env("HOME=" + home)
}
