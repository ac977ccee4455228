package lab

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/target"
)

// keptOutcomes is how many outcomes of hooks a lab remembers.
const keptOutcomes = 512

// keptOutput is how much of each output it remembers, in bytes.
const keptOutput = 4096

// hookLog remembers the last outcomes of hooks, for doctor and reports.
type hookLog struct {
	mu   sync.Mutex
	list []*target.Outcome
}

func (g *hookLog) add(o *target.Outcome) {
	kept := *o
	if len(kept.Output) > keptOutput {
		kept.Output = strings.Clone(kept.Output[:keptOutput]) // not to keep all of it
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = append(g.list, &kept)
	if n := len(g.list); n >= 2*keptOutcomes { // not at each call: it moves all
		g.list = slices.Clone(g.list[n-keptOutcomes:])
	}
}

// HookOutcomes are the outcomes of hooks for a device since a time, the oldest
// first; an empty deviceID is any device. The lab remembers the last ones.
func (l *Lab) HookOutcomes(deviceID string, since time.Time) (out []*target.Outcome) {
	l.hookLog.mu.Lock()
	defer l.hookLog.mu.Unlock()
	for _, o := range l.hookLog.list {
		if (deviceID == "" || o.DeviceID == deviceID) && !o.Began.Before(since) {
			out = append(out, o)
		}
	}
	return out
}
