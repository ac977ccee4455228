// Package server watches the server under load from outside: the processor time,
// memory, files and threads of its processes, and its own Prometheus metrics. It
// takes a sample each second, and puts them on the time axis of a load result.
package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Interval is the time between two samples.
const Interval = time.Second

// MaxProcesses limits the processes and containers of one Watch: a plot with more
// lines cannot be read.
const MaxProcesses = 3

// usage is one reading of a process. cpu counts up, in seconds of one processor.
type usage struct {
	cpu     float64
	rss     int64
	files   int // 0: unknown
	threads int
}

// source reads what a process uses. An error means that the process has ended.
type source interface{ read() (usage, error) }

// sample is a usage and when it was read.
type sample struct {
	usage
	at time.Time
}

// probe is a watched process.
type probe struct {
	result.Process
	source  source
	samples []sample
	ended   error
}

// Watch samples a server. The zero Watch samples nothing; Add what it shall watch,
// then Start.
type Watch struct {
	mu     sync.Mutex
	probes []*probe
	scrape []*scrape
	notes  []string
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// AddProcess watches a process and its children.
func (w *Watch) AddProcess(pid int) error {
	if err := w.room(); err != nil {
		return err
	}
	t, name, note, err := openTree(pid, w.roots())
	if err != nil {
		return err
	}
	for _, p := range w.probes {
		if other, ok := p.source.(*tree); ok {
			if other.root == pid {
				return fmt.Errorf("process %d is named twice", pid)
			}
			other.apart[pid] = true
		}
	}
	w.add(&probe{Process: result.Process{PID: pid, Name: name}, source: t}, note)
	return nil
}

// AddContainer watches a container: its name or id, as docker or podman know it, or
// the number of its main process.
func (w *Watch) AddContainer(ctx context.Context, name string) error {
	if err := w.room(); err != nil {
		return err
	}
	pid, err := mainProcess(ctx, name)
	if err != nil {
		return err
	}
	g, note, err := openGroup(hostFiles, pid)
	if err != nil {
		return err
	}
	w.add(&probe{Process: result.Process{PID: pid, Container: name, Name: name}, source: g}, note)
	return nil
}

// AddScrape reads Prometheus metrics from a URL. names choose the series; without
// any, the usual ones of a process are taken.
func (w *Watch) AddScrape(url string, names []string, client *http.Client) error {
	s, err := newScrape(url, names, client)
	if err != nil {
		return err
	}
	w.scrape = append(w.scrape, s)
	return nil
}

func (w *Watch) room() error {
	if len(w.probes) == MaxProcesses {
		return fmt.Errorf("at most %d processes and containers can be watched", MaxProcesses)
	}
	return nil
}

func (w *Watch) add(p *probe, note string) {
	w.probes = append(w.probes, p)
	if note != "" {
		w.notes = append(w.notes, note)
	}
}

// roots are the processes that are watched already.
func (w *Watch) roots() map[int]bool {
	out := map[int]bool{}
	for _, p := range w.probes {
		if t, ok := p.source.(*tree); ok {
			out[t.root] = true
		}
	}
	return out
}

// Start begins to sample, now and then each Interval, until Stop.
func (w *Watch) Start() {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	if len(w.probes) > 0 {
		w.take()
		w.work.Go(func() { every(ctx, w.take) })
	}
	for _, s := range w.scrape {
		w.work.Go(func() {
			s.take(ctx)
			every(ctx, func() { s.take(ctx) })
		})
	}
}

// every calls f each Interval. A call that takes longer delays the next one.
func every(ctx context.Context, f func()) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		f()
	}
}

// Stop ends the sampling with a last sample of the processes.
func (w *Watch) Stop() {
	if w.stop == nil {
		return
	}
	w.stop()
	w.work.Wait()
	w.take()
	w.stop = nil
}

// take reads all processes once.
func (w *Watch) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.probes {
		if p.ended != nil {
			continue
		}
		u, err := p.source.read()
		now := time.Now()
		if err != nil {
			p.ended = err
			w.notes = append(w.notes, fmt.Sprintf("%s at %s: its figures end there.", err, now.Format("15:04:05")))
			continue
		}
		p.samples = append(p.samples, sample{u, now})
	}
}

// CPU is the processor use of all watched processes between the last two samples,
// as a share of one processor; ok is false if there are none.
func (w *Watch) CPU() (share float64, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.probes {
		if n := len(p.samples); n > 1 && p.ended == nil {
			share += p.between(n - 2)
			ok = true
		}
	}
	return share, ok
}

// Names says what is watched, for a line before the run.
func (w *Watch) Names() string {
	var out []string
	for _, p := range w.probes {
		out = append(out, label(&p.Process))
	}
	for _, s := range w.scrape {
		out = append(out, s.shown)
	}
	return strings.Join(out, ", ")
}

func label(p *result.Process) string {
	if p.Container != "" {
		return "container " + p.Container
	}
	return fmt.Sprintf("process %d (%s)", p.PID, p.Name)
}

// Empty tells whether nothing is watched.
func (w *Watch) Empty() bool { return len(w.probes)+len(w.scrape) == 0 }
