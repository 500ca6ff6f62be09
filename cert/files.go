package cert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is how often files are looked at. It is short because whoever replaces them waits to see it work.
	lookEvery = 5 * time.Second
	// warnBefore is how long before its end a certificate that nobody has replaced is told of.
	warnBefore = 14 * 24 * time.Hour
	// warnEvery is how often.
	warnEvery = 24 * time.Hour
	// maxFile is the largest file with certificates or a key that is read, in bytes.
	maxFile = 1 << 20
)

// Files is a certificate and its key in two files, as PEM.
type Files struct {
	cert, key string
	logger    *slog.Logger
	current   atomic.Pointer[pair]

	// What follows is Run's alone.
	broken *pair // what could not be used at the last look
	said   bool  // it is in the log
	warned time.Time
}

// pair is what was read, and what it is.
type pair struct {
	cert, key []byte
	made      *tls.Certificate // nil: it cannot be used
}

func (p *pair) equal(other *pair) bool {
	return other != nil && bytes.Equal(p.cert, other.cert) && bytes.Equal(p.key, other.key)
}

// OpenFiles reads the two files, which must fit together.
func OpenFiles(cert, key string, logger *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, logger: logger}
	p, err := f.read()
	if err != nil {
		return nil, err
	}
	f.current.Store(p)
	f.warn()
	return f, nil
}

// GetCertificate implements [Source].
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load().made, nil
}

// Leaf is the certificate that is in use.
func (f *Files) Leaf() *x509.Certificate { return f.current.Load().made.Leaf }

// Run implements [Source].
func (f *Files) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.look()
			f.warn()
		}
	}
}

// look takes what the files hold, if it is new and good. Whoever replaces two files does it one after the other, so what does not fit is
// looked at once more before anything is said.
func (f *Files) look() {
	p, err := f.read()
	switch {
	case p.equal(f.current.Load()):
		f.broken = nil
	case err == nil:
		f.broken, f.warned = nil, time.Time{}
		f.current.Store(p)
		f.logger.Info("the new certificate is in use", "file", f.cert, "expires", p.made.Leaf.NotAfter)
	case !p.equal(f.broken):
		f.broken, f.said = p, false
	case !f.said:
		f.said = true
		f.logger.Error("the new certificate cannot be used, the old one goes on", "error", err, "old_expires", f.Leaf().NotAfter)
	}
}

// read is what the files hold. The pair is never nil.
func (f *Files) read() (*pair, error) {
	p := &pair{}
	var errCert, errKey error
	p.cert, errCert = readFile(f.cert)
	p.key, errKey = readFile(f.key)
	if err := errors.Join(errCert, errKey); err != nil {
		return p, err
	}
	made, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		return p, fmt.Errorf("use certificate %s with key %s: %w", f.cert, f.key, err)
	}
	p.made = &made
	return p, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s: larger than %d bytes, so no certificate or key", path, maxFile)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// warn tells that the certificate ends soon, once a day.
func (f *Files) warn() {
	now, leaf := time.Now(), f.Leaf()
	if leaf.NotAfter.Sub(now) > warnBefore || now.Sub(f.warned) < warnEvery {
		return
	}
	f.warned = now
	f.logger.Warn("the certificate expires soon or has expired: browsers refuse it then", "file", f.cert, "expires", leaf.NotAfter)
}
