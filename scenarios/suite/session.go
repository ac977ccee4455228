package suite

import (
	"context"
	"sync"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
)

// Session runs scenarios of a catalogue on demand, one at a time, and remembers
// their results: for test suites that choose what runs.
type Session struct {
	mu sync.Mutex
	r  *runner
}

// NewSession returns a session against a lab. noEnroll is why no device can enroll;
// nil if devices can.
func NewSession(l *lab.Lab, catalogue []Scenario, noEnroll error) *Session {
	return &Session{r: newRunner(l, catalogue, Options{NoEnroll: noEnroll})}
}

// Result runs the scenario with that id, and those that block it, unless it has run
// before.
func (s *Session) Result(ctx context.Context, id string) report.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.r.settled(id) {
		again := s.r.byItself(ctx)
		v := again(id)
		if v == nil {
			return report.Result{ID: id, Outcome: report.Skipped, Reason: s.r.whyNot(ctx, id)}
		}
		s.r.resolve(ctx, id, v, again)
	}
	return s.r.verdict(id).result
}
