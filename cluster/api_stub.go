package cluster

import (
	"context"
	"time"

	"snug/layer/mesh"
)

type protocolRange struct{ min, max int }

// Mesh is this node's part in a cluster. Its methods may be called from any goroutine.
type Mesh struct{}

// Open starts taking part in the cluster.
func Open(ctx context.Context, opts Options) (*Mesh, error) { return nil, nil }

// ID is the id of this node.
func (m *Mesh) ID() string { return "" }

// Addr is where others reach this node.
func (m *Mesh) Addr() string { return "" }

// Port is the port of this name; the same one for the same name.
func (m *Mesh) Port(name string) mesh.Port { return nil }

// Members are all nodes ever seen and not forgotten, this one first, and the seeds that have not answered.
func (m *Mesh) Members() []Member { return nil }

// Trouble is what is wrong with this node itself.
func (m *Mesh) Trouble() Trouble { return Trouble{} }

// Watch has fn called after something of Members changed.
func (m *Mesh) Watch(fn func()) (stop func()) { return func() {} }

// Key is 32 bytes derived from the cluster's secret for a purpose.
func (m *Mesh) Key(purpose string) []byte { return nil }

// Forget takes a node that will not return off the list, on every node that is linked now.
func (m *Mesh) Forget(id string) error { return nil }

// Leave says goodbye to the others; then only Close is left to do.
func (m *Mesh) Leave(ctx context.Context) error { return nil }

// Close ends taking part, without a goodbye unless Leave came before.
func (m *Mesh) Close() error { return nil }

// Invite makes a token that lets one machine join within ttl.
func (m *Mesh) Invite(ttl time.Duration) (token string, err error) { return "", nil }

// Rotate replaces the secret.
func (m *Mesh) Rotate(ctx context.Context) error { return nil }

// Rotation says how far the replacement of the secret is.
func (m *Mesh) Rotation() Rotation { return Rotation{} }

// Rotation is the state of a replacement of the secret.
type Rotation struct {
	Stage   string   // "": none; "adding": not everybody has the new one; "using": not everybody uses it
	Waiting []string // ids of those it waits for
}

// CreateSecret makes the secret of a new cluster in dir; ErrSecretExists if there is one.
func CreateSecret(dir string) error { return nil }

// Join fetches the secret from the node that made the token, and leaves all that Open needs in dir.
func Join(ctx context.Context, token, dir string) error { return nil }
