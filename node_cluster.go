package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"snug/cluster"
	"snug/layer"
	"snug/layer/mesh"
	"snug/replica"
	"snug/store"
	"snug/web"
)

// leaveWait is how long a node that stops may take to say goodbye. Those who do not hear it notice by themselves.
const leaveWait = 2 * time.Second

// clusterNode is what a node has only where it is one of several.
type clusterNode struct {
	mesh    *cluster.Mesh
	replica *replica.Replica
	store   *store.Store
}

// openCluster takes part in the cluster. The first node of a cluster makes its secret; one that was given seeds is not the first, and without the secret
// of those it would only be a second cluster. Nor is one that has met others before.
func (n *node) openCluster(ctx context.Context) error {
	c := n.config.Cluster
	opts := cluster.Options{
		Dir: n.config.Server.Data, Bind: c.Bind, Advertise: c.Advertise, Seeds: c.Seeds, Discover: c.Discover, Name: c.Name,
		Version: programVersion(), Ails: ails(n.store), Logger: n.logger,
	}
	m, err := cluster.Open(ctx, opts)
	if errors.Is(err, cluster.ErrNoSecret) && len(c.Seeds) == 0 {
		if err = cluster.CreateSecret(opts.Dir); err == nil {
			n.logger.Info("a new cluster begins with this node; snug invite lets others join")
			m, err = cluster.Open(ctx, opts)
		}
	}
	if err != nil {
		return adviseCluster(err)
	}
	stored := rows{n.store, n.logger}
	opt := replica.Options{Logger: n.logger, Calm: c.Acknowledge != "peer"}
	n.cluster = &clusterNode{mesh: m, replica: replica.New(m.Port("replica"), stored, opt), store: n.store}
	n.closes = append(n.closes, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), leaveWait)
		defer cancel()
		if err := m.Leave(ctx); err != nil && !errors.Is(err, cluster.ErrClosed) {
			n.logger.Warn("the other nodes were not told that this one stops", "error", err)
		}
		return m.Close()
	})
	// What is written here goes to the others first: whoever else follows the store has to wait for the disk, and may have to for slow readers.
	n.onClose(n.store.WatchEarly(stored.committed(n.cluster.replica)))
	return nil
}

// ails tells the other nodes why nothing can be stored on this one.
func ails(st *store.Store) func() cluster.TroubleKind {
	return func() cluster.TroubleKind {
		trouble := st.Trouble()
		for _, c := range []struct {
			why  error
			kind cluster.TroubleKind
		}{
			{store.ErrDiskFull, cluster.DiskFull},
			{store.ErrLost, cluster.DiskLost},
			{store.ErrFailing, cluster.DiskFails},
			{store.ErrNotWritable, cluster.NotWritable},
			{store.ErrBusy, cluster.DatabaseBusy},
		} {
			if errors.Is(trouble, c.why) {
				return c.kind
			}
		}
		return cluster.NoTrouble
	}
}

// adviseCluster adds what to do to what an operator can mend.
func adviseCluster(err error) error {
	advice := ""
	switch {
	case errors.Is(err, cluster.ErrNoSecret):
		advice = "run snug invite on a node of the cluster, and here what it prints; the first node of a new cluster starts without cluster.seeds"
	case errors.Is(err, cluster.ErrAdvertise):
		advice = "write in cluster.advertise at which address the other nodes reach this one, or correct the name service"
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EINVAL), isUnknownHost(err):
		advice = "this machine has no such address: write one that it has in cluster.bind, or 0.0.0.0:7846 for all of them"
	default:
		if advice = adviseListen(err, "cluster.bind"); advice == "" {
			return fmt.Errorf("take part in the cluster: %w", err)
		}
	}
	return fmt.Errorf("take part in the cluster: %v: %s", err, advice) //nolint:errorlint // what else is said of such errors is about server.listen
}

// port is a share of the links to the other nodes, nil for a node that is alone.
func (n *node) port(name string) mesh.Port {
	if n.cluster == nil {
		return nil
	}
	return n.cluster.mesh.Port(name)
}

