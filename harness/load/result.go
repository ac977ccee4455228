package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"time"

	"github.com/dmwake/dmwake/harness/report"
)

// Result is what a run measured; its JSON is what compare and merge read.
type Result struct {
	Dmwake  string        `json:"dmwake"`
	Kind    string        `json:"kind"` // "load"
	Started time.Time     `json:"started"`
	Target  report.Target `json:"target"`
	Config  ConfigView    `json:"config"`
	Machine Machine       `json:"machine"`
	Counts  Counts        `json:"counts"`
	// Stages are the histograms, by Stage, in microseconds.
	Stages map[Stage]Summary `json:"stages"`
	Course []CoursePoint     `json:"course"`
	// Errors are what went wrong, by kind; Excluded are devices that took no
	// part, by why.
	Errors   map[string]int64 `json:"errors"`
	Excluded map[string]int   `json:"excluded,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	// Aborted says why the run ended early.
	Aborted string `json:"aborted,omitempty"`
}

// ConfigView is what was asked for.
type ConfigView struct {
	Devices  int     `json:"devices"`
	Rate     string  `json:"rate"`
	Storm    bool    `json:"storm,omitempty"`
	Poisson  bool    `json:"poisson,omitempty"`
	Duration string  `json:"duration"`
	Warmup   string  `json:"warmup"`
	Sender   string  `json:"sender"`
	Work     string  `json:"work"`
	Settings int     `json:"settings,omitempty"`
	Who      string  `json:"who"`
	Offline  float64 `json:"offline,omitempty"`
	Key      string  `json:"key"`
	TLS      string  `json:"tls"` // keep-alive or full handshake
	Workers  int     `json:"workers"`
	Seed     uint64  `json:"seed"`
}

// Machine is where it ran.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

// Counts are of the wake-ups that count, those of the warm-up left out.
type Counts struct {
	Started int64 `json:"started"`
	Done    int64 `json:"done"`   // woken by the push, and the session ended well
	Polled  int64 `json:"polled"` // a poll brought it, not the push
	Failed  int64 `json:"failed"`
	Lost    int64 `json:"lost"` // nothing came of it until the end
	Warm    int64 `json:"warmup"`
	Offline int   `json:"offlineDevices,omitempty"`
}

// CoursePoint is one step of the run's course; its wake-ups are those that were
// meant to start in it.
type CoursePoint struct {
	At      float64 `json:"at"` // seconds
	Started int64   `json:"started"`
	Done    int64   `json:"done"`
	Failed  int64   `json:"failed"`
	P50     int64   `json:"p50"` // of Whole, microseconds
	P99     int64   `json:"p99"`
}

func (r *Run) result(interrupted bool) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, t := r.opts, &r.tally
	out := &Result{Dmwake: report.Version, Kind: "load", Started: r.zero,
		Target: report.Target{Name: r.lab.Config.Target.Name, Discovery: r.lab.Config.Target.DiscoveryURL(), Push: r.lab.Config.Target.Push, Profiles: []string{o.Profile}},
		Config: ConfigView{Devices: o.Devices, Rate: o.Plan.Text(), Storm: o.Storm, Poisson: o.Plan.Poisson, Duration: o.Plan.Duration.String(), Warmup: o.Plan.Warmup.String(),
			Sender: o.Sender, Work: o.Work.Kind, Settings: o.Work.Settings, Who: o.Who, Offline: o.Offline, Key: o.Key, TLS: map[bool]string{true: "keep-alive", false: "full handshake"}[o.Resident],
			Workers: o.Workers, Seed: o.Seed},
		Machine: Machine{runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()},
		Stages:  map[Stage]Summary{}, Errors: maps.Clone(t.errors), Excluded: r.pool.bad,
		Counts: Counts{Started: t.started, Done: t.done, Polled: t.polled, Failed: t.failures, Warm: t.warm, Offline: r.pool.off},
	}
	for i := range r.open {
		for _, w := range r.open[i] {
			r.close(w)
			if w.done || !w.counted {
				continue
			}
			out.Counts.Lost++
			out.Errors["lost: "+r.lostBy(w)]++
			t.at(w.intended).failed++
		}
		r.open[i] = nil
	}
	for s, h := range t.stages {
		out.Stages[s] = summarize(h)
	}
	for i := range t.course {
		p := &t.course[i]
		out.Course = append(out.Course, CoursePoint{At: (time.Duration(i) * t.step).Seconds(), Started: p.started, Done: p.done, Failed: p.failed,
			P50: p.whole.ValueAtQuantile(50), P99: p.whole.ValueAtQuantile(99)})
	}
	r.remarks(out, interrupted)
	return out
}

// lostBy says how far a lost wake-up came.
func (r *Run) lostBy(w *wakeup) string {
	switch {
	case w.trouble != "":
		return w.trouble
	case w.atWNS == 0 && w.there == 0:
		return "no notification came to WNS"
	case w.there == 0:
		return "WNS took it, and it did not reach the device"
	}
	return "it reached the device, and no session followed in time"
}

// remarks are what a reader of the figures has to know.
func (r *Run) remarks(out *Result, interrupted bool) {
	note := func(format string, args ...any) { out.Notes = append(out.Notes, fmt.Sprintf(format, args...)) }
	if interrupted {
		out.Aborted = "interrupted"
	}
	left := 0
	for _, n := range r.pool.bad {
		left += n
	}
	if left > 0 {
		note("%d of %d devices could not be enrolled and took no part.", left, r.opts.Devices)
	}
	if n := r.tally.missed; n > 0 {
		note("%d requests at WNS were forgotten before they were looked at: the stages trigger and wake lack them.", n)
	}
	late := out.Stages[Late]
	if late.Count > 0 && late.At["p99"] > 10_000 {
		note("dmwake itself was late by %s at the 99th percentile: this machine is too small for the rate, and what is whole includes that.", Micros(late.At["p99"]))
	}
	if out.Counts.Offline > 0 {
		note("%d devices had no network: their wake-ups are lost, unless a poll brings them.", out.Counts.Offline)
	}
	if !r.opts.Resident {
		note("Every session opens a connection with a full TLS handshake; --resident keeps connections instead.")
	}
}

// WriteJSON writes the result.
func (r *Result) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// Read reads the result of an earlier run.
func Read(path string) (*Result, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Result
	if err := json.Unmarshal(raw, &r); err != nil || r.Kind != "load" {
		return nil, fmt.Errorf("%s is no result of dmwake load --json", path)
	}
	return &r, nil
}

// report tells Progress how things stand, until ctx ends.
func (r *Run) report(ctx context.Context) {
	if r.opts.Progress == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		t := &r.tally
		whole := t.stages[Whole]
		p := Progress{Elapsed: time.Since(r.zero), Started: t.started + t.warm, Done: t.done + t.polled, Open: t.open(), Errors: t.failures,
			Rate: float64(t.over - last), P50: whole.ValueAtQuantile(50), P99: whole.ValueAtQuantile(99)}
		last = t.over
		r.mu.Unlock()
		r.opts.Progress(p)
	}
}

// Combine adds up the results of runs that went on at the same time on several
// machines, each with devices of its own: counts are summed, histograms merged.
// Runs that were asked for different things are an error.
func Combine(list []*Result) (*Result, error) {
	if len(list) == 0 {
		return nil, errors.New("there is nothing to combine")
	}
	out := *list[0]
	out.Stages, out.Errors, out.Excluded, out.Course = map[Stage]Summary{}, map[string]int64{}, map[string]int{}, nil
	out.Counts, out.Notes, out.Aborted, out.Config.Devices = Counts{}, nil, "", 0
	for i, r := range list {
		a, b := list[0].Config, r.Config
		a.Seed, b.Seed, a.Devices, b.Devices = 0, 0, 0, 0
		if a != b {
			return nil, fmt.Errorf("result %d was asked for something else than the first: %+v and %+v", i+1, b, a)
		}
		for k := range i {
			if list[k].Config.Seed == r.Config.Seed {
				return nil, fmt.Errorf("results %d and %d have the same seed, and so the same devices: give each machine its own --seed", k+1, i+1)
			}
		}
		c := &out.Counts
		c.Started, c.Done, c.Polled = c.Started+r.Counts.Started, c.Done+r.Counts.Done, c.Polled+r.Counts.Polled
		c.Failed, c.Lost, c.Warm, c.Offline = c.Failed+r.Counts.Failed, c.Lost+r.Counts.Lost, c.Warm+r.Counts.Warm, c.Offline+r.Counts.Offline
		out.Config.Devices += r.Config.Devices
		for kind, n := range r.Errors {
			out.Errors[kind] += n
		}
		for why, n := range r.Excluded {
			out.Excluded[why] += n
		}
		for _, n := range r.Notes {
			out.Notes = append(out.Notes, fmt.Sprintf("machine %d: %s", i+1, n))
		}
		if r.Aborted != "" {
			out.Aborted = fmt.Sprintf("machine %d: %s", i+1, r.Aborted)
		}
	}
	for _, s := range Stages() {
		parts := make([]Summary, len(list))
		for i, r := range list {
			parts[i] = r.Stages[s]
		}
		var err error
		if out.Stages[s], err = Merge(parts...); err != nil {
			return nil, err
		}
	}
	return &out, nil
}
