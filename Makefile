# What `make help` prints stands behind ## in the lines below.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
TOOL := go tool -modfile=tools/go.mod
# Two cores run the race detector, several Snugs and several browsers: the slowest package needs some minutes. A test that hangs longer is
# ended with the stacks of all its goroutines; a Snug that does not end, with those of its own.
PATIENCE ?= 20m
# The race detector watches this project and the libraries it shares memory with. SQLite, which is C translated to Go and locks by itself, and the loops of the password hash are compiled
# without it: it finds nothing there, and took four fifths of the tests' time. The binaries that tests build get the same flags.
RACE_FLAGS := -gcflags=modernc.org/...=-race=false -gcflags=golang.org/x/crypto/...=-race=false
# Who is no root can still run make test: it then says what was left out.
MAY_NETWORK := $(filter Linux-0,$(shell uname)-$(shell id -u))
NETWORK_TESTS := $(if $(MAY_NETWORK),network-tests,no-network-tests)

.PHONY: help test test-long check unit-tests network-tests no-network-tests takeover-test prepare build run bench vendor-js clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: prepare check unit-tests $(NETWORK_TESTS) ## everything that must hold before a change goes in: under 12 minutes on two cores

test-long: export SNUG_LONG = 1
test-long: PATIENCE = 90m
test-long: prepare check unit-tests $(NETWORK_TESTS) $(if $(MAY_NETWORK),takeover-test) ## the same tests with more kills, seeds and data

check: ## format, go vet, staticcheck, go.mod
	@echo "== gofumpt"
	unformatted=$$($(TOOL) gofumpt -l .)
	if [ -n "$$unformatted" ]; then
		echo "these files are not formatted; go tool -modfile=tools/go.mod gofumpt -w FILE does it:" >&2
		echo "$$unformatted" >&2
		exit 1
	fi
	# Both look at what the tests compile, so that a machine that has compiled nothing yet does so once. The tool itself needs no race detector.
	staticcheck=$$($(TOOL) -n staticcheck)
	export CGO_ENABLED=1 GOFLAGS="$$(go env GOFLAGS) $(RACE_FLAGS)"
	echo "== go vet"
	go vet -race -tags network ./...
	echo "== staticcheck"
	GOFLAGS="$$GOFLAGS -race" "$$staticcheck" -tags network ./...
	echo "== go mod tidy"
	go mod tidy -diff

unit-tests: ## go test alone, with the race detector
	@echo "== go test"
	CGO_ENABLED=1 GOFLAGS="$$(go env GOFLAGS) $(RACE_FLAGS)" go test -race -timeout $(PATIENCE) ./...

network-tests: ## nodes on networks that are cut, slow and healed again: Linux and root
	@echo "== go test, on networks of its own"
	# Most of their time they wait, so that more of them than there are cores fit beside each other.
	CGO_ENABLED=1 GOFLAGS="$$(go env GOFLAGS) $(RACE_FLAGS)" go test -race -tags network -run '^TestNetwork' -parallel 4 -timeout $(PATIENCE) .

takeover-test: export SNUG_LONG = 1
takeover-test: ## a million messages for a new node, in three minutes: without the race detector, as root
	@echo "== go test, a new node"
	go test -tags network -run '^TestNetworkNewNode' -timeout $(PATIENCE) -v .

no-network-tests:
	@echo "== NOT RUN: the tests on networks of their own, for which network namespaces have to be made. On Linux: sudo env PATH=\"\$$PATH\" make network-tests" >&2

prepare: # What a fresh machine lacks: curl for the examples of docs/api.md, Chromium for the browser tests and certutil to make it trust us, a C compiler for the race detector, ip for the
# network tests and what makes a disk that fails for them, the proxies of docs/proxy.md, and openssl.
	@missing=()
	command -v chromium >/dev/null || missing+=(chromium)
	command -v curl >/dev/null || missing+=(curl ca-certificates)
	command -v gcc >/dev/null || command -v clang >/dev/null || missing+=(gcc libc6-dev)
	[ "$$(uname)" != Linux ] || PATH="$$PATH:/usr/sbin:/sbin" command -v ip >/dev/null || missing+=(iproute2)
	[ "$$(uname)" != Linux ] || PATH="$$PATH:/usr/sbin:/sbin" command -v mkfs.ext4 >/dev/null || missing+=(e2fsprogs)
	[ "$$(uname)" != Linux ] || PATH="$$PATH:/usr/sbin:/sbin" command -v losetup >/dev/null || missing+=(mount)
	command -v certutil >/dev/null || missing+=(libnss3-tools)
	command -v openssl >/dev/null || missing+=(openssl)
	PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || missing+=(nginx-light)
	command -v caddy >/dev/null || missing+=(caddy)
	[ $${#missing[@]} -gt 0 ] || exit 0
	echo "== installing what the tests need: $${missing[*]}"
	if ! command -v apt-get >/dev/null; then
		echo "this is no Debian: install these by hand and run make test again" >&2
		exit 1
	fi
	root=()
	if [ "$$(id -u)" -ne 0 ]; then root=(sudo); fi
	"$${root[@]}" apt-get update -q
	"$${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$${missing[@]}"
	# Their packages start them on port 80; the tests run them by themselves.
	for service in nginx-light caddy; do
		if [ -d /run/systemd/system ] && [[ " $${missing[*]} " == *" $$service "* ]]; then
			"$${root[@]}" systemctl disable --now "$${service%-light}"
		fi
	done

build: ## the binary, ./snug: static, for any Linux of this architecture
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o snug .

run: ## the server, as go run . does
	go run .

bench: ## the Go benchmarks; bench/README.md tells how to load a whole server
	go test -run '^$$' -bench . -benchmem ./...

vendor-js: ## the front end's libraries, checked against their sums; --update in scripts/vendor-js.sh takes new ones
	scripts/vendor-js.sh

clean: ## removes what build made
	rm -f snug
