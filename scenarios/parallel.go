package scenarios

import (
	"context"
	"sync"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
)

// verdict is what one scenario gave.
type verdict struct {
	result report.Result
	hook   error // the failure of a hook that made it skip
}

// start runs scenarios in the background, in their order and at most n at a
// time; one that is Alone has the lab to itself. Each gives its verdict on its
// channel, which is closed without one where ctx ended before its turn. ended
// is closed once nothing runs any more.
func start(ctx context.Context, l *lab.Lab, list []Scenario, n int) (verdicts []chan verdict, ended chan struct{}) {
	verdicts = make([]chan verdict, len(list))
	turns := make(chan int, len(list))
	for i := range list {
		verdicts[i] = make(chan verdict, 1)
		turns <- i
	}
	close(turns)
	var lone sync.RWMutex
	var workers sync.WaitGroup
	for range max(n, 1) {
		workers.Go(func() {
			for i := range turns {
				if ctx.Err() == nil {
					verdicts[i] <- one(ctx, l, &list[i], &lone)
				}
				close(verdicts[i])
			}
		})
	}
	ended = make(chan struct{})
	go func() {
		workers.Wait()
		close(ended)
	}()
	return verdicts, ended
}

func one(ctx context.Context, l *lab.Lab, s *Scenario, lone *sync.RWMutex) verdict {
	if s.Alone {
		lone.Lock()
		defer lone.Unlock()
	} else {
		lone.RLock()
		defer lone.RUnlock()
	}
	res, err := Run(ctx, l, s)
	return verdict{res, err}
}
