package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestTLSThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"mode":             {"[tls]\nmode = \"on\"\n", `snug.toml:2: tls.mode: must be "off" or "files" or "acme" or "internal"; it is "on"`},
		"nobody said so":   {"[tls]\ncert = \"a.pem\"\n", `snug.toml:2: tls.mode: must be said where there is tls.cert: `},
		"redirect of none": {"[tls]\nhttp_listen = \":80\"\n", `snug.toml:2: tls.mode: must be said where there is tls.http_listen: `},
		"no key":           {"[tls]\nmode = \"files\"\ncert = \"a.pem\"\n", `snug.toml:2: tls.key: must be given with tls.mode = "files"`},
		"no certificate":   {"[tls]\nmode = \"files\"\nkey = \"a.pem\"\n", `snug.toml:2: tls.cert: must be given with tls.mode = "files"`},
		"no name":          {"[tls]\nmode = \"acme\"\n", `snug.toml:2: server.names: must have a public name with tls.mode = "acme"`},
		"no public name":   {"[server]\nnames = [\"attic\", \"attic.local\", \"10.0.0.1\"]\n[tls]\nmode = \"acme\"\n", `snug.toml:2: server.names: must have a public name`},
		"one address":      {"[server]\nlisten = \":80\"\n[tls]\nmode = \"internal\"\nhttp_listen = \":80\"\n", `snug.toml:5: tls.http_listen: must be another address than server.listen`},
		"no port":          {"[tls]\nmode = \"internal\"\nhttp_listen = \"80\"\n", `snug.toml:3: tls.http_listen: must be an address with a port`},
		"plain directory":  {"[tls]\nacme_directory = \"http://ca.example/\"\n", `snug.toml:2: tls.acme_directory: must be an https address`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.file, nil)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestTLSThatWorks(t *testing.T) {
	for name, file := range map[string]string{
		"kept for later": "[tls]\nmode = \"off\"\ncert = \"a.pem\"\nhttp_listen = \":80\"\n",
		"internal":       "[tls]\nmode = \"internal\"\nhttp_listen = \":80\"\n",
		"any free ports": "[server]\nlisten = \":0\"\n[tls]\nmode = \"internal\"\nhttp_listen = \":0\"\n",
		"acme":           "[server]\nnames = [\"Chat.Example.\", \"attic.local\"]\n[tls]\nmode = \"acme\"\nacme_directory = \"http://127.0.0.1:9/directory\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			e, err := load(t, file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if name == "acme" {
				if got := e.TLS.ACMENames(e.Server.Names); len(got) != 1 || got[0] != "chat.example" {
					t.Errorf("certificates are had for %v", got)
				}
			}
		})
	}
}

func TestRelativeCertificatesBeginWhereTheFileIs(t *testing.T) {
	e, err := load(t, "[tls]\nmode = \"files\"\ncert = \"a.pem\"\nkey = \"/etc/snug/a.key\"\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.TLS.Cert != filepath.Join(filepath.Dir(e.File), "a.pem") || e.TLS.Key != "/etc/snug/a.key" {
		t.Errorf("cert %q, key %q of %s", e.TLS.Cert, e.TLS.Key, e.File)
	}
	e, err = load(t, "", []string{"SNUG_TLS_MODE=files", "SNUG_TLS_CERT=a.pem", "SNUG_TLS_KEY=b.pem"})
	if err != nil || e.TLS.Cert != "a.pem" {
		t.Errorf("from the environment: %q, %v", e.TLS.Cert, err)
	}
}
