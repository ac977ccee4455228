package suite

import (
	"context"
	"sync"
	"time"
)

// Quiet waits long enough for an unwanted event to show up (timeouts.quiet).
func (t *T) Quiet() { t.Wait(1) }

// Wait waits n quiet times.
func (t *T) Wait(n int) {
	t.slot.leave()
	defer t.slot.enter()
	over, cancel := patient(t.ctx, time.Duration(n)*t.Lab.Config.Timeouts.Quiet)
	defer cancel()
	<-over.Done()
}

// patient returns a context that ends when d has passed in which this process got to
// run. On a machine that is too busy for that, everything comes late, and none of it is
// the server's fault: there a wait takes longer.
func patient(ctx context.Context, d time.Duration) (over context.Context, cancel context.CancelFunc) {
	over, cancel = context.WithCancel(ctx)
	if d <= 0 {
		cancel()
		return over, cancel
	}
	step := min(max(d/100, time.Millisecond), 50*time.Millisecond)
	go func() {
		defer cancel()
		tick := time.NewTicker(step) // it drops the ticks that nobody is there for
		defer tick.Stop()
		for ; d > 0; d -= step {
			select {
			case <-tick.C:
			case <-over.Done():
				return
			}
		}
	}()
	return over, cancel
}

// starvedShare is the share of the time in which a process has to get to run, for what
// it measures to say something about others.
const starvedShare = 0.5

// Starving watches how much of the time this process gets to run. The function that it
// returns ends that, and reports whether it was too little: a server on the same
// machine had no more.
func Starving() (starved func() bool) {
	const step = 5 * time.Millisecond
	tick := time.NewTicker(step)
	end := starving(step, tick.C)
	return func() bool {
		tick.Stop()
		return end()
	}
}

func starving(step time.Duration, tick <-chan time.Time) (starved func() bool) {
	began, ran, done := time.Now(), make(chan int), make(chan struct{})
	go func() {
		for n := 0; ; {
			select {
			case <-tick:
				n++
			case <-done:
				ran <- n
				return
			}
		}
	}()
	return func() bool {
		close(done)
		n := time.Duration(<-ran)
		return float64(n*step) < starvedShare*float64(time.Since(began)-step)
	}
}

// Until waits for a moment that the protocol defines, such as the end of a token's
// lifetime or of a Retry-After. Other scenarios run meanwhile, so it may take
// longer: a caller that counts events must check when they happened.
func (t *T) Until(at time.Time) {
	t.slot.leave()
	defer t.slot.enter()
	ctx, cancel := context.WithDeadline(t.ctx, at)
	defer cancel()
	<-ctx.Done()
}

// Hold is Until for moments that must not be missed: no other scenario takes the place
// of this one meanwhile.
func (t *T) Hold(at time.Time) {
	ctx, cancel := context.WithDeadline(t.ctx, at)
	defer cancel()
	<-ctx.Done()
}

// Soon waits until so is true, for at most Timeouts.Push.
func (t *T) Soon(so func() bool) bool { return t.poll(t.Lab.Config.Timeouts.Push, so) }

// Shortly waits until so is true, for at most a quiet time. It replaces Quiet if
// there is a sign that nothing more can happen.
func (t *T) Shortly(so func() bool) bool { return t.poll(t.Lab.Config.Timeouts.Quiet, so) }

func (t *T) poll(within time.Duration, so func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	over, cancel := patient(t.ctx, within)
	defer cancel()
	for !so() {
		select {
		case <-tick.C:
		case <-over.Done():
			return t.ctx.Err() == nil && so()
		}
	}
	return true
}

// slots limit how many scenarios run at a time. A scenario that waits for a clock
// gives up its slot meanwhile, so that waits overlap; afterwards it goes before
// those that have not started.
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
	<-turn // every holder returns its slot: its body ends with the run at the latest
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

// slot is the slot of one scenario; nil for a scenario that runs alone.
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
