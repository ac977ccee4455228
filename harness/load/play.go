package load

import (
	"context"
	"slices"
	"sync"

	"github.com/dmwake/dmwake/harness/load/result"
)

// before is what the run counted before some batches began.
type before struct {
	missed uint64
	waited int64
	cpu    cpuTime
}

func (r *Run) before() before {
	r.mu.Lock()
	defer r.mu.Unlock()
	return before{r.missed, r.pool.waited(), cpuNow()}
}

// play runs batches beside each other, and returns what all of them measured.
func (r *Run) play(ctx context.Context, list []*batch) (*result.Result, error) {
	progress, quiet := context.WithCancel(context.Background())
	var reports sync.WaitGroup
	reports.Go(func() { r.report(progress, list) })
	was := r.before()
	r.mu.Lock()
	r.live = append(r.live, list...)
	r.mu.Unlock()
	triggers, stop := context.WithCancel(ctx)
	defer stop()
	each(list, func(b *batch) {
		r.drive(triggers, b)
		r.mu.Lock()
		defer r.mu.Unlock()
		b.ended, b.lasted = true, r.now()-b.base
		if ctx.Err() == nil && b.Plan != nil {
			b.lasted = max(b.lasted, b.Plan.Duration) // the last wake-up is due a little earlier
		}
	})
	goOn, enough := context.WithCancel(triggers)
	var polls sync.WaitGroup
	for _, b := range list {
		if b.kind() == KindPoll && len(list) > 1 && !r.opts.Rehearse {
			polls.Go(func() { r.pollOn(goOn, b) })
		}
	}
	each(list, func(b *batch) { r.drain(ctx, b) })
	enough()
	polls.Wait()
	stop()
	for _, b := range list {
		b.hooks.Wait()
	}
	quiet()
	reports.Wait()
	r.mu.Lock()
	r.live = slices.DeleteFunc(r.live, func(b *batch) bool { return slices.Contains(list, b) })
	r.mu.Unlock()
	return r.results(list, was, ctx.Err() != nil)
}

// each calls do for all batches at the same time.
func each(list []*batch, do func(*batch)) {
	var all sync.WaitGroup
	for _, b := range list {
		all.Go(func() { do(b) })
	}
	all.Wait()
}
