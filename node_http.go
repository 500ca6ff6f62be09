package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"

	"snug/cert"
)

// maxStreams is how many requests one connection of HTTP/2 may have open: more than a page of ours asks for at once.
const maxStreams = 100

// openHTTP listens, and makes what answers. Nothing is answered before run.
func (n *node) openHTTP(ctx context.Context) (err error) {
	c := n.config
	if n.listeners, err = listen(ctx, c.Server.Listen); err != nil {
		return err
	}
	n.onClose(func() { closeAll(n.listeners) })
	n.http = n.server(ctx, n.web)
	n.closes = append(n.closes, n.stop)
	if n.certificates == nil {
		return nil
	}
	n.http.TLSConfig = cert.Config(n.certificates)
	n.http.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams}
	if c.TLS.HTTPListen != "" {
		if n.plain, err = listen(ctx, c.TLS.HTTPListen); err != nil {
			//nolint:errorlint // what else is said of such errors is about server.listen
			return fmt.Errorf("listen for plain HTTP: %v: stop the program that listens there, or choose another address with tls.http_listen", err)
		}
		n.onClose(func() { closeAll(n.plain) })
		toTLS := n.web.ToTLS(portOf(n.listeners[0]))
		if acme, ok := n.certificates.(*cert.ACME); ok {
			toTLS = acme.Challenges(toTLS)
		}
		n.redirect = n.server(ctx, toTLS)
	}
	// When it listens: a public authority looks at once.
	n.background(n.certificates.Run)
	return nil
}

// server is an HTTP server with the limits of the configuration.
func (n *node) server(ctx context.Context, h http.Handler) *http.Server {
	c := n.config.Limits
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: c.HeaderTimeout,
		ReadTimeout:       c.RequestTimeout,
		WriteTimeout:      c.RequestTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    c.HeaderBytes,
		ErrorLog:          log.New(serverLog{n.logger}, "", 0),
		// What a request still does when Snug is told to stop, it may finish: stop cuts it off in the end.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}

// serverLog takes what the HTTP server says. Handshakes that fail are as many as strangers like, and those who ask for a certificate that
// cannot be had are told of elsewhere.
type serverLog struct{ logger *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	l.logger.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}

// background runs something until the node closes.
func (n *node) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	n.onClose(func() {
		cancel()
		<-done
	})
}

// run answers until ctx ends or a listener breaks. Close follows in either case.
func (n *node) run(ctx context.Context) error {
	broken := make(chan error, len(n.listeners)+len(n.plain))
	for _, l := range n.listeners {
		go func() {
			if n.certificates != nil {
				broken <- n.http.ServeTLS(l, "", "")
				return
			}
			broken <- n.http.Serve(l)
		}()
	}
	for _, l := range n.plain {
		go func() { broken <- n.redirect.Serve(l) }()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-broken:
		return fmt.Errorf("answer on %s: %w", n.config.Server.Listen, err)
	}
}

// stop takes no more connections, tells the sockets to come back and lets requests finish.
func (n *node) stop() error {
	n.presence.Retire() // before clients are waited for, who may be slow to answer, or never do
	ctx, cancel := context.WithTimeout(context.Background(), n.config.Server.ShutdownTimeout)
	defer cancel()
	quiet := make(chan error, 1)
	go func() { quiet <- n.http.Shutdown(ctx) }()
	err := n.web.Shutdown(ctx)
	if n.redirect != nil {
		err = errors.Join(err, n.redirect.Close()) // who is led elsewhere can ask again
	}
	if errHTTP := <-quiet; errHTTP != nil {
		n.logger.Warn("requests were cut off", "after", n.config.Server.ShutdownTimeout)
		err = errors.Join(err, n.http.Close())
	}
	return err
}

// closeAll is for a node that never ran; stop has closed them otherwise.
func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // it may be closed already, and there is nothing to lose
	}
}
