package faults

import (
	"context"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// abort ends a session by Alert 1223 (OMA DM Protocol 1.2.1 section 8.7).
type abort struct{ at int }

func newAbort(arg string) (dmclient.Fault, error) {
	n, err := faultspec.Number(arg, 2)
	return abort{n}, err
}

func (abort) Fault() string { return "aborts the session" }

func (f abort) Gate(_ context.Context, _ dmclient.Clock, n int) error {
	if n >= f.at {
		return dmclient.ErrAbort
	}
	return nil
}
