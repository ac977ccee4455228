package load

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/report"
)

// results makes the result of batches that went on beside each other: of all, and of
// each, unless there are only pushes.
func (r *Run) results(list []*batch, was before, interrupted bool) (out *result.Result, err error) {
	if len(list) == 1 && list[0].kind() == KindPush {
		out = r.result(list[0], interrupted)
	} else if out, err = r.joined(list, interrupted); err != nil {
		return nil, err
	}
	out.CPU = cpuNow().since(was.cpu)
	out.Notes = r.notes(out, list, was)
	return out, nil
}

// joined adds up the results of parts.
func (r *Run) joined(list []*batch, interrupted bool) (*result.Result, error) {
	var all []*result.Result
	for _, b := range list {
		one := r.result(b, interrupted)
		one.Parts = []result.LoadPart{{Name: b.part.Name, Kind: string(b.part.Kind), Plan: b.part.Text(), Seconds: one.Seconds, Counts: one.Counts, Planned: one.Planned, Away: one.Away, Stages: one.Stages, Course: one.Course, Errors: one.Errors}}
		if b.kind() == KindPush {
			one.Parts[0].Sender, one.Parts[0].Work = b.sender(), b.part.Mix.Text()
		}
		all = append(all, one)
	}
	out, err := result.Beside(all)
	if err != nil {
		return nil, err
	}
	// The configuration of the whole: that of the first part with pushes, with all plans.
	var plans []string
	for i, b := range list {
		plans = append(plans, b.part.Name+": "+b.part.Text())
		if b.kind() == KindPush && out.Config.Sender == "" {
			out.Config = all[i].Config
		}
	}
	out.Config.Rate = strings.Join(plans, "; ")
	return out, nil
}

// result makes the result of a batch. Wake-ups that are still open get their
// outcome now.
func (r *Run) result(b *batch, interrupted bool) *result.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUpVisits(b, interrupted)
	for w := range b.jobs {
		r.giveUp(w, interrupted)
	}
	clear(b.jobs)
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
		Counts: t.counts(), Planned: b.planned, Away: b.away,
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
	c := result.Config{
		Devices: o.Devices, Rate: p.Text(), Storm: b.Storm, Poisson: p.Poisson, Duration: p.given().Duration.String(), Warmup: p.given().Warmup.String(),
		Sender: b.sender(), Who: b.part.Who, Offline: o.Offline, Key: o.Key, TLS: tls, Workers: o.Workers, Seed: o.Seed,
	}
	if o.Speed != 1 {
		c.Speed = o.Speed
	}
	if b.polls != nil {
		c.Poll = strings.TrimPrefix(b.polls.Text(), "every ")
	}
	switch m := b.part.Mix; len(m) {
	case 0:
		c.Work = "none"
	case 1:
		c.Work, c.Settings = m[0].Work.Kind, m[0].Work.Settings
	default:
		c.Work = m.Text()
	}
	return c
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
	case w.batch.kind().changes():
		return "it was still enrolling at the end"
	case w.batch.kind() != KindPush:
		return "no session ended in time"
	case w.batch.sender() == SenderNone:
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
