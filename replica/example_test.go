package replica_test

import (
	"context"

	"snug/layer/mesh"
	"snug/replica"
)

// watched is a store that tells of its commits.
type watched interface {
	replica.Store
	Watch(func([]replica.Row)) (stop func())
}

// A node runs its replica beside its store: the watcher comes first, so that no commit is missed.
func Example() {
	keepEqual := func(ctx context.Context, store watched, port mesh.Port) error {
		rep := replica.New(port, store, replica.Options{})
		stop := store.Watch(rep.Committed)
		defer stop()
		return rep.Run(ctx)
	}
	_ = keepEqual
}
