package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// load reads a configuration from the text of a file, as snug.toml in an empty directory that is also the home.
func load(t *testing.T, file string, environment []string, flags ...Setting) (*Effective, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("snug.toml", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{File: "snug.toml", Environment: append([]string{"HOME=" + t.TempDir()}, environment...), Flags: flags})
}

func TestDefaultsAreSound(t *testing.T) {
	e, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Server.Listen != "localhost:8000" || e.Limits.SocketsPerUser != 20 || e.Accounts.SessionIdle != 30*24*time.Hour {
		t.Errorf("defaults: %+v", e.Config)
	}
	for _, v := range e.Values {
		if v.From != "default" {
			t.Errorf("%s comes from %s, not from its default", v.Key, v.From)
		}
		if v.Doc == "" || v.Allowed() == "" {
			t.Errorf("%s has no documentation", v.Key)
		}
	}
}

func TestFlagsBeatTheEnvironmentWhichBeatsTheFile(t *testing.T) {
	file := "[log]\nlevel = \"debug\"\nformat = \"json\"\n\n[limits]\nsockets_per_user = 3\n"
	e, err := load(t, file, []string{"SNUG_LOG_FORMAT=text", "SNUG_LIMITS_SOCKETS_PER_USER=4"},
		Setting{Flag: "--set", Key: "limits.sockets_per_user", Value: "5"}, Setting{Flag: "--listen", Key: "server.listen", Value: ":9000"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range e.Values {
		if v.From != "default" {
			got[v.Key] = v.Literal + " from " + v.From
		}
	}
	want := map[string]string{
		"log.level":               `"debug" from snug.toml:2`,
		"log.format":              `"text" from SNUG_LOG_FORMAT`,
		"limits.sockets_per_user": "5 from --set limits.sockets_per_user",
		"server.listen":           `":9000" from --listen`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if e.Limits.SocketsPerUser != 5 || e.Log.Level != "debug" || e.Log.Format != "text" || e.Server.Listen != ":9000" {
		t.Errorf("the struct says %+v", e.Config)
	}
}

func TestPrintedSettingsLoadAgain(t *testing.T) {
	first, err := load(t, "[server]\nnames = [\"attic.local\", \"snug.example\"]\ndata = 'C:\\snug'\n[accounts]\nsession_idle = \"36h\"\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := first.Print(&text); err != nil {
		t.Fatal(err)
	}
	second, err := load(t, text.String(), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	if diff := cmp.Diff(first.Config, second.Config); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(text.String(), "# snug.toml:2\n") || !strings.Contains(text.String(), "# default\n") {
		t.Errorf("the printed settings do not say where they come from:\n%s", text.String())
	}
}

func TestClusterIsOffUntilItIsSwitchedOn(t *testing.T) {
	for name, c := range map[string]struct {
		file        string
		environment []string
		enabled     bool
	}{
		"nothing":     {},
		"empty table": {file: "[cluster]\n"},
		"file":        {file: "[cluster]\nenabled = true\nseeds = [\"attic\", \"192.168.1.5\", \"[fe80::1%eth0]:7846\"]\n", enabled: true},
		"kept":        {file: "[cluster]\nenabled = false\nname = \"attic\"\n"},
		"environment": {environment: []string{"SNUG_CLUSTER_ENABLED=true", "SNUG_CLUSTER_ADVERTISE=attic.local:7846"}, enabled: true},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := load(t, c.file, c.environment)
			if err != nil {
				t.Fatal(err)
			}
			if e.Cluster.Enabled != c.enabled {
				t.Errorf("enabled is %v", e.Cluster.Enabled)
			}
		})
	}
}

func TestProblemsInTheFile(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"misspelt key":     {"[limits]\n\nsockets_per_adress = 3\n", "snug.toml:3: limits.sockets_per_adress: there is no such key; did you mean limits.sockets_per_address?"},
		"key of another":   {"[server]\nsockets_per_user = 3\n", "snug.toml:2: server.sockets_per_user: there is no such key; did you mean limits.sockets_per_user?"},
		"key of no table":  {"listen = \":80\"\n", "snug.toml:1: listen: stands in no table; did you mean listen, under [server]?"},
		"unknown key":      {"[server]\nbanana = 3\n", "snug.toml:2: server.banana: there is no such key; snug config print lists all settings"},
		"misspelt table":   {"\n[limit]\nsockets_per_user = 3\n", "snug.toml:2: [limit]: there is no such table; did you mean limits?"},
		"unknown table":    {"[kitchen]\nsink = 1\n", "snug.toml:1: [kitchen]: there is no such table; snug config print lists all settings"},
		"table as value":   {"log = \"debug\"\n", "snug.toml:1: log: must be a table: write [log], and its keys under it"},
		"array of tables":  {"[[log]]\nlevel = \"debug\"\n", "snug.toml:1: log: must be a table: write [log], and its keys under it"},
		"text for number":  {"[limits]\nqueue_frames = \"many\"\n", `snug.toml:2: limits.queue_frames: must be a whole number from 64 to 1000000; it is "many"`},
		"fraction":         {"[limits]\nqueue_frames = 64.5\n", "snug.toml:2: limits.queue_frames: must be a whole number from 64 to 1000000; it is 64.5"},
		"negative":         {"[limits]\nsockets_per_user = -1\n", "snug.toml:2: limits.sockets_per_user: must be a whole number from 0 to 1000000; it is -1"},
		"number for text":  {"[log]\nlevel = 3\n", `snug.toml:2: log.level: must be "debug" or "info" or "warn" or "error"; it is 3`},
		"number for time":  {"[presence]\nlinger = 5\n", `snug.toml:2: presence.linger: must be a time from "0s" to "10m", such as "90s", "12h" or "30d"; it is 5`},
		"time too long":    {"[presence]\nlinger = \"1h\"\n", `snug.toml:2: presence.linger: must be a time from "0s" to "10m", such as "90s", "12h" or "30d"; it is "1h"`},
		"bad word":         {"[log]\nformat = \"xml\"\n", `snug.toml:2: log.format: must be "text" or "json"; it is "xml"`},
		"text for list":    {"[server]\nnames = \"attic\"\n", `snug.toml:2: server.names: must be a list of host names without scheme and port, such as ["attic.local"]; it is "attic"`},
		"address in names": {"[server]\nnames = [\"http://attic/\"]\n", `snug.toml:2: server.names: must be a list of host names without scheme and port, such as ["attic.local"]; it is ["http://attic/"]`},
		"proxy by name":    {"[server]\ntrusted_proxies = [\"front.local\"]\n", `snug.toml:2: server.trusted_proxies: must be a list of addresses and networks, such as ["127.0.0.1", "10.0.7.0/24"]; it is ["front.local"]`},
		"half a network":   {"[server]\ntrusted_proxies = [\"10.0.7.1/24\"]\n", `snug.toml:2: server.trusted_proxies: must be a list of addresses and networks, such as ["127.0.0.1", "10.0.7.0/24"]; it is ["10.0.7.1/24"]`},
		"no port":          {"[server]\nlisten = \"8000\"\n", `snug.toml:2: server.listen: must be an address with a port, such as "localhost:8000", "192.168.1.5:8000" or ":8000" (every interface); it is "8000"`},
		"table for value":  {"[server.listen]\nport = 1\n", `snug.toml:1: server.listen: must be an address with a port, such as "localhost:8000", "192.168.1.5:8000" or ":8000" (every interface); it is a table`},
		"only a sub-table": {"\n[kitchen.sink]\nsize = 1\n", "snug.toml:2: [kitchen]: there is no such table; "},
		"dotted key":       {"log.levle = \"info\"\n", "snug.toml:1: log.levle: there is no such key; did you mean log.level?"},
		"not TOML":         {"[log]\nlevel = debug\n", "snug.toml:2: log.level: "},
		"key given twice":  {"[log]\nlevel = \"info\"\nlevel = \"warn\"\n", "snug.toml:3: log.level: "},
		"frame too small":  {"[limits]\nmessage_characters = 50000\n", "snug.toml:2: limits.frame_bytes: must be at least 200512, so that a frame holds a message of limits.message_characters = 50000; it is 65536"},
		"queue too small":  {"[limits]\nqueue_bytes = 65536\n", "snug.toml:2: limits.queue_bytes: must be at least 131072, twice limits.frame_bytes; it is 65536"},
		"text for switch":  {"[cluster]\nenabled = \"yes\"\n", `snug.toml:2: cluster.enabled: must be true or false; it is "yes"`},
		"not switched":     {"[cluster]\nname = \"attic\"\n", "snug.toml:2: cluster.enabled: must be said where there is cluster.name: true, or false to keep it for later"},
		"seed with scheme": {"[cluster]\nenabled = true\nseeds = [\"http://attic\"]\n", `snug.toml:3: cluster.seeds: must be a list of addresses of other nodes, such as ["192.168.1.5:7846"]; without a port, 7846 is meant; it is ["http://attic"]`},
		"advertise :port":  {"[cluster]\nenabled = true\nadvertise = \":7846\"\n", `snug.toml:3: cluster.advertise: must be an address that other machines can reach, such as "192.168.1.5:7846", or nothing; it is ":7846"`},
		"bind no address":  {"[cluster]\nenabled = true\nbind = \"256.1.1.1:99\"\n", `snug.toml:3: cluster.bind: must be an address with a port, such as "localhost:8000", "192.168.1.5:8000" or ":8000" (every interface); it is "256.1.1.1:99"`},
		"listen on 3 of 4": {"[server]\nlisten = \"10.0.0:8000\"\n", `snug.toml:2: server.listen: must be an address with a port, `},
		"advertise no one": {"[cluster]\nenabled = true\nadvertise = \"0.0.0.0:7846\"\n", `snug.toml:3: cluster.advertise: must be an address that other machines can reach, such as "192.168.1.5:7846", or nothing; it is "0.0.0.0:7846"`},
		"not a URL":        {"[cluster]\nenabled = true\nurl = \"attic:8000\"\n", `snug.toml:3: cluster.url: must be an address that browsers can open, such as "http://192.168.1.5:8000/" (no IPv6 in numbers), or nothing; it is "attic:8000"`},
		"URL of nowhere":   {"[cluster]\nenabled = true\nurl = \"http://0.0.0.0:8000/\"\n", `snug.toml:3: cluster.url: must be an address that browsers can open, `},
		"URL of IPv6":      {"[cluster]\nenabled = true\nurl = \"http://[::1]:8000/\"\n", `snug.toml:3: cluster.url: must be an address that browsers can open, `},
		"URL with query":   {"[cluster]\nenabled = true\nurl = \"http://attic/?a=b\"\n", `snug.toml:3: cluster.url: must be an address that browsers can open, `},
		"party in numbers": {"[auth]\nrp_id = \"192.168.1.5\"\n", `snug.toml:2: auth.rp_id: must be a host name in lower case with a dot in it, such as "chat.example", or "localhost", or nothing; it is "192.168.1.5"`},
		"party of one":     {"[auth]\nrp_id = \"attic\"\n", `snug.toml:2: auth.rp_id: must be a host name in lower case`},
		"party with port":  {"[auth]\nrp_id = \"chat.example:8000\"\n", `snug.toml:2: auth.rp_id: must be a host name in lower case`},
		"party in capital": {"[auth]\nrp_id = \"Chat.example\"\n", `snug.toml:2: auth.rp_id: must be a host name in lower case`},
		"no origin":        {"[auth]\norigins = [\"chat.example:8443\"]\n", `snug.toml:2: auth.origins: must be a list of origins, such as ["https://chat.example:8443"]; http only for localhost; it is ["chat.example:8443"]`},
		"origin and path":  {"[auth]\norigins = [\"https://chat.example/\"]\n", `snug.toml:2: auth.origins: must be a list of origins`},
		"origin in clear":  {"[auth]\norigins = [\"http://chat.example\"]\n", `snug.toml:2: auth.origins: must be a list of origins`},
		"session too idle": {"[accounts]\nsession_idle = \"366d\"\n", `snug.toml:2: accounts.session_life: must be at least accounts.session_idle = "366d"; it is "365d"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.file, nil)
			if err == nil {
				t.Fatal("no problem was found")
			}
			if !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestProblemsInTheEnvironmentAndFlags(t *testing.T) {
	for name, c := range map[string]struct {
		environment []string
		flags       []Setting
		want        string
	}{
		"misspelt variable": {environment: []string{"SNUG_LIMITS_SOCKET_PER_USER=1"}, want: "environment: SNUG_LIMITS_SOCKET_PER_USER: there is no such variable; did you mean SNUG_LIMITS_SOCKETS_PER_USER?"},
		"without table":     {environment: []string{"SNUG_LISTEN=:80"}, want: "environment: SNUG_LISTEN: there is no such variable; did you mean SNUG_SERVER_LISTEN?"},
		"misspelt file":     {environment: []string{"SNUG_CONFG=x"}, want: "environment: SNUG_CONFG: there is no such variable; did you mean SNUG_CONFIG?"},
		"unknown variable":  {environment: []string{"SNUG_BANANA=1"}, want: "environment: SNUG_BANANA: there is no such variable; snug config print lists all settings"},
		"bad variable":      {environment: []string{"SNUG_LIMITS_QUEUE_FRAMES=lots"}, want: `environment: SNUG_LIMITS_QUEUE_FRAMES: must be a whole number from 64 to 1000000; it is "lots"`},
		"too large":         {environment: []string{"SNUG_LIMITS_QUEUE_FRAMES=99999999999999999999"}, want: `environment: SNUG_LIMITS_QUEUE_FRAMES: must be a whole number from 64 to 1000000; it is "99999999999999999999"`},
		"bad flag":          {flags: []Setting{{"--listen", "server.listen", "nowhere"}}, want: "flag: --listen: must be an address with a port, "},
		"bad set":           {flags: []Setting{{"--set", "log.level", "loud"}}, want: `flag: --set log.level: must be "debug" or "info" or "warn" or "error"; it is "loud"`},
		"misspelt set":      {flags: []Setting{{"--set", "log.levle", "info"}}, want: "flag: --set log.levle: there is no such key; did you mean log.level?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, "", c.environment, c.flags...)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	_, err := load(t, "[log]\nlevle = 1\nformat = 2\n[limits]\nqueue_frames = 1\n", []string{"SNUG_X=1"}, Setting{"--set", "a.b", "c"})
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("want five lines, got\n%v", err)
	}
}

func TestListsAndZeroFromTheEnvironment(t *testing.T) {
	// The second is how the file, the reference and the errors write it.
	for _, names := range []string{"attic.local, snug.example", ` ["attic.local", "snug.example"]`} {
		e, err := load(t, "[server]\nnames = [\"old\"]\n", []string{"SNUG_SERVER_NAMES=" + names, "SNUG_LIMITS_LOGINS_PER_MINUTE=0"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"attic.local", "snug.example"}, e.Server.Names); diff != "" || e.Limits.LoginsPerMinute != 0 {
			t.Errorf("names %v, logins %d", e.Server.Names, e.Limits.LoginsPerMinute)
		}
	}
}

func TestWhichFileIsRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, level string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "[log]\nlevel = %q\n", level), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	flagged, named, inData := write("flagged.toml", "debug"), write("named.toml", "warn"), write("data/snug.toml", "error")
	data := Setting{"--data", "server.data", filepath.Join(dir, "data")}
	elsewhere := Setting{"--data", "server.data", filepath.Join(dir, "nothing", "here")}
	underFile := Setting{"--data", "server.data", filepath.Join(flagged, "x")}
	for name, c := range map[string]struct {
		src  Sources
		want string
	}{
		"the flag first":         {Sources{File: flagged, Environment: []string{"SNUG_CONFIG=" + named}, Flags: []Setting{data}}, flagged},
		"then the variable":      {Sources{Environment: []string{"SNUG_CONFIG=" + named}, Flags: []Setting{data}}, named},
		"then the data":          {Sources{Flags: []Setting{data}}, inData},
		"data of the variable":   {Sources{Environment: []string{"SNUG_SERVER_DATA=" + data.Value}}, inData},
		"none is fine":           {Sources{Flags: []Setting{elsewhere}}, ""},
		"nor data under a file":  {Sources{Flags: []Setting{underFile}}, ""},
		"XDG_DATA_HOME is heard": {Sources{Environment: []string{"XDG_DATA_HOME=" + dir}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Load(c.src)
			if err != nil {
				t.Fatal(err)
			}
			if e.File != c.want && !(c.want == "" && e.File == systemFile) {
				t.Errorf("read %q, want %q", e.File, c.want)
			}
		})
	}
	_, err := Load(Sources{File: filepath.Join(dir, "missing.toml")})
	if err == nil || !strings.Contains(err.Error(), "cannot be read (no such file or directory)") {
		t.Errorf("a missing file that was named: %v", err)
	}
}

func TestDataDirectory(t *testing.T) {
	home := t.TempDir()
	for name, c := range map[string]struct {
		environment map[string]string
		want        string
	}{
		"home":         {map[string]string{"HOME": home}, filepath.Join(home, ".local/share/snug")},
		"xdg":          {map[string]string{"HOME": home, "XDG_DATA_HOME": "/data"}, "/data/snug"},
		"relative xdg": {map[string]string{"HOME": home, "XDG_DATA_HOME": "data"}, filepath.Join(home, ".local/share/snug")},
		"none":         {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := dataDir(func(name string) string { return c.environment[name] })
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	_, err := Load(Sources{})
	if err == nil || !strings.Contains(err.Error(), "HOME is not set; set it, or choose a directory with --data DIR") {
		t.Errorf("without a home: %v", err)
	}
	if _, err := Load(Sources{Flags: []Setting{{"--data", "server.data", t.TempDir()}}}); err != nil {
		t.Errorf("without a home but with a directory: %v", err)
	}
}

func TestCheckFileKnowsNoEnvironment(t *testing.T) {
	t.Setenv("SNUG_BANANA", "1")
	path := filepath.Join(t.TempDir(), "snug.toml")
	if err := os.WriteFile(path, []byte("[log]\nlevel = \"warn\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckFile(path); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("[log]\nlevel = \"loud\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckFile(path); err == nil || !strings.HasPrefix(err.Error(), path+":2: log.level: ") {
		t.Errorf("got %v", err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60s": time.Minute, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "0s": 0, "250ms": 250 * time.Millisecond,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "d", "-1d", "1.5d", "1d36h", "1d-2h", "1dd", "99999999999d", "a day"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q was taken as %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(3650*24*time.Hour)).Draw(t, "d"))
		if back, err := ParseDuration(formatDuration(d)); err != nil || back != d {
			t.Fatalf("%v is written %q and read as %v, %v", d, formatDuration(d), back, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	f := Fields()[0]
	for _, good := range []string{"localhost:8000", ":8000", "0.0.0.0:80", "[::]:80", "[::1]:0", "[fe80::1%eth0]:80", "attic.local:65535"} {
		if _, err := f.parse(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "8000", "localhost", "localhost:", "localhost:http", "localhost:65536", "localhost:-1", "localhost:080", "::1:80", "http://localhost:80", "a b:80", "[x%y]:80"} {
		if _, err := f.parse(bad); err == nil {
			t.Errorf("%q was taken as an address", bad)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("[log]\nlevel = \"debug\"\n")
	f.Add("log.level = 1\n[server]\nnames = [1, {a = 2}]\n[[limits]]\n")
	f.Add("a = {b = {c = 1}}\n[a.b]\n\"\" = 1979-05-27")
	line := regexp.MustCompile(`^snug\.toml(:\d+)?: `)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := load(t, text, nil)
		if err == nil {
			return
		}
		for _, p := range err.(Problems) {
			if !line.MatchString(p.String()) {
				t.Errorf("a problem without a place: %s", p)
			}
		}
	})
}
