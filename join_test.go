package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"snug/cluster"
	"snug/config"
)

// Each way in which an invitation fails has another remedy.
func TestJoinThatFailsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{cluster.ErrToken, "copy all of the line"},
		{cluster.ErrExpired, "set the clocks"},
		{cluster.ErrRefused, "make another"},
		{fmt.Errorf("%w: %w", cluster.ErrNotReached, syscall.ECONNREFUSED), "see that Snug runs"},
		{fmt.Errorf("%w: %w", cluster.ErrNotReached, os.ErrDeadlineExceeded), "the firewalls between"},
		{context.DeadlineExceeded, "the firewalls between"},
		{fmt.Errorf("%w: %w", cluster.ErrNotReached, errors.Join(syscall.ECONNREFUSED, cluster.ErrOtherNode)), "was started again since"},
		{cluster.ErrSecretExists, "in another cluster already"},
		{cluster.ErrOlderSecret, "was replaced"},
	} {
		if text := adviseJoin(c.err, "/srv/snug").Error(); !strings.Contains(text, c.want) {
			t.Errorf("of %q it says %q, want %q", c.err, text, c.want)
		}
	}
}

func TestJoinSaysHowToStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string // in force; "": none
		enabled bool
		want    string
		writes  bool
	}{
		"no file":         {want: "Start it with snug serve --data DIR,", writes: true},
		"enabled already": {file: "/etc/snug/snug.toml", enabled: true, want: "Start it with snug serve --data DIR,"},
		"another file":    {file: "/etc/snug/snug.toml", want: "Write this in /etc/snug/snug.toml:\n\n    [cluster]\n    enabled = true\n\nStart it with"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := &config.Effective{File: c.file, Values: []config.Value{{Field: config.Field{Key: "server.data"}, From: "--data"}}}
			e.Server.Data, e.Cluster.Enabled = dir, c.enabled
			var out strings.Builder
			if err := sayHowToStart(&out, e); err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(out.String(), dir, "DIR"); !strings.Contains(got, c.want) {
				t.Errorf("it says\n%s", got)
			}
			path := filepath.Join(dir, config.FileName)
			if _, err := os.Stat(path); (err == nil) != c.writes {
				t.Fatalf("the settings: %v", err)
			}
			if c.writes {
				loaded, err := config.Load(config.Sources{File: path, Environment: []string{"HOME=" + dir}})
				if err != nil || !loaded.Cluster.Enabled {
					t.Errorf("the settings that were written do not work: %v", err)
				}
			}
		})
	}
}
