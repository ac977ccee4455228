package lab

import (
	"cmp"
	"fmt"

	"github.com/dmwake/dmwake/harness/target"
)

// What a conformance run has open, measured with some room.
const (
	filesOfLab      = 120 // listeners, reports, hooks, and the labs of all setups
	filesOfScenario = 30  // devices of one scenario, with their connections
	filesOfDevice   = 1   // of the crowd: its connection
	usualCrowd      = 200
	besides         = 6 // scenarios that wait for a clock, and hold few connections meanwhile
)

// LimitError says that this machine does not let dmwake do what a run needs.
// That is not the server's fault, so it is told before the run: exit code 2.
type LimitError struct{ Need, Have, Crowd, Parallel int }

func (e *LimitError) Error() string {
	raise := max(4096, (e.Need+1023)/1024*1024)
	return fmt.Sprintf("this run needs about %d open files, and the limit is %d: raise it (ulimit -n %d), or lower target.crowd (%d) or --parallel (%d)",
		e.Need, e.Have, raise, e.Crowd, e.Parallel)
}

// Limits tells, as a *LimitError, where this machine does not allow as many open
// files as a conformance run needs that has parallel scenarios at a time; nil cfg
// is the embedded server, whose ends of all connections are in this process, too.
func Limits(cfg *target.Config, parallel int) error { return limits(cfg, parallel, OpenFiles()) }

func limits(cfg *target.Config, parallel, have int) error {
	crowd, ends := usualCrowd, 2
	if cfg != nil {
		crowd, ends = cmp.Or(cfg.Target.Crowd, usualCrowd), 1
	}
	need := filesOfLab + ends*(crowd*filesOfDevice+(parallel+besides)*filesOfScenario)
	if have < need {
		return &LimitError{need, have, crowd, parallel}
	}
	return nil
}
