package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
)

// apiCall calls the API with the session of a client.
func apiCall(t *testing.T, client *http.Client, method, address, body string) (status int, answer map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(content) > 0 && json.Unmarshal(content, &answer) != nil {
		t.Fatalf("%s %s is answered by %s", method, address, content)
	}
	return response.StatusCode, answer
}

// TestEventsOutliveTheTimeOfRequests holds that a stream stays open for longer than limits.request_timeout lets other
// answers take, both while it tells something and while it is quiet.
func TestEventsOutliveTheTimeOfRequests(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	s := snugtest.Start(t, snugtest.Options{Args: []string{"--set", "limits.request_timeout=" + timeout.String()}})
	ada := snugtest.SignUp(t, s.URL, "ada", password)
	base := s.URL + "/api/v1/"
	if status, answer := apiCall(t, ada, "POST", base+"rooms", `{"name":"lobby"}`); status != http.StatusCreated {
		t.Fatalf("the room: %d, %v", status, answer)
	}
	begun := time.Now()
	response, err := ada.Get(base + "events?room=lobby")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	hear := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended after %s, before %q: %v", time.Since(begun), text, lines.Err())
	}
	hear(`"type":"hello"`)
	tick := time.NewTicker(timeout / 4)
	defer tick.Stop()
	for n := 0; time.Since(begun) < 2*timeout; n++ {
		<-tick.C
		sayByAPI(t, ada, base, fmt.Sprintf("message %d.", n))
		hear(fmt.Sprintf("message %d.", n))
	}
	<-time.After(2 * timeout) // nothing happens
	sayByAPI(t, ada, base, "the end")
	hear("the end")
}

func sayByAPI(t *testing.T, client *http.Client, base, text string) {
	t.Helper()
	if status, answer := apiCall(t, client, "POST", base+"rooms/lobby/messages", fmt.Sprintf(`{"message":%q}`, text)); status != http.StatusCreated {
		t.Fatalf("%d, %v", status, answer)
	}
}
