package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func opened(t *testing.T, address string) []net.Listener {
	t.Helper()
	listeners, err := listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, l := range listeners {
			l.Close()
		}
	})
	return listeners
}

func TestLocalhostIsBothOfItsAddresses(t *testing.T) {
	t.Parallel()
	listeners := opened(t, "localhost:0")
	port := portOf(listeners[0])
	for _, l := range listeners {
		if a := l.Addr().(*net.TCPAddr); a.Port != port || !a.IP.IsLoopback() {
			t.Errorf("listens on %v, want a loopback address with port %d", a, port)
		}
	}
	if isOpen(listeners) {
		t.Error("localhost counts as open to others")
	}
	_, err := listen(t.Context(), fmt.Sprintf("localhost:%d", port))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second time: %v, want that the address is in use", err)
	}
}

func TestLocalhostIsInUseIfOneOfItsAddressesIs(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Logf("this machine has no IPv6: %v", err)
		return
	}
	defer other.Close()
	_, err = listen(t.Context(), fmt.Sprintf("localhost:%d", portOf(other)))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want that the address is in use", err)
	}
}

func TestPlacesAreAddressesThatOpen(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "localhost:0", "127.0.0.1:0"} {
		listeners := opened(t, address)
		server := &http.Server{Handler: http.NotFoundHandler()}
		for _, l := range listeners {
			go server.Serve(l) // ends with the test
		}
		all, err := places("http", address, portOf(listeners[0]))
		if err != nil || len(all) == 0 {
			t.Fatalf("%s: %v, %v", address, all, err)
		}
		for _, p := range all {
			if strings.Contains(p.url, "0.0.0.0") || strings.Contains(p.url, "[::]") {
				t.Errorf("%s is printed as %s, which is no place", address, p)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Errorf("%s is printed as %s, which does not open: %v", address, p, err)
				continue
			}
			response.Body.Close()
		}
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenAddressesAreKnown(t *testing.T) {
	t.Parallel()
	if !isOpen(opened(t, ":0")) {
		t.Error("every interface does not count as open to others")
	}
	if isOpen(opened(t, "127.0.0.1:0")) {
		t.Error("the loopback interface counts as open to others")
	}
}
