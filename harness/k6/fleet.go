package dmwake

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// Fleet is what open returns to the script: the devices of this process.
type Fleet struct {
	Devices []string // DeviceIDs

	i    *instance
	pool *pool
}

// plan has the options of Rate and Burst.
type plan struct {
	Warmup  string  `json:"warmup"`
	Poisson bool    `json:"poisson"`
	StartAt float64 `json:"startAt"` // milliseconds since 1970, as Date.now()
}

func (p *plan) at() time.Time {
	if p.StartAt == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(p.StartAt))
}

// errBusy rejects a second VU of a process that drives the devices.
var errBusy = errors.New("another VU of this process drives its devices: give the scenario one VU per process")

// Rate runs this process's part of a plan, such as "200" or "50..500" (as in dmwake
// load), and resolves to what it measured.
func (f *Fleet) Rate(rate sobek.Value, duration string, options sobek.Value) *sobek.Promise {
	var o plan
	b, err := func() (*load.Batch, error) {
		if err := f.read(options, &o, "rate"); err != nil {
			return nil, err
		}
		d, err := time.ParseDuration(duration)
		if err != nil {
			return nil, fmt.Errorf("duration: %q is not a duration, such as 1m", duration)
		}
		var warm time.Duration
		if o.Warmup != "" {
			if warm, err = time.ParseDuration(o.Warmup); err != nil {
				return nil, fmt.Errorf("warmup: %q is not a duration, such as 10s", o.Warmup)
			}
		}
		p, err := load.ParsePlan(rate.String(), d, warm)
		if err != nil {
			return nil, err
		}
		p.Poisson = o.Poisson
		load.CollectLess(p.Peak())
		return &load.Batch{Plan: p, At: o.at()}, nil
	}()
	if err != nil {
		return f.i.abort(err)
	}
	return f.drive(b)
}

// Burst starts this process's part of count wake-ups at once.
func (f *Fleet) Burst(count int, options sobek.Value) *sobek.Promise {
	var o plan
	switch err := f.read(options, &o, "burst"); {
	case err != nil:
		return f.i.abort(err)
	case o.Warmup != "" || o.Poisson:
		return f.i.abort(errors.New("burst: the only option is startAt"))
	case count < 1 || count > 10_000_000:
		return f.i.abort(fmt.Errorf("burst: %d is not from 1 to 10,000,000", count))
	}
	load.CollectLess(float64(count))
	return f.drive(&load.Batch{Count: count, At: o.at()})
}

func (f *Fleet) read(options sobek.Value, into *plan, what string) error {
	if common.IsNullish(options) {
		return nil
	}
	return strict(options, into, what)
}

func (f *Fleet) drive(b *load.Batch) *sobek.Promise {
	rec, ctx := f.i.recorder(), f.i.vu.Context()
	b.Observe = rec.observe
	b.Progress = func(p load.Progress) {
		rec.count(p.Counts)
		rec.flush()
	}
	return f.i.promise(true, func() (any, error) {
		if !f.pool.driving.TryLock() {
			return nil, errBusy
		}
		defer f.pool.driving.Unlock()
		r, err := f.pool.run.Drive(ctx, b)
		if err != nil {
			return nil, err
		}
		rec.count(r.Counts)
		rec.flush()
		f.pool.result.Batches = append(f.pool.result.Batches, r)
		if err := f.pool.write(); err != nil {
			return nil, err
		}
		return view(r), nil
	})
}

// Wake wakes the next device of this process, or the device with this DeviceID, and
// waits for its session. If none succeeds the promise is rejected with the reason.
func (f *Fleet) Wake(device sobek.Value) *sobek.Promise {
	rec, ctx := f.i.recorder(), f.i.vu.Context()
	id := ""
	if !common.IsNullish(device) {
		id = device.String()
	}
	return f.i.promise(false, func() (any, error) {
		counts, err := f.pool.singles.Wake(ctx, id, rec.observe)
		rec.count(counts)
		rec.flush()
		return nil, err
	})
}

// Close adds what Wake measured to the result of this process, marks it as complete,
// and writes it. Devices answer pushes until the process ends.
func (f *Fleet) Close() *sobek.Promise {
	return f.i.promise(true, func() (any, error) {
		if !f.pool.driving.TryLock() {
			return nil, errBusy
		}
		defer f.pool.driving.Unlock()
		if f.pool.result.Whole {
			return nil, nil
		}
		if r := f.pool.singles.Result(); r.Counts.Started > 0 {
			f.pool.result.Batches = append(f.pool.result.Batches, r)
		}
		f.pool.result.Whole = true
		return nil, f.pool.write()
	})
}

// write writes the result of this process to where the script wants it.
func (p *pool) write() error {
	if p.options.Result == "" {
		return nil
	}
	raw, err := json.Marshal(p.result)
	if err != nil {
		return err
	}
	if p.options.Result == "-" {
		_, err := fmt.Printf("%s%s\n", result.InstanceMark, raw)
		return err
	}
	// Replace the file in one step, because it may be read at any time.
	tmp, err := os.CreateTemp(filepath.Dir(p.options.Result), ".dmwake-*")
	if err != nil {
		return fmt.Errorf("the result file: %w", err)
	}
	_, err = tmp.Write(raw)
	if err := errors.Join(err, tmp.Close()); err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("the result file: %w", err)
	}
	return os.Rename(tmp.Name(), p.options.Result)
}

// view is a result for the script: counts, errors, and times in milliseconds by
// stage.
func view(r *result.Result) map[string]any {
	c := r.Counts
	stages := map[string]any{}
	for s, h := range r.Stages {
		if h.Count == 0 {
			continue
		}
		at := map[string]float64{"mean": h.Mean / 1000, "max": float64(h.Max) / 1000}
		for q, us := range h.At {
			at[q] = float64(us) / 1000
		}
		stages[string(s)] = at
	}
	return map[string]any{"started": c.Started, "done": c.Done, "polled": c.Polled, "failed": c.Failed, "lost": c.Lost, "empty": c.Empty, "errors": maps.Clone(r.Errors), "stages": stages, "planned": r.Planned}
}
