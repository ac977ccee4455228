package faults

import (
	"context"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// stop loses power or network between two messages.
type stop struct{ at int }

func newStop(arg string) (dmclient.Fault, error) {
	n, err := faultspec.Number(arg, 2)
	return stop{n}, err
}

func (stop) Fault() string { return "falls silent in the middle of a session" }

func (f stop) Gate(_ context.Context, _ dmclient.Clock, n int) error {
	if n >= f.at {
		return dmclient.ErrStop
	}
	return nil
}
