package suite

import (
	"context"
	"sync"
	"time"
)

// Quiet waits out the time in which what must not come would come
// (timeouts.quiet).
func (t *T) Quiet() { t.Wait(1) }

// Wait lasts that many quiet times.
func (t *T) Wait(n int) {
	t.Until(time.Now().Add(time.Duration(n) * t.Lab.Config.Timeouts.Quiet))
}

// Until waits for a moment that the protocol names, such as the end of a token's
// life or of a Retry-After. Others run meanwhile: the wait may last longer than
// that, and who counts what came looks at when it came.
func (t *T) Until(at time.Time) {
	t.slot.leave()
	defer t.slot.enter()
	ctx, cancel := context.WithDeadline(t.ctx, at)
	defer cancel()
	<-ctx.Done()
}

// Soon waits until something is so, for at most Timeouts.Push.
func (t *T) Soon(so func() bool) bool { return t.poll(t.Lab.Config.Timeouts.Push, so) }

// Shortly waits until something is so, for at most a quiet time: in place of
// Quiet where there is a sign that nothing more can come.
func (t *T) Shortly(so func() bool) bool { return t.poll(t.Lab.Config.Timeouts.Quiet, so) }

func (t *T) poll(within time.Duration, so func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(within)
	defer limit.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-limit.C:
			return so()
		case <-t.ctx.Done():
			return false
		}
	}
	return true
}

// slots bound how many scenarios act at a time. One that waits for a clock gives
// its slot away meanwhile, so that waits are side by side; when its wait is over
// it is served before those that have not begun.
type slots struct {
	mu             sync.Mutex
	free           int
	resuming, next []chan struct{}
}

func newSlots(n int) *slots { return &slots{free: n} }

func (s *slots) take(queue *[]chan struct{}) {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	*queue = append(*queue, turn)
	s.mu.Unlock()
	<-turn // whoever holds a slot gives it back: its body ends with the run at the latest
}

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&s.resuming, &s.next} {
		if q := *queue; len(q) > 0 {
			*queue = q[1:]
			close(q[0])
			return
		}
	}
	s.free++
}

// slot is the place of one scenario. A nil one is of a scenario that nobody
// waits for.
type slot struct{ of *slots }

func (s *slot) leave() {
	if s != nil {
		s.of.give()
	}
}

func (s *slot) enter() {
	if s != nil {
		s.of.take(&s.of.resuming)
	}
}
