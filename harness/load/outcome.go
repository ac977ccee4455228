package load

import (
	"fmt"
	"maps"
	"runtime"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/report"
)

// result makes the result of a batch. Wake-ups that are still open get their
// outcome now.
func (r *Run) result(b *batch, interrupted bool) *result.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.devices {
		r.drop(&r.devices[i], func(w *wakeup) bool {
			if w.batch != b {
				return false
			}
			r.giveUp(w, interrupted)
			return true
		})
	}
	t := &b.tally
	out := &result.Result{
		Dmwake: report.Version, Kind: result.Kind, Started: r.zero.Add(b.base), Ended: time.Now(),
		Target: r.target(), Config: r.config(b), Machine: result.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()},
		CPU: cpuNow().since(b.cpu), Counts: t.counts(), Planned: b.planned,
		Stages: map[result.Stage]result.Summary{}, Course: t.course.Points(), Errors: maps.Clone(t.errors), Excluded: r.pool.excluded,
		Traces: t.traces,
	}
	out.Counts.Offline = r.pool.offline
	if !r.opts.Share.Whole() {
		out.Part = &result.Part{Share: r.opts.Share, Devices: r.opts.own()}
	}
	for s, h := range t.stages {
		out.Stages[s] = h.Summary()
	}
	if b.Storm || b.Plan == nil {
		out.Seconds = (time.Duration(out.Stages[result.Whole].Max) * time.Microsecond).Seconds()
	} else {
		out.Seconds = max(b.lasted-b.Plan.Warmup, 0).Seconds()
	}
	if interrupted {
		out.Aborted = "interrupted"
	}
	out.Notes = r.notes(out, b)
	return out
}

func (r *Run) target() report.Target {
	if r.opts.Rehearse {
		return report.Target{Name: "a rehearsal without a server"}
	}
	c := &r.lab.Config.Target
	return report.Target{Name: c.Name, Discovery: c.DiscoveryURL(), Push: c.Push, Profiles: []string{r.opts.Profile}}
}

func (r *Run) config(b *batch) result.Config {
	o, p := r.opts, b.Plan
	if p == nil {
		p = &Plan{text: fmt.Sprintf("%d at once", b.Count)}
	}
	tls := "full handshake"
	if o.Resident {
		tls = "keep-alive"
	}
	return result.Config{
		Devices: o.Devices, Rate: p.Text(), Storm: b.Storm, Poisson: p.Poisson, Duration: p.Duration.String(), Warmup: p.Warmup.String(),
		Sender: o.Sender, Work: o.Work.Kind, Settings: o.Work.Settings, Who: o.Who, Offline: o.Offline, Key: o.Key, TLS: tls, Workers: o.Workers, Seed: o.Seed,
	}
}

// giveUp ends an open wake-up: as unfinished if the run was interrupted, and
// otherwise as lost. One that is done only waited for the journal. The caller
// holds r.mu, and drops it.
func (r *Run) giveUp(w *wakeup, interrupted bool) {
	r.measurePush(w)
	switch {
	case w.done:
		r.traced(w, w.whyNot())
	case interrupted:
		w.end(outcomeUnfinished)
		w.batch.tally.unfinishedOne(w)
	default:
		w.end(outcomeLost)
		w.batch.tally.lostOne(w, r.whyLost(w))
		r.traced(w, "lost: "+r.whyLost(w))
	}
}

// whyLost says how far a lost wake-up got.
func (r *Run) whyLost(w *wakeup) string {
	switch {
	case w.trouble != "":
		return w.trouble
	case r.opts.Sender == SenderNone:
		return "no device polled in time"
	case w.notified == 0 && w.overtaken:
		return "no notification came to WNS, but another one led to a session since"
	case w.notified == 0 && w.cut:
		return "its trigger was still under way at the end"
	case w.notified == 0:
		return "no notification came to WNS"
	case w.arrived == 0:
		return "WNS accepted it, but it did not reach the device"
	}
	return "it reached the device, but no session followed in time"
}
