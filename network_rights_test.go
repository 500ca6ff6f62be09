//go:build linux && network

package main

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	_ "modernc.org/sqlite"

	"snug/snugtest"
	"snug/store"
)

// TestNetworkWhatWasTakenStaysTaken: while a node is cut off, the others disable somebody, demote an administrator and change a password. On the cut node each of them takes
// another name afterwards and logs in with the old password, which is stored anew there. When the network is whole again, all nodes keep to what was taken.
func TestNetworkWhatWasTakenStaysTaken(t *testing.T) {
	t.Parallel()
	const other = "another good passphrase"
	n := snugtest.NewNetwork(t)
	dir := filepath.Join(t.TempDir(), "data")
	people := enroll(t, dir, "ada", "eve", "mallory")
	a := startSite(t, n.Host("attic"), dir)
	sites := []*site{a, joinSite(t, n.Host("barn"), a), joinSite(t, n.Host("cellar"), a)}
	wholeWithin(t, clusterWait, sites)
	b, c := sites[1], sites[2]
	sockets := map[string]*snugtest.Socket{}
	for name, client := range people {
		sessionHolds(t, client, sites)
		sockets[name] = c.sit(t, client)
	}

	c.host.Cut()
	runOn(t, a, "user", "disable", "eve")
	runOn(t, b, "user", "demote", "mallory")
	form(t, a, people["ada"], "/settings/password/", url.Values{"old_password": {password}, "password": {other}})
	for _, s := range []*site{a, b} {
		eventually(t, "the others know what was taken", equalWait, func() bool {
			return !enters(t, s, "eve", password) && !administers(t, s, people["mallory"]) && !enters(t, s, "ada", password)
		})
		eventually(t, "the others know that the node is gone", clusterWait, func() bool {
			m, _ := s.member(t, c)
			return m.State != "alive" && m.RowsBehind == nil
		})
	}
	for name, client := range people {
		if !isLoggedIn(t, c.host.Seat(client), c.Server) {
			t.Errorf("the cut does not cut: %s is logged out", name)
		}
		form(t, c, client, "/settings/name/", url.Values{"username": {"the-other-" + name}})
		if !enters(t, c, "the-other-"+name, password) {
			t.Errorf("%s cannot log in on the cut node", name)
		}
	}
	if !administers(t, c, people["mallory"]) {
		t.Error("the cut node knows that mallory was demoted")
	}
	if renewed := passwordRulings(t, c); renewed != len(people) {
		t.Errorf("%d passwords were stored anew on the cut node, want %d", renewed, len(people))
	}
	c.host.Heal()
	wholeWithin(t, membershipWait, sites)
	closes(t, sockets["eve"], equalWait)
	for _, s := range sites {
		eventually(t, "all that was done is known on "+s.host.Name, equalWait, func() bool {
			list := runOn(t, s, "user", "list").Out
			return strings.Count(list, "the-other-") == 3 && strings.Count(list, "disabled") == 1
		})
		eventually(t, "who was demoted does not administer on "+s.host.Name, equalWait, func() bool { return !administers(t, s, people["mallory"]) })
		eventually(t, "the old password is refused on "+s.host.Name, equalWait, func() bool { return !enters(t, s, "the-other-ada", password) })
		if !enters(t, s, "the-other-ada", other) {
			t.Errorf("the new password is refused on %s", s.host.Name)
		}
		if enters(t, s, "the-other-eve", password) || isLoggedIn(t, s.host.Seat(people["eve"]), s.Server) {
			t.Errorf("who was disabled is in on %s", s.host.Name)
		}
		if !isLoggedIn(t, s.host.Seat(people["mallory"]), s.Server) {
			t.Errorf("who was demoted is logged out on %s", s.host.Name)
		}
		if aside := s.members(t).Aside; aside != 0 {
			t.Errorf("%s does not understand %d rows", s.host.Name, aside)
		}
	}
}

// enroll makes people who administer, with hashes of an older time, and logs them in before there is a server: it would store their passwords anew. Beside them there is root.
func enroll(t *testing.T, dir string, names ...string) map[string]*http.Client {
	t.Helper()
	st, err := store.Open(t.Context(), dir, store.Options{Synchronous: "normal", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	const memory, passes = 8 << 10, 1 // KiB
	people := map[string]*http.Client{}
	for _, name := range append(names, "root") {
		salt := make([]byte, 16)
		rand.Read(salt)
		key := argon2.IDKey([]byte(password), salt, passes, memory, 1, 32)
		hash := fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", memory, passes, base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
		u, err := st.CreateUser(t.Context(), store.User{Name: name, Key: name, Standing: store.Standing{Password: hash, Admin: true}, Created: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if name == "root" {
			continue
		}
		token := base64.RawURLEncoding.EncodeToString(append(salt, salt...))
		now := time.Now()
		_, err = st.CreateSession(t.Context(), store.Session{
			Token: sha256.Sum256([]byte(token)), User: u.ID, Created: now, Used: now, Proven: now, Expires: now.Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		jar.SetCookies(&url.URL{Scheme: "http", Host: "localhost"}, []*http.Cookie{{Name: "snug", Value: token, Path: "/"}})
		people[name] = &http.Client{Jar: jar, Timeout: time.Minute}
	}
	return people
}

// runOn runs a command on the machine of a node.
func runOn(t *testing.T, s *site, args ...string) snugtest.Result {
	t.Helper()
	r := s.host.Run(append(args, "--data", s.Dir)...)
	if r.Code != 0 {
		t.Fatalf("snug %s on %s: code %d:\n%s", strings.Join(args, " "), s.host.Name, r.Code, r.Err)
	}
	return r
}

// form sends a form that must be taken.
func form(t *testing.T, s *site, client *http.Client, path string, values url.Values) {
	t.Helper()
	response, err := s.host.Seat(client).PostForm(s.URL+path, values)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Request.Method != http.MethodGet {
		t.Fatalf("%s on %s: %s", path, s.host.Name, response.Status)
	}
}

// enters reports whether somebody can log in on a node.
func enters(t *testing.T, s *site, name, password string) bool {
	t.Helper()
	response, err := s.host.Seat(&http.Client{Timeout: time.Minute}).PostForm(s.URL+"/log_in/", url.Values{"username": {name}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.Request.Method == http.MethodGet // led on to a page, which without a jar is not shown
}

// administers reports whether somebody who is logged in sees what is for administrators.
func administers(t *testing.T, s *site, client *http.Client) bool {
	t.Helper()
	response, err := s.host.Seat(client).Get(s.URL + "/admin/people/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK && response.Request.URL.Path == "/admin/people/"
}

// passwordRulings counts the accounts whose password was stored anew or changed, as a node knows it.
func passwordRulings(t *testing.T, s *site) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Dir, "snug.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM records WHERE kind = ?", store.KindPassword).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
