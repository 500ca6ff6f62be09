package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"snug/account"
	"snug/cert"
	"snug/chat"
	"snug/config"
	"snug/layer"
	"snug/presence"
	"snug/store"
	"snug/web"
)

// node is a running Snug: its parts in the order in which they are opened. They are closed in reverse.
type node struct {
	store    *store.Store
	cluster  *clusterNode  // nil: this node is alone
	layer    *layer.Memory // of this node; package chat publishes on it, see openLayer
	presence *presence.Tracker
	accounts *account.Accounts
	chat     *chat.Chat
	web      *web.Server

	certificates cert.Source // nil: plain HTTP
	listeners    []net.Listener
	plain        []net.Listener // beside those with TLS
	http         *http.Server
	redirect     *http.Server // answers on plain; nil: there is none

	setup  string // the token that makes the first admin, "" if there is one
	logger *slog.Logger
	config *config.Config
	closes []func() error // what was opened last is last
}

// open makes every part ready. Nothing is answered before run.
func open(ctx context.Context, c *config.Config, logger *slog.Logger) (n *node, err error) {
	n = &node{logger: logger, config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.store, err = openStore(ctx, c, logger); err != nil {
		return n, err
	}
	n.closes = append(n.closes, n.store.Close)

	if c.Cluster.Enabled {
		if err = n.openCluster(ctx); err != nil {
			return n, err
		}
	}
	common := n.openLayer()
	n.presence = presence.New(presence.Options{Linger: linger(c.Presence.Linger), Port: n.port("presence")})
	n.onClose(n.presence.Close)

	sites, err := issuers(c)
	if err != nil {
		return n, err
	}
	n.accounts = account.New(n.store, account.Options{
		LoginsPerMinute: c.Limits.LoginsPerMinute, SignupsPerHour: c.Limits.SignupsPerHour,
		Admission:   account.Admission(c.Accounts.Signup),
		SessionIdle: c.Accounts.SessionIdle, SessionLife: c.Accounts.SessionLife, SessionsPerUser: c.Limits.SessionsPerUser, Issuers: sites,
		AuditKeep: c.Accounts.AuditKeep, Node: nodeName(c),
		Port: n.port("accounts"), Logger: logger,
	})
	n.onClose(n.accounts.Close)
	if err = n.fixRelyingParty(ctx); err != nil {
		return n, err
	}
	if n.setup, err = n.firstAdmin(ctx); err != nil {
		return n, fmt.Errorf("make the link for the first admin: %w", err)
	}

	n.chat = chat.New(n.store, n.layer, n.presence, chat.Options{
		MaxMessage: c.Limits.MessageCharacters, RoomsPerHour: c.Limits.RoomsPerHour, NameKey: account.Key,
		Common: common, Confirm: n.confirm(), Audit: noteChat(n.accounts), Logger: logger,
	})
	n.onClose(n.chat.Close)
	n.replicate() // when everybody who follows the store does

	if err = n.openTLS(ctx); err != nil {
		return n, err
	}
	carried, err := fs.Sub(files, "web")
	if err != nil {
		return n, err
	}
	n.web, err = web.New(web.Options{
		Files: carried, Accounts: n.accounts, Chat: n.chat, Presence: n.presence, Layer: common,
		Limits: web.Limits{
			Sockets:           c.Limits.Sockets,
			SocketsPerAddress: c.Limits.SocketsPerAddress, SocketsPerUser: c.Limits.SocketsPerUser,
			MessagesPerSecond: c.Limits.MessagesPerSecond, CallsPerMinute: c.Limits.APIPerMinute, FrameBytes: int64(c.Limits.FrameBytes),
			QueueBytes: c.Limits.QueueBytes, QueueFrames: c.Limits.QueueFrames, GroupExpiry: c.Layer.GroupExpiry,
		},
		Names: names(c), Origins: c.Auth.Origins, Proxies: proxies(c), HSTS: hsts(&c.TLS), Authority: n.root, Version: programVersion(), Ready: n.store.Ready, Cluster: n.clusterPage(), Nodes: n.pageNodes(), Logger: logger,
	})
	if err != nil {
		return n, err
	}
	// For a node that never ran; stop has done it otherwise.
	n.closes = append(n.closes, func() error { return n.web.Shutdown(context.WithoutCancel(ctx)) })

	if err = n.openHTTP(ctx); err != nil {
		return n, err
	}
	if err = n.announce(); err != nil {
		return n, err
	}
	n.openControl()
	return n, nil
}

// firstAdmin makes the token for the first admin. A node that has joined others and has no accounts yet makes none: they may have an admin.
func (n *node) firstAdmin(ctx context.Context) (token string, err error) {
	if fresh, err := n.hasJoined(ctx); fresh || err != nil {
		return "", err
	}
	return n.accounts.Setup(ctx)
}

// close undoes what open did, as far as it came. It flushes what was written.
func (n *node) close() error {
	var errs []error
	for i := len(n.closes) - 1; i >= 0; i-- {
		errs = append(errs, n.closes[i]())
	}
	n.closes = nil
	return errors.Join(errs...)
}

func (n *node) onClose(f func()) {
	n.closes = append(n.closes, func() error { f(); return nil })
}

// linger is what the tracker takes for it: its zero means the default, and ours means none.
func linger(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// issuers are the sites whose tokens open sockets.
func issuers(c *config.Config) (*account.Issuers, error) {
	var all []account.Issuer
	for _, j := range c.Auth.JWT {
		all = append(all, account.Issuer{
			Name: j.Name, Key: j.Key, Iss: j.Issuer, Aud: j.Audience, UsernameClaim: j.UsernameClaim, CreateUsers: j.CreateUsers,
		})
	}
	return account.NewIssuers(all)
}

// names are the host names under which browsers may open Snug: those of the configuration, that of the address to listen on, and the machine's
// own, alone and as multicast DNS announces it.
func names(c *config.Config) []string {
	all := append([]string(nil), c.Server.Names...)
	if host, _, err := net.SplitHostPort(c.Server.Listen); err == nil && host != "" {
		all = append(all, host)
	}
	if u, err := url.Parse(c.Cluster.URL); err == nil && u.Hostname() != "" {
		all = append(all, u.Hostname())
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		all = append(all, host)
		if !strings.Contains(host, ".") {
			all = append(all, host+".local")
		}
	}
	return all
}

// nodeName is what people call this node.
func nodeName(c *config.Config) string {
	if c.Cluster.Name != "" {
		return c.Cluster.Name
	}
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}

// noteChat keeps in the audit log what package chat notes.
func noteChat(accounts *account.Accounts) func(context.Context, chat.AuditNote) {
	return func(ctx context.Context, note chat.AuditNote) {
		accounts.Audit(ctx, account.Event{Kind: note.Kind, Actor: note.Actor, Target: note.Target, Detail: note.Detail})
	}
}

// proxies are those before this node.
func proxies(c *config.Config) web.Proxies {
	p := web.Proxies{Standard: c.Server.ProxyHeader == "forwarded"}
	for _, text := range c.Server.TrustedProxies {
		if network, err := config.ParseNetwork(text); err == nil { // the configuration takes no others
			p.Trusted = append(p.Trusted, network)
		}
	}
	return p
}
