package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/report"
)

// Result is what a run measured; its JSON is what compare and merge read.
type Result struct {
	Dmwake  string        `json:"dmwake"`
	Kind    string        `json:"kind"` // "load"
	Started time.Time     `json:"started"`
	Ended   time.Time     `json:"ended"`
	Target  report.Target `json:"target"`
	Config  ConfigView    `json:"config"`
	Machine Machine       `json:"machine"`
	CPU     *CPU          `json:"cpu,omitempty"` // absent where the system does not tell, and of several machines
	Counts  Counts        `json:"counts"`
	// Planned is how many wake-ups were meant to start in the counted time, in all
	// shares together.
	Planned int64 `json:"planned"`
	// Seconds is the counted time, in which these were started; of what is started
	// all at once, the time until the last session ended.
	Seconds float64 `json:"seconds"`
	// Part is which part of the whole this is, where several processes share it.
	Part *Part `json:"part,omitempty"`
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

// Part is one process's part of a load.
type Part struct {
	Share
	Devices int `json:"devices"` // in it
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
	// Unfinished are those under way when the run was interrupted: nobody knows
	// what would have become of them.
	Unfinished int64 `json:"unfinished,omitempty"`
	// Empty are those of Done of whose work nothing came, in their session or an
	// earlier one.
	Empty   int64 `json:"empty,omitempty"`
	Warm    int64 `json:"warmup"`
	Offline int   `json:"offlineDevices,omitempty"`
}

// Ended are the wake-ups of which it is known what became of them.
func (c *Counts) Ended() int64 { return c.Done + c.Polled + c.Failed + c.Lost }

func (r *Run) result(b *batch, interrupted bool) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, t, p := r.opts, &b.tally, b.Plan
	if p == nil {
		p = &Plan{text: fmt.Sprintf("%d at once", b.Count)}
	}
	out := &Result{Dmwake: report.Version, Kind: "load", Started: r.zero.Add(b.base), Ended: time.Now(), Planned: b.planned,
		Config: ConfigView{Devices: o.Devices, Rate: p.Text(), Storm: b.Storm, Poisson: p.Poisson, Duration: p.Duration.String(), Warmup: p.Warmup.String(),
			Sender: o.Sender, Work: o.Work.Kind, Settings: o.Work.Settings, Who: o.Who, Offline: o.Offline, Key: o.Key, TLS: map[bool]string{true: "keep-alive", false: "full handshake"}[o.Resident],
			Workers: o.Workers, Seed: o.Seed},
		Machine: Machine{runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()},
		Stages:  map[Stage]Summary{}, Excluded: r.pool.bad,
	}
	if o.Rehearse {
		out.Target = report.Target{Name: "nobody: a rehearsal"}
	} else {
		c := &r.lab.Config.Target
		out.Target = report.Target{Name: c.Name, Discovery: c.DiscoveryURL(), Push: c.Push, Profiles: []string{o.Profile}}
	}
	if !o.Share.Whole() {
		out.Part = &Part{Share: o.Share, Devices: o.own()}
	}
	for i := range r.open {
		r.forget(i, func(w *wakeup) bool {
			if w.batch != b {
				return false
			}
			r.leave(w, interrupted)
			return true
		})
	}
	out.Counts, out.Errors = t.counts(), maps.Clone(t.errors)
	out.Counts.Offline = r.pool.off
	for s, h := range t.stages {
		out.Stages[s] = summarize(h)
	}
	out.Course = t.view()
	out.Seconds = max(b.lasted-p.Warmup, 0).Seconds()
	if b.Storm || b.Plan == nil {
		out.Seconds = (time.Duration(out.Stages[Whole].Max) * time.Microsecond).Seconds()
	}
	out.CPU = usage().share(b.used)
	r.remarks(out, b, interrupted)
	return out
}

// leave counts a wake-up of which nothing came as lost, where the run was interrupted
// as unfinished, unless it was done and only the journal did not tell. The caller
// holds r.mu, and forgets it.
func (r *Run) leave(w *wakeup, interrupted bool) {
	r.close(w)
	if w.done {
		return
	}
	t := &w.batch.tally
	t.over++
	if interrupted {
		w.end(outcomeUnfinished)
		if w.counted {
			t.unfinished++
		}
		return
	}
	w.end(outcomeLost)
	t.at(w.intended).lost++
	if w.counted {
		t.lost++
		t.errors["lost: "+r.lostBy(w)]++
	}
}

