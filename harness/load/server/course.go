package server

import (
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// mostPoints is how many points a course has, about. A longer run has longer steps.
const mostPoints = 600

// Window is the part of a run that the figures are about.
type Window struct {
	Start   time.Time // of the plan; the zero of the time axis
	Counted time.Time // end of the warm-up
	End     time.Time
	// Wakes is how many wake-ups delivered something in the counted time.
	Wakes int64
}

// Result returns what was seen.
func (w *Watch) Result(in Window) *result.Server {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := &result.Server{Notes: slices.Clone(w.notes)}
	for _, p := range w.probes {
		out.Processes = append(out.Processes, p.result(in))
	}
	for _, s := range w.scrape {
		series, notes := s.result(in)
		out.Series, out.Notes = append(out.Series, series...), append(out.Notes, notes...)
	}
	return out
}

// Notes says what could not be read so far.
func (w *Watch) Notes() []string { return w.Result(Window{}).Notes }

func (p *probe) result(in Window) result.Process {
	out := p.Process
	n := len(p.samples)
	if n == 0 {
		return out
	}
	first, last := p.samples[0], p.samples[n-1]
	begin, end := later(in.Counted, first.at), earlier(in.End, last.at)
	out.Seconds = max(end.Sub(begin).Seconds(), 0)
	if out.Seconds > 0 {
		out.CPUSeconds = p.cpuAt(end) - p.cpuAt(begin)
	}
	// The samples before the plan show the idle server. Less than a second of them
	// says little: the kernel counts in hundredths of a second.
	if idle := in.Start.Sub(first.at); idle >= time.Second {
		share := max(p.cpuAt(earlier(in.Start, last.at))-first.cpu, 0) / idle.Seconds()
		out.IdleCPU = &share
	}
	if in.Wakes > 0 {
		out.CPUPerWake = out.NetCPU() / float64(in.Wakes)
	}
	for _, s := range p.samples {
		out.PeakRSS, out.PeakFiles, out.PeakThreads = max(out.PeakRSS, s.rss), max(out.PeakFiles, s.files), max(out.PeakThreads, s.threads)
	}
	out.Course = p.course(in.Start)
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// cpuAt is the processor time that was used up to a moment between the first and the
// last sample. Between two samples it grows evenly.
func (p *probe) cpuAt(at time.Time) float64 {
	i, found := slices.BinarySearchFunc(p.samples, at, func(s sample, t time.Time) int { return s.at.Compare(t) })
	switch {
	case found:
		return p.samples[i].cpu
	case i == 0:
		return p.samples[0].cpu
	case i == len(p.samples):
		return p.samples[i-1].cpu
	}
	a, b := &p.samples[i-1], &p.samples[i]
	return a.cpu + (b.cpu-a.cpu)*at.Sub(a.at).Seconds()/b.at.Sub(a.at).Seconds()
}

// between is the processor use from sample i to the next one.
func (p *probe) between(i int) float64 {
	a, b := &p.samples[i], &p.samples[i+1]
	if d := b.at.Sub(a.at).Seconds(); d > 0 {
		return max(b.cpu-a.cpu, 0) / d
	}
	return 0
}

// course joins samples to steps. A step has the mean processor use and the peak of
// everything else.
func (p *probe) course(start time.Time) (out []result.Usage) {
	n := len(p.samples)
	per := (n + mostPoints - 1) / mostPoints
	for i := 0; i+1 < n; i += per {
		k := min(i+per, n-1)
		// The sample at the end comes early. What a few milliseconds used is below the
		// hundredth of a second that the kernel counts in.
		if k == n-2 && p.samples[n-1].at.Sub(p.samples[k].at) < Interval/2 {
			k, per = n-1, n
		}
		a, b := &p.samples[i], &p.samples[k]
		if !b.at.After(a.at) {
			continue
		}
		u := result.Usage{At: b.at.Sub(start).Seconds(), CPU: max(b.cpu-a.cpu, 0) / b.at.Sub(a.at).Seconds()}
		for _, s := range p.samples[i+1 : k+1] {
			u.RSS, u.Files, u.Threads = max(u.RSS, s.rss), max(u.Files, s.files), max(u.Threads, s.threads)
		}
		out = append(out, u)
	}
	return out
}
