package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/config"
)

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
