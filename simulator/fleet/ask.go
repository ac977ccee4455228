package fleet

import (
	"context"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Task is something that a device does. The device is valid only during the call. OnSession
// is not called for the sessions of a task.
type Task func(ctx context.Context, d *dmclient.Device)

// Ask has device i do something as soon as it and one of the Workers are free, beside its
// pushes and its schedule. It does not block. Tasks of a device run in their order; those
// that were not begun when Run ends are dropped. Without Run they wait for Run.
func (f *Fleet) Ask(i int, task Task) {
	f.mu.Lock()
	f.asked[i] = append(f.asked[i], task)
	f.mu.Unlock()
	f.hand(i)
}
