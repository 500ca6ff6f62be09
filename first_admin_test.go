package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"snug/snugtest"
)

// TestHundredAttemptsOnTheLinkMakeOneAdmin sends the form of the first administrator a hundred times at once, by HTTP, to a server that runs.
func TestHundredAttemptsOnTheLinkMakeOneAdmin(t *testing.T) {
	t.Parallel()
	const attempts = 100
	s := snugtest.Start(t, snugtest.Options{Args: []string{"--set", "accounts.signup=closed"}})
	link, err := url.Parse(s.Setup)
	if err != nil || link.Query().Get("setup") == "" {
		t.Fatalf("no link is printed: %q", s.Setup)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer browser.CloseIdleConnections()
	status := make([]int, attempts)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range status {
		all.Go(func() {
			<-start
			form := url.Values{"username": {fmt.Sprint("root", i)}, "password1": {password}, "setup": {link.Query().Get("setup")}}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/sign_up/", strings.NewReader(form.Encode()))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			response, err := browser.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Error(err)
			}
			status[i] = response.StatusCode
		})
	}
	close(start)
	all.Wait()
	made := 0
	for i, code := range status {
		switch code {
		case http.StatusSeeOther:
			made++
		case http.StatusForbidden:
		default:
			t.Errorf("attempt %d is answered with %d", i, code)
		}
	}
	if made != 1 {
		t.Errorf("%d attempts of %d succeeded, want 1", made, attempts)
	}
	listed := snugtest.Run(t, "user", "list", "--data", s.Dir, "--json")
	var people []userInfo
	if err := json.Unmarshal([]byte(listed.Out), &people); err != nil || len(people) != 1 || !people[0].Admin {
		t.Errorf("there are %s%s, %v, want one administrator", listed.Out, listed.Err, err)
	}
	s.Stop()
	s.Restart()
	if s.Setup != "" {
		t.Error("another link is printed")
	}
}

func TestAddedAdministratorNeedsNoLink(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	if made := snugtest.Run(t, "user", "add", "--admin", "--generate", "--data", s.Dir, "ada"); made.Code != 0 {
		t.Fatal(made.Err)
	}
	// The link was printed before; it is void now.
	response, err := http.Get(s.Setup) //nolint:noctx // ends with the test
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("the link is answered with %s", response.Status)
	}
	s.Stop()
	s.Restart()
	if s.Setup != "" {
		t.Error("a link is printed although there is an administrator")
	}
}
