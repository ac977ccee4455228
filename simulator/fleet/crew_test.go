package fleet

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestCrew: what is given is done, no more at a time than may be,
// before and after a rest; the others are told of; nothing is done after the end.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCrew(3)
		var mu sync.Mutex
		var began []int
		now, most := 0, 0
		do := func(i int) {
			mu.Lock()
			began = append(began, i)
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second) // of the bubble's clock
			mu.Lock()
			now--
			mu.Unlock()
		}
		c.Give(0) // before Run
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			c.Run(ctx, do)
			close(ended)
		}()
		synctest.Wait()
		for i := range 7 {
			c.Give(i + 1)
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		c.Give(8) // by one that rested
		synctest.Wait()
		mu.Lock()
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(slices.Sorted(slices.Values(began)), want) || most != 3 || c.Waited() != 5 {
			t.Errorf("began %v, %d at a time, %d waited", began, most, c.Waited())
		}
		mu.Unlock()
		cancel()
		synctest.Wait()
		select {
		case <-ended:
			t.Error("Run returned while something was under way")
		default:
		}
		<-ended
		c.Give(9)
		synctest.Wait()
		if len(began) != 9 {
			t.Errorf("after the end: %v", began)
		}
	})
}

// TestCrewRests: a crew that had much to do keeps few goroutines, and they serve
// what comes then.
func TestCrewRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCrew(10 * kept)
		ctx, cancel := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		ended.Go(func() { c.Run(ctx, func(int) { time.Sleep(time.Second) }) })
		synctest.Wait()
		count := func() (all, idle int) {
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.all, c.idle
		}
		for i := range 20 * kept {
			c.Give(i)
		}
		if all, idle := count(); all != 10*kept || idle != 0 {
			t.Errorf("%d goroutines, %d idle, with all at work", all, idle)
		}
		time.Sleep(time.Minute)
		if all, idle := count(); all != kept || idle != kept {
			t.Errorf("%d goroutines, %d idle, at rest", all, idle)
		}
		for i := range kept + 1 {
			c.Give(i)
		}
		if all, idle := count(); all != kept+1 || idle != 0 {
			t.Errorf("%d goroutines, %d idle, for one more than rested", all, idle)
		}
		cancel()
		ended.Wait()
		if all, _ := count(); all != 0 {
			t.Errorf("%d goroutines are left", all)
		}
	})
}
