package main

import (
	"context"
	"slices"

	"snug/config"
)

// fixRelyingParty decides for which name browsers make passkeys here, once. A node that has joined others leaves it to
// them.
func (n *node) fixRelyingParty(ctx context.Context) error {
	fresh, err := n.hasJoined(ctx)
	if err != nil {
		return err
	}
	return n.accounts.FixRelyingParty(ctx, n.config.Auth.RPID, relyingParty(n.config), fresh)
}

// relyingParty is the name that passkeys are made for if nobody says one: the first that was given to this place. The
// machine's own name is not taken, for every node of a cluster has another.
func relyingParty(c *config.Config) string {
	if i := slices.IndexFunc(c.Server.Names, config.IsParty); i >= 0 {
		return c.Server.Names[i]
	}
	return ""
}

// hasJoined reports whether this node has nothing yet of what the others have.
func (n *node) hasJoined(ctx context.Context) (bool, error) {
	if !n.cluster.hasOthers() {
		return false, nil
	}
	people, err := n.accounts.Count(ctx)
	return people == 0, err
}
