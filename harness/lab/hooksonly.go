package lab

import (
	"context"
	"log/slog"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// HooksOnly is a lab that listens nowhere: it has the target's hooks, its way to sign
// in and its pace, for devices that are made elsewhere. Close it.
func HooksOnly(cfg *target.Config) *Lab {
	l := &Lab{Config: *cfg, log: slog.New(slog.DiscardHandler), family: &family{keys: enroll.NewKeyPool(sharedKeys), lenient: map[string]*leniency{}}, first: true,
		pace: newPace(int(cfg.Target.Pace))}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Pace waits until target.pace allows another enrollment; it is the type of
// dmclient.Config.Pace.
func (l *Lab) Pace(ctx context.Context) error { return l.pace.wait(ctx) }
