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
