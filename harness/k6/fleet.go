package dmwake

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	Poll    string  `json:"poll"`    // interval at which each device checks in, beside the wake-ups
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
// load), and resolves to what it measured. With the option poll all devices check in at
// this interval, too. Then the rate may be 0 or "": the devices only poll.
func (f *Fleet) Rate(rate sobek.Value, duration string, options sobek.Value) *sobek.Promise {
	list, err := f.planned(rate, duration, options)
	if err != nil {
		return f.i.abort(err)
	}
	return f.drive(list...)
}

func (f *Fleet) planned(rate sobek.Value, duration string, options sobek.Value) (list []*load.Batch, err error) {
	var o plan
	if err := f.read(options, &o, "rate"); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(duration)
	if err != nil {
		return nil, fmt.Errorf("duration: %q is not a duration, such as 1m", duration)
	}
	var warm, every time.Duration
	if o.Warmup != "" {
		if warm, err = time.ParseDuration(o.Warmup); err != nil {
			return nil, fmt.Errorf("warmup: %q is not a duration, such as 10s", o.Warmup)
		}
	}
	if o.Poll != "" {
		if every, err = time.ParseDuration(o.Poll); err != nil || every <= 0 {
			return nil, fmt.Errorf("poll: %q is not an interval, such as 1m", o.Poll)
		}
	}
	pushes, peak := !isNone(rate), 0.0
	switch {
	case !pushes && every == 0:
		return nil, errors.New("rate: there is nothing to do; give wake-ups a second, or an interval at which the devices poll, such as {poll: '1m'}")
	case !pushes && o.Poisson:
		return nil, errors.New("poisson: it draws the times of wake-ups, and the rate has none; polls are spread evenly")
	}
	if pushes {
		p, err := load.ParsePlan(rate.String(), d, warm)
		if err != nil {
			return nil, err
		}
		p.Poisson = o.Poisson
		peak = p.Peak()
		list = append(list, &load.Batch{Plan: p, At: o.at()})
	}
	if every > 0 {
		p, err := load.Idle(d, warm)
		if err != nil {
			return nil, err
		}
		peak += float64(f.pool.options.Devices) / every.Seconds()
		list = append(list, &load.Batch{Plan: p, Every: every, At: o.at()})
	}
	load.CollectLess(peak)
	return list, nil
}

// isNone tells whether a rate has no wake-ups: 0, "0", "", null or none at all.
func isNone(rate sobek.Value) bool {
	if common.IsNullish(rate) {
		return true
	}
	text := strings.TrimSpace(rate.String())
	return text == "" || text == "0"
}

// Burst starts this process's part of count wake-ups at once.
func (f *Fleet) Burst(count int, options sobek.Value) *sobek.Promise {
	var o plan
	switch err := f.read(options, &o, "burst"); {
	case err != nil:
		return f.i.abort(err)
	case o.Warmup != "" || o.Poisson || o.Poll != "":
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

// drive runs batches beside each other.
func (f *Fleet) drive(list ...*load.Batch) *sobek.Promise {
	recs, ctx := f.recorders(list), f.i.vu.Context()
	list[0].Progress = func(p load.Progress) {
		for k, rec := range recs {
			rec.count(p.Parts[k].Counts)
			rec.flush()
		}
	}
	return f.i.promise(true, func() (any, error) {
		if !f.pool.driving.TryLock() {
			return nil, errBusy
		}
		defer f.pool.driving.Unlock()
		r, err := f.pool.run.Drive(ctx, list...)
		if err != nil {
			return nil, err
		}
		for k, p := range r.All() {
			recs[k].count(p.Counts)
			recs[k].flush()
		}
		f.pool.result.Batches = append(f.pool.result.Batches, r)
		if err := f.pool.write(); err != nil {
			return nil, err
		}
		return view(r), nil
	})
}

// recorders makes the recorder of each batch.
func (f *Fleet) recorders(list []*load.Batch) (recs []*recorder) {
	polls := slices.ContainsFunc(list, func(b *load.Batch) bool { return b.Every > 0 })
	for _, b := range list {
		part := load.Kind("")
		switch {
		case b.Every > 0:
			part = load.KindPoll
		case polls:
			part = load.KindPush
		}
		rec := f.i.recorder(part)
		b.Observe = rec.observe
		recs = append(recs, rec)
	}
	return recs
}

// Wake wakes the next device of this process, or the device with this DeviceID, and
// waits for its session. If none succeeds the promise is rejected with the reason.
func (f *Fleet) Wake(device sobek.Value) *sobek.Promise {
	rec, ctx := f.i.recorder(""), f.i.vu.Context()
	id := ""
	if !common.IsNullish(device) {
		id = device.String()
	}
	return f.i.promise(false, func() (any, error) {
		counts, err := f.pool.singles.Wake(ctx, id, rec.observe)
		rec.count(counts)
		rec.flush()
		return nil, inKeys(err)
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

// view is a result for the script: of all, and of each part by its kind.
func view(r *result.Result) map[string]any {
	parts := map[string]any{}
	for _, p := range r.All() {
		parts[p.Kind] = figures(p.Counts, p.Planned, p.Errors, p.Stages)
	}
	out := figures(r.Counts, r.Planned, r.Errors, r.Stages)
	out["parts"] = parts
	return out
}

// figures are counts, errors, and times in milliseconds by stage.
func figures(c result.Counts, planned int64, errs map[string]int64, measured map[result.Stage]result.Summary) map[string]any {
	stages := map[string]any{}
	for s, h := range measured {
		if h.Count == 0 {
			continue
		}
		at := map[string]float64{"mean": h.Mean / 1000, "max": float64(h.Max) / 1000}
		for q, us := range h.At {
			at[q] = float64(us) / 1000
		}
		stages[string(s)] = at
	}
	return map[string]any{"started": c.Started, "done": c.Done, "polled": c.Polled, "failed": c.Failed, "lost": c.Lost, "empty": c.Empty, "errors": maps.Clone(errs), "stages": stages, "planned": planned}
}
