package faults

import (
	"context"
	"time"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// slow waits before every message.
type slow struct{ wait time.Duration }

func newSlow(arg string) (dmclient.Fault, error) {
	d, err := faultspec.Duration(arg, 5*time.Second)
	return slow{d}, err
}

func (slow) Fault() string { return "is slow to answer" }

func (f slow) Gate(ctx context.Context, c dmclient.Clock, _ int) error { return wait(ctx, c, f.wait) }

// hold keeps a session open before its second message.
type hold struct{ wait time.Duration }

func newHold(arg string) (dmclient.Fault, error) {
	d, err := faultspec.Duration(arg, time.Hour)
	return hold{d}, err
}

func (hold) Fault() string { return "holds a session open" }

func (f hold) Gate(ctx context.Context, c dmclient.Clock, n int) error {
	if n != 2 {
		return nil
	}
	return wait(ctx, c, f.wait)
}

func wait(ctx context.Context, c dmclient.Clock, d time.Duration) error {
	done := make(chan struct{})
	defer c.AfterFunc(d, func() { close(done) })()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
