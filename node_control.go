package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"snug/account"
	"snug/cluster"
	"snug/control"
	"snug/web"
)

// errAlone answers whoever asks about a cluster where there is none.
var errAlone = errors.New("this Snug runs alone: write enabled = true under [cluster] in its configuration and start it again " +
	"(snug config print tells which file it reads)")

// errHasLeft answers whoever wants to change a cluster on a node that has left it.
var errHasLeft = errors.New("this node has left the cluster and goes on alone until its next start: ask another node, or start this one again")

// inCluster says why this node can change nothing of a cluster, if so.
func (n *node) inCluster() error {
	switch {
	case n.cluster == nil:
		return errAlone
	case n.cluster.mesh.Members()[0].State == cluster.Left: // the first one is this node
		return errHasLeft
	}
	return nil
}

// openControl lets commands in. Without it everything works but they, so it never stops a start.
func (n *node) openControl() {
	server, err := control.Listen(n.config.Server.Data, n.handlers(), n.logger)
	if err != nil {
		n.logger.Warn("commands such as snug members cannot reach this server", "error", err)
		return
	}
	n.closes = append(n.closes, server.Close)
}

func (n *node) handlers() control.Handlers {
	handlers := n.office().handlers()
	maps.Copy(handlers, control.Handlers{
		"invite":      control.Handle(n.invite),
		"members":     control.Handle(n.listMembers),
		"leave":       control.Handle(n.leaveCluster),
		"forget":      control.Handle(n.forgetMember),
		"rotate":      control.Handle(n.rotateSecret),
		"tls-replace": control.Handle(n.replaceAuthority),
	})
	return handlers
}

// office is where commands change people and rooms while this node runs.
func (n *node) office() *office {
	o := &office{accounts: n.accounts, chat: n.chat, store: n.store}
	if all, err := n.places(); err == nil {
		o.addresses = urls(all)
	}
	return o
}

// note keeps in the audit log what a command did.
func (n *node) note(ctx context.Context, kind, detail string) {
	n.accounts.Audit(ctx, account.Event{Kind: kind, Detail: detail})
}

func (n *node) invite(ctx context.Context, in inviteRequest) (invitation, error) {
	if err := n.inCluster(); err != nil {
		return invitation{}, err
	}
	ttl := time.Duration(in.Seconds) * time.Second
	if ttl < minInvitation || ttl > maxInvitation {
		return invitation{}, fmt.Errorf("an invitation is good for %v to %v", minInvitation, maxInvitation)
	}
	expires := time.Now().Add(ttl)
	token, err := n.cluster.mesh.Invite(ttl)
	if err != nil {
		return invitation{}, err
	}
	n.note(ctx, account.EventClusterInvited, "good until "+expires.UTC().Format(time.RFC3339))
	return invitation{Token: token, Expires: expires}, nil
}

func (n *node) listMembers(ctx context.Context, _ any) (memberList, error) {
	if n.cluster == nil {
		return memberList{}, errAlone
	}
	return n.cluster.list(ctx)
}

func (n *node) leaveCluster(ctx context.Context, _ any) (any, error) {
	if err := n.inCluster(); err != nil {
		return nil, err
	}
	n.note(ctx, account.EventClusterLeft, "")
	return nil, n.cluster.mesh.Leave(ctx)
}

func (n *node) forgetMember(ctx context.Context, in forgetRequest) (memberInfo, error) {
	if err := n.inCluster(); err != nil {
		return memberInfo{}, err
	}
	m, err := find(n.cluster.mesh.Members(), in.Node)
	if err != nil {
		return memberInfo{}, err
	}
	switch {
	case m.Self:
		return memberInfo{}, errors.New("that is this node itself: snug leave says goodbye to the others")
	case m.State == cluster.Alive:
		return memberInfo{}, fmt.Errorf("%s is alive, and would be back at once: stop it first", m.Name)
	}
	err = n.cluster.mesh.Forget(m.ID)
	if errors.Is(err, cluster.ErrAlive) {
		return memberInfo{}, fmt.Errorf("%s was there a moment ago: try again when snug members shows that it is dead", m.Name)
	}
	if err != nil {
		return memberInfo{}, err
	}
	n.note(ctx, account.EventClusterForgot, fmt.Sprintf("%s (%s)", m.Name, m.ID))
	return infoOf(m), nil
}

func (n *node) rotateSecret(ctx context.Context, _ any) (rotation, error) {
	if err := n.inCluster(); err != nil {
		return rotation{}, err
	}
	if err := n.cluster.mesh.Rotate(); err != nil {
		return rotation{}, err
	}
	n.note(ctx, account.EventClusterRotated, "")
	if state := n.cluster.rotation(); state != nil {
		return *state, nil
	}
	return rotation{}, nil
}

// viewCluster is the cluster for the page of administrators.
func (n *node) viewCluster(ctx context.Context) (web.ClusterView, error) {
	list, err := n.cluster.list(ctx)
	if err != nil {
		return web.ClusterView{}, err
	}
	view := web.ClusterView{Notes: list.notes()}
	for _, m := range list.Members {
		view.Members = append(view.Members, m.view())
	}
	return view, nil
}

// find is the member that somebody means: by its id, the beginning of it, or its name if only one has it.
func find(all []cluster.Member, node string) (cluster.Member, error) {
	var found []cluster.Member
	for _, m := range all {
		if m.ID != "" && (m.Name == node || (len(node) >= 4 && strings.HasPrefix(m.ID, strings.ToLower(node)))) {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return cluster.Member{}, fmt.Errorf("there is no node %q: snug members lists them", node)
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, m := range found {
		ids[i] = m.ID
	}
	slices.Sort(ids)
	return cluster.Member{}, fmt.Errorf("%q may be any of %s: say which by its id", node, strings.Join(ids, ", "))
}
