package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSeldomLogsOnceAMinuteAndCountsTheRest(t *testing.T) {
	t.Parallel()
	var s seldom
	var logged []int
	begin := time.Now()
	for _, after := range []time.Duration{0, 0, time.Second, seldomEvery - 1, seldomEvery, seldomEvery, 5 * seldomEvery, 6 * seldomEvery} {
		s.log(begin.Add(after), func(times int) { logged = append(logged, times) })
	}
	if want := []int{1, 4, 2, 1}; !slices.Equal(logged, want) {
		t.Errorf("logged %v, want %v", logged, want)
	}
}

func TestAFloodOfRefusedRequestsIsTwoLinesInTheLog(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := newSite(t, func(o *siteOptions) { o.Web.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	ada := s.person("ada")
	for range 50 {
		ada.get("/", func(r *http.Request) { r.Host = "evil.example" }).want(t, http.StatusMisdirectedRequest)
		ada.post("/log_out/", nil, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }).want(t, http.StatusForbidden)
	}
	if lines := strings.Count(logged.String(), "\n"); lines != 2 {
		t.Errorf("%d lines are logged, want 2:\n%s", lines, logged.String())
	}
}
