package suite

import (
	"slices"
	"time"
)

// Doing is how far a run is.
type Doing struct {
	Done, Total int
	Running     []string      // ids, the longest-running first
	Left        time.Duration // an estimate; 0 if unknown
}

// progress tells how far the run is.
func (r *runner) progress() {
	r.mu.Lock()
	done, running := len(r.of), slices.Clone(r.running)
	r.mu.Unlock()
	p := Doing{Done: done, Total: max(len(r.list), done), Running: running}
	if done >= 5 {
		p.Left = time.Since(r.begun) / time.Duration(done) * time.Duration(p.Total-done)
	}
	r.Doing(p)
}
