package fleet

import (
	"context"
	"sync"
)

// Crew is a worker pool for device numbers. It starts goroutines on demand and
// keeps few idle ones, so its limit can be high: a device whose server is slow
// does not block the others.
type Crew struct {
	max int

	mu      sync.Mutex
	avail   *sync.Cond // signals ready, or the end of Run
	ready   []int
	do      func(int) // nil: Run is not running
	all     int       // goroutines
	idle    int       // idle goroutines
	waited  int64
	working sync.WaitGroup
}

// kept is how many idle goroutines stay.
const kept = 64

// NewCrew makes a crew with that many goroutines at most.
func NewCrew(most int) *Crew {
	c := &Crew{max: most}
	c.avail = sync.NewCond(&c.mu)
	return c
}

// Give queues i; it does not block. What is given before Run waits for Run.
func (c *Crew) Give(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = append(c.ready, i)
	if c.do != nil {
		c.call()
	}
}

// call wakes or starts a goroutine for the queue. The caller holds c.mu.
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

// Waited is how many numbers were given while all goroutines were busy.
func (c *Crew) Waited() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waited
}

// Busy is how many numbers are queued or being worked on.
func (c *Crew) Busy() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ready) + c.all - c.idle
}

// Run calls do for each number until ctx ends, and returns once all calls
// returned. Numbers that are still queued are dropped.
func (c *Crew) Run(ctx context.Context, do func(int)) {
	c.working.Add(1) // keeps the counter above zero until ctx ends
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
