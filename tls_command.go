package main

import (
	"flag"
	"fmt"
	"io"
)

func tlsFingerprint(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, _ []string) error {
		var a authorityAnswer
		if err := askOffice(p, settings, "tls", nil, &a); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.out, a.Fingerprint)
		return err
	}
}

func tlsRoot(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, _ []string) error {
		var a authorityAnswer
		if err := askOffice(p, settings, "tls", nil, &a); err != nil {
			return err
		}
		_, err := io.WriteString(p.out, a.PEM)
		return err
	}
}

func tlsReplace(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, _ []string) error {
		var a authorityAnswer
		if err := ask(p, settings, "tls-replace", nil, &a); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "There is another certificate authority. Every device has to install it from ca/ again, with the fingerprint\n%s\n", a.Fingerprint)
		return err
	}
}
