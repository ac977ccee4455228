package fleet

import (
	"container/heap"
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// entry is a device's next action. Only the entry with the slot's time is
// valid; others are stale.
type entry struct {
	due int64
	i   int32
}

type plan []entry

func (p plan) Len() int           { return len(p) }
func (p plan) Less(i, j int) bool { return p[i].due < p[j].due }
func (p plan) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *plan) Push(x any)        { *p = append(*p, x.(entry)) } //nolint:forcetypeassert // heap.Push of this file
func (p *plan) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// push records a notification for device i; it does not block. Without Run it
// waits for Run, as a device's wake-up does.
func (f *Fleet) push(i int, payload []byte) {
	if len(payload) == 0 {
		f.stats.refused.Add(1) // 0x80070057 [seen]
		return
	}
	f.stats.pushes.Add(1)
	f.mu.Lock()
	f.slots[i].woken = true
	f.mu.Unlock()
	f.hand(i)
}

// hand gives device i to the crew, unless it is queued already.
func (f *Fleet) hand(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.slots[i]
	if !f.running || s.queued {
		return
	}
	s.queued = true
	f.crew.Give(i)
}

// Run runs the devices' sessions, by push and by schedule, until ctx ends.
// Devices that are added meanwhile take part.
func (f *Fleet) Run(ctx context.Context) error {
	f.mu.Lock()
	if f.running {
		f.mu.Unlock()
		return errors.New("the fleet is running already")
	}
	f.running = true
	var woken []int
	for i := range f.slots {
		if f.slots[i].woken || len(f.asked[i]) > 0 {
			woken = append(woken, i)
		}
	}
	f.mu.Unlock()
	for _, i := range woken {
		f.hand(i)
	}
	var wg sync.WaitGroup
	wg.Go(func() { f.crew.Run(ctx, func(i int) { f.attend(ctx, i) }) })
	f.schedule(ctx)
	wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = false
	clear(f.asked)
	for i := range f.slots {
		f.slots[i].queued = false
	}
	return ctx.Err()
}

// schedule hands out due devices, with one timer for all.
func (f *Fleet) schedule(ctx context.Context) {
	clock := f.cfg.Device.Clock
	for {
		f.mu.Lock()
		now := clock.Now().UnixMilli()
		var due []int
		for len(f.plan) > 0 {
			head := f.plan[0]
			if f.slots[head.i].due != head.due {
				heap.Pop(&f.plan) // left over
				continue
			}
			if head.due > now {
				break
			}
			heap.Pop(&f.plan)
			f.slots[head.i].due = 0
			due = append(due, int(head.i))
		}
		wait := time.Hour
		if len(f.plan) > 0 {
			wait = min(wait, time.Duration(f.plan[0].due-now)*time.Millisecond)
		}
		f.mu.Unlock()
		for _, i := range due {
			f.hand(i)
		}
		tick := make(chan struct{}, 1)
		stop := clock.AfterFunc(wait, func() { tick <- struct{}{} })
		select {
		case <-tick:
		case <-f.moved:
		case <-ctx.Done():
			stop()
			return
		}
		stop()
	}
}

// attend runs device i: what Ask gave it, and a session after a push or the due action.
func (f *Fleet) attend(ctx context.Context, i int) {
	f.mu.Lock()
	woken := f.slots[i].woken
	f.slots[i].woken, f.slots[i].queued = false, false
	asked := f.asked[i]
	delete(f.asked, i)
	f.mu.Unlock()
	err := f.Do(ctx, i, func(d *dmclient.Device) error {
		for _, task := range asked {
			task(ctx, d)
		}
		var s *dmclient.Session
		var err error
		next, ok := d.Next()
		switch {
		case woken:
			s, err = d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginPush})
		case ok && !next.At.After(f.cfg.Device.Clock.Now().Add(time.Millisecond)):
			if next.What == "poll" {
				f.stats.polls.Add(1)
			}
			s, err = d.Act(ctx, next)
		default:
			return nil
		}
		f.note(d, s, err)
		return nil
	})
	if err != nil {
		f.stats.failed.Add(1)
	}
}

func (f *Fleet) note(d *dmclient.Device, s *dmclient.Session, err error) {
	if s != nil {
		f.stats.sessions.Add(1)
	}
	if err != nil {
		f.stats.failed.Add(1)
	}
	if f.cfg.OnSession != nil {
		f.cfg.OnSession(d, s, err)
	}
}

// Each calls fn for these devices until ctx ends, and returns the errors by
// device. It runs 32 calls per processor at once, or Workers if that is less.
func (f *Fleet) Each(ctx context.Context, devices []int, fn func(i int, d *dmclient.Device) error) map[int]error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := map[int]error{}
	next := make(chan int)
	for range min(f.cfg.Workers, 32*runtime.GOMAXPROCS(0), max(len(devices), 1)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				if err := f.Do(ctx, i, func(d *dmclient.Device) error { return fn(i, d) }); err != nil {
					mu.Lock()
					failed[i] = err
					mu.Unlock()
				}
			}
		}()
	}
	for _, i := range devices {
		if ctx.Err() != nil {
			mu.Lock()
			failed[i] = ctx.Err()
			mu.Unlock()
			continue
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return failed
}
