package devices

import (
	"sync"
	"time"
)

// clock is the clock of one device: the machine's, moved by an offset. It implements
// dmclient.Clock.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
	timers map[*timer]struct{}
}

type timer struct {
	at   time.Time // on this clock
	real *time.Timer
}

// Now implements dmclient.Clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// AfterFunc implements dmclient.Clock.
func (c *clock) AfterFunc(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at: time.Now().Add(c.offset + d)}
	if c.timers == nil {
		c.timers = map[*timer]struct{}{}
	}
	c.timers[t] = struct{}{}
	forget := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, t)
	}
	t.real = time.AfterFunc(d, func() { forget(); f() })
	return func() { t.real.Stop(); forget() }
}

// set moves the clock; what falls due on the way is due now.
func (c *clock) set(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
	now := time.Now().Add(offset)
	for t := range c.timers {
		if t.real.Stop() { // else it is firing
			t.real.Reset(max(t.at.Sub(now), 0))
		}
	}
}

func (c *clock) ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}
