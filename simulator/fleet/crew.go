package fleet

import (
	"context"
	"sync"
)

// Crew does something for each number that it is given, in their order, some at a
// time. It has goroutines for what is under way, and few beside them, so that
// its bound can be high: what a server keeps waiting must not keep the others.
type Crew struct {
	max int

	mu      sync.Mutex
	avail   *sync.Cond // ready, or the end of Run
	ready   []int
	do      func(int) // nil: Run is not there
	all     int       // goroutines
	idle    int       // of them, those that wait
	waited  int64
	working sync.WaitGroup
}

// kept are how many goroutines wait for more, in place of ending.
const kept = 64

// NewCrew makes one that does so many things at a time, at most.
func NewCrew(most int) *Crew {
	c := &Crew{max: most}
	c.avail = sync.NewCond(&c.mu)
	return c
}

// Give has i done, once there is room; it does not block. What is given before Run
// is done by Run.
func (c *Crew) Give(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = append(c.ready, i)
	if c.do != nil {
		c.call()
	}
}

// call sees to it that somebody comes for what is ready. The caller holds c.mu.
func (c *Crew) call() {
	switch {
	case len(c.ready) <= c.idle:
		c.avail.Signal()
	case c.all < c.max:
		c.all++
		c.working.Go(c.work)
	default:
		c.waited++
	}
}

// Waited is how many were given while as many as may were under way.
func (c *Crew) Waited() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waited
}

// Run calls do for what is given until ctx ends, and returns once the calls have;
// what is left then is forgotten.
func (c *Crew) Run(ctx context.Context, do func(int)) {
	c.working.Add(1) // until ctx ends nobody waits for none
	c.mu.Lock()
	c.do = do
	for range c.ready {
		c.call()
	}
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	c.do, c.ready = nil, nil
	c.avail.Broadcast()
	c.mu.Unlock()
	c.working.Done()
	c.working.Wait()
}

func (c *Crew) work() {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.all-- }()
	for c.do != nil {
		if len(c.ready) == 0 {
			if c.idle >= kept {
				return
			}
			c.idle++
			c.avail.Wait()
			c.idle--
			continue
		}
		i, do := c.ready[0], c.do
		c.ready = c.ready[1:]
		c.mu.Unlock()
		do(i)
		c.mu.Lock()
	}
}