// lostBy says how far a lost wake-up came.
func (r *Run) lostBy(w *wakeup) string {
	switch {
	case w.trouble != "":
		return w.trouble
	case r.opts.Sender == SenderNone:
		return "no device polled in time"
	case w.atWNS == 0 && w.another:
		return "no notification of its own came to WNS, but another led to a session since"
	case w.atWNS == 0 && w.cut:
		return "its trigger was still under way at the end"
	case w.atWNS == 0:
		return "no notification came to WNS"
	case w.there == 0:
		return "WNS took it, and it did not reach the device"
	}
	return "it reached the device, and no session followed in time"
}

// remarks are what a reader of the figures has to know.
func (r *Run) remarks(out *Result, b *batch, interrupted bool) {
	note := func(format string, args ...any) { out.Notes = append(out.Notes, fmt.Sprintf(format, args...)) }
	if interrupted {
		out.Aborted = "interrupted"
	}
	left := 0
	for _, n := range r.pool.bad {
		left += n
	}
	if left > 0 {
		note("%d of %d devices could not be enrolled and took no part.", left, r.opts.own())
	}
	if b.moving && !interrupted {
		note("Wake-ups were still being done %s after the plan had ended (--drain), and those that were not by then are counted as lost. A longer --drain tells how late they are.", r.opts.Drain)
	}
	if n := out.Counts.Empty; n > 0 {
		note("Of %d wake-ups that were done %d brought nothing of their work (--work %s): no session since it was queued had it. Does the queue hook queue what it is told to?", out.Counts.Done, n, out.Config.Work)
	}
	if n := r.missed - b.missed; n > 0 {
		note("%d requests at WNS were forgotten before they were looked at: the stages trigger and wake lack them.", n)
	}
	late := out.Stages[Late]
	if late.Count > 0 && late.At["p99"] > 10_000 {
		note("dmwake itself was late by %s at the 99th percentile: this machine is too small for the rate, and what is whole includes that.", Micros(late.At["p99"]))
	}
	wait := out.Stages[Wait]
	switch n := r.pool.waited() - b.waited; {
	case n > 0:
		note("%d times a device was woken while %d sessions were under way, as many as may be at a time (--workers), and waited for one to end: that is in the stages wait, open and out. Where the machine has time left, raise --workers.", n, r.opts.Workers)
	case wait.Count > 0 && wait.At["p99"] > 10_000 && !out.CPU.full():
		note("Of the devices' sessions, 1 %% began more than %s after the notification came, mostly since the device was still in its session before: that is in the stages wait, open and out. With more devices, or a lower rate, each is woken less often.", Micros(wait.At["p99"]))
	}
	out.Notes = append(out.Notes, out.CPU.remarks()...)
	for kind := range out.Errors {
		if strings.Contains(kind, noPort) {
			note("This machine ran out of ports: each session opens a connection, and its port is kept for a minute after it where the server is on another machine, so that 28,000 ports make some 470 sessions a second. --resident keeps connections; net.ipv4.tcp_tw_reuse=1 and a wider net.ipv4.ip_local_port_range help; --share divides the load among machines.")
			break
		}
	}
	if out.Counts.Offline > 0 {
		note("%d devices had no network: their wake-ups are lost, unless a poll brings them.", out.Counts.Offline)
	}
	if r.opts.Rehearse {
		note("This was a rehearsal: the times follow from the numbers of the wake-ups, and no device was woken.")
	} else if !r.opts.Resident {
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
func (r *Run) report(ctx context.Context, b *batch) {
	if b.Progress == nil {
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
		t := &b.tally
		whole := t.stages[Whole]
		p := Progress{Elapsed: time.Since(r.zero) - b.base, Counts: t.counts(), Open: t.open(), Rate: float64(t.over - last), P50: whole.ValueAtQuantile(50), P99: whole.ValueAtQuantile(99)}
		p.Warming = b.Plan != nil && p.Elapsed < b.Plan.Warmup
		last = t.over
		r.mu.Unlock()
		b.Progress(p)
	}
}