// openLayer makes the layer of this node, and returns the one that all nodes have in common. What package chat tells goes to the first: every node hears
// of rows by replication and of people by its own copy of who is present, and tells its own sockets, so that nothing is told twice. Only who is typing
// is known in no other way, and goes to the second.
func (n *node) openLayer() layer.Layer {
	c := n.config.Layer
	n.layer = layer.NewMemory(layer.Options{Capacity: c.Capacity, Expiry: c.Expiry, GroupExpiry: c.GroupExpiry})
	if n.cluster == nil {
		n.closes = append(n.closes, n.layer.Close)
		return n.layer
	}
	gossip := layer.NewGossip(n.layer, n.cluster.mesh.PromptPort("layer"))
	n.closes = append(n.closes, gossip.Close)
	return gossip
}

// replicate keeps the stores of all nodes equal, until it is closed.
func (n *node) replicate() {
	if n.cluster == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.cluster.replica.Run(ctx); err != nil && ctx.Err() == nil {
			n.logger.Error("what is written is not shared with the other nodes any more", "error", err)
		}
	}()
	n.onClose(func() {
		cancel()
		<-done
	})
}

// confirm waits for another node to have what was written, where the configuration says so.
func (n *node) confirm() func(context.Context, store.Origin) bool {
	c := n.config.Cluster
	if n.cluster == nil || c.Acknowledge != "peer" {
		return nil
	}
	return func(ctx context.Context, written store.Origin) bool {
		ctx, cancel := context.WithTimeout(ctx, c.AcknowledgeTimeout)
		defer cancel()
		return n.cluster.replica.Wait(ctx, replica.Feed(written.Feed), written.Seq) == nil
	}
}

// clusterPage is what makes the page of administrators; nil for a node that is alone.
func (n *node) clusterPage() func(context.Context) (web.ClusterView, error) {
	if n.cluster == nil {
		return nil
	}
	return n.viewCluster
}

// hasOthers reports whether there are other nodes, here now or not.
func (c *clusterNode) hasOthers() bool {
	return c != nil && len(c.mesh.Members()) > 1
}

// list is the cluster as this node sees it.
func (c *clusterNode) list(ctx context.Context) (memberList, error) {
	list := memberList{Trouble: c.mesh.Trouble().Text, Rotation: c.rotation(), Members: []memberInfo{}}
	linked := map[string]replica.PeerStatus{}
	for _, p := range c.replica.Status() {
		linked[p.Peer] = p
	}
	for _, m := range c.mesh.Members() {
		info := infoOf(m)
		if p, ok := linked[m.ID]; ok {
			info.RowsBehind, info.RowsAhead = &p.Ahead, &p.Behind
			info.FramesNewer = p.Frames.Newer
			info.FramesBad += p.Frames.Bad
		}
		list.Members = append(list.Members, info)
	}
	aside, err := c.store.Aside(ctx)
	list.Aside = aside.Strange + aside.Early + aside.Damaged
	list.RowsNewer, list.RowsEarly, list.RowsDamaged = aside.Strange, aside.Early, aside.Damaged
	return list, err
}

// rotation is how far the replacement of the secret is, nil if there is none.
func (c *clusterNode) rotation() *rotation {
	state := c.mesh.Rotation()
	if state.Stage == "" {
		return nil
	}
	r := &rotation{Stage: string(state.Stage), Waiting: []string{}}
	names := map[string]string{}
	for _, m := range c.mesh.Members() {
		names[m.ID] = m.Name
	}
	for _, id := range state.Waiting {
		r.Waiting = append(r.Waiting, names[id])
	}
	return r
}

func infoOf(m cluster.Member) memberInfo {
	const perMillisecond = float64(time.Millisecond)
	return memberInfo{
		ID: m.ID, Name: m.Name, Address: m.Addr, Version: m.Version, Self: m.Self, State: string(m.State), Since: m.Since,
		RoundTripMS: float64(m.RTT) / perMillisecond, ClockMS: float64(m.ClockDiff) / perMillisecond,
		QueueBytes: m.QueuedBytes, QueueFrames: m.QueuedFrames, FramesBad: m.FramesBad, TroubleKind: string(m.Trouble.Kind), Trouble: m.Trouble.Text,
	}
}
