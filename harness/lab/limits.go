package lab

import (
	"cmp"
	"fmt"

	"github.com/dmwake/dmwake/harness/target"
)

// Open files of a conformance run, measured, with a margin.
const (
	filesOfLab      = 120 // listeners, reports, hooks
	filesOfSetups   = 100 // the labs of all setups, of the embedded server
	filesOfScenario = 12  // devices of one scenario, with their connections
	filesOfDevice   = 1   // per device of the crowd: its connection
	usualCrowd      = 200
	besides         = 6 // scenarios that wait for a clock, with few connections
)

// LimitError says that this machine's limits are too low for a run. The server
// is not to blame, so it is reported before the run: exit code 2.
type LimitError struct{ Need, Have, Crowd, Parallel int }

func (e *LimitError) Error() string {
	raise := max(4096, (e.Need+1023)/1024*1024)
	return fmt.Sprintf("this run needs about %d open files, and the limit is %d: raise it (ulimit -n %d), or lower target.crowd (%d) or --parallel (%d)",
		e.Need, e.Have, raise, e.Crowd, e.Parallel)
}

// Limits returns a *LimitError if this machine allows too few open files for a
// conformance run with so many parallel scenarios. A nil cfg is the embedded
// server: both ends of its connections are in this process.
func Limits(cfg *target.Config, parallel int) error { return limits(cfg, parallel, OpenFiles()) }

func limits(cfg *target.Config, parallel, have int) error {
	crowd, ends, labs := usualCrowd, 2, filesOfLab+filesOfSetups
	if cfg != nil {
		crowd, ends, labs = cmp.Or(cfg.Target.Crowd, usualCrowd), 1, filesOfLab
	}
	need := labs + ends*(crowd*filesOfDevice+(parallel+besides)*filesOfScenario)
	if have < need {
		return &LimitError{need, have, crowd, parallel}
	}
	return nil
}
