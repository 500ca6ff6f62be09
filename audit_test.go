package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"snug/snugtest"
)

// readPage gets a page as somebody who is logged in.
func readPage(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s was answered with %s, %v", address, response.Status, err)
	}
	return string(page)
}

// What people and commands do on any node is in the audit log of every node, and stays there.
func TestAuditLogIsThatOfAllNodes(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	b := startBeside(t, a, "barn")
	added := snugtest.Run(t, "user", "add", "root", "--admin", "--generate", "--data", a.Dir)
	if added.Code != 0 {
		t.Fatal(added.Err)
	}
	if code := submit(t, b.URL+"/log_in/", url.Values{"username": {"canary-name"}, "password": {"canary-secret"}}); code != http.StatusForbidden {
		t.Fatalf("a wrong password was answered with %d", code)
	}
	generated := strings.Fields(added.Out)
	root := snugtest.LogIn(t, a.URL, "root", generated[len(generated)-1])
	words := []string{
		`data-entry="cluster.invited"`, `data-entry="cluster.joined"`, `data-entry="user.added"`, `data-entry="login.failed"`, `data-entry="login"`,
		"<bdi>attic</bdi>", "<bdi>barn</bdi>",
	}
	page := ""
	eventually(t, "the audit log of A has what happened on both", clusterWait, func() bool {
		page = readPage(t, root, a.URL+"/admin/audit/")
		for _, w := range words {
			if !strings.Contains(page, w) {
				return false
			}
		}
		return true
	})
	b.Stop()
	a.Stop()
	a.Restart()
	kept := readPage(t, root, a.URL+"/admin/audit/")
	for _, w := range words {
		if !strings.Contains(kept, w) {
			t.Errorf("%s is not there after a restart", w)
		}
	}
	for what, text := range map[string]string{"page": kept, "log of A": a.Stderr(), "log of B": b.Stderr()} {
		if strings.Contains(text, "canary") {
			t.Errorf("what may be a password is in the %s", what)
		}
	}
}
