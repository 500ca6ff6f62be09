package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/config"
	"snug/snugtest"
)

func TestOpenAddressIsWarnedOf(t *testing.T) {
	t.Parallel()
	const warning = "whoever is on the network between can read along"
	open := snugtest.Start(t, snugtest.Options{Args: []string{"--listen", ":0"}})
	open.Stop() // then all that it said is read
	if !strings.HasPrefix(open.URL, "http://localhost:") || !strings.Contains(open.Stderr(), warning) {
		t.Errorf("at %s there is no warning:\n%s", open.URL, open.Stderr())
	}
	local := snugtest.Start(t, snugtest.Options{})
	local.Stop()
	if strings.Contains(local.Stderr(), warning) {
		t.Errorf("localhost is warned of:\n%s", local.Stderr())
	}
}

func TestOnlyKnownHostNamesAreAnswered(t *testing.T) {
	t.Parallel()
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_SERVER_NAMES=attic.example"}})
	for name, welcome := range map[string]bool{"localhost": true, "127.0.0.1": true, "attic.example": true, own: true, "evil.example": false} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/log_in/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = name
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if (response.StatusCode == http.StatusOK) != welcome {
			t.Errorf("a request for %s is answered with %s", name, response.Status)
		}
	}
}

func TestLogIsForProgramsIfAsked(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Args: []string{"--set", "log.format=json"}})
	s.Stop()
	for line := range strings.Lines(s.Stderr()) {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("this line of the log is no JSON: %s", line)
		}
	}
	if !strings.Contains(s.Stderr(), `"msg":"stopped"`) {
		t.Errorf("the log does not tell the stop:\n%s", s.Stderr())
	}
}

func TestANodeThatCannotListenEndsWhatItBegan(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	effective, err := config.Load(config.Sources{File: os.DevNull, Environment: []string{
		"SNUG_SERVER_DATA=" + t.TempDir(), "SNUG_SERVER_LISTEN=" + taken.Addr().String(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	n, err := open(t.Context(), &effective.Config, slog.New(slog.DiscardHandler))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("a node on a port that is taken: %v", err)
	}
	answer := httptest.NewRecorder()
	n.web.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost/readyz", nil))
	if !strings.Contains(answer.Body.String(), "stopping") {
		t.Errorf("its web side goes on: %s", answer.Body)
	}
}

func TestNoLingerIsNone(t *testing.T) {
	t.Parallel()
	if linger(0) >= 0 {
		t.Error("a linger of 0 in the configuration is the tracker's default")
	}
	if linger(time.Second) != time.Second {
		t.Error("a linger is changed")
	}
}

func TestNamesHoldTheAddressToListenOn(t *testing.T) {
	t.Parallel()
	c := config.Config{Server: config.Server{Listen: "attic.local:80", Names: []string{"snug.example"}}}
	got := strings.Join(names(&c), " ")
	if !strings.HasPrefix(got, "snug.example attic.local") {
		t.Errorf("names are %s", got)
	}
}
