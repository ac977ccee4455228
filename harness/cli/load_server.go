package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/load/server"
	"github.com/dmwake/dmwake/harness/target"
)

// idleTime is how long the idle server is watched before the first wake-up.
const idleTime = 2 * time.Second

// serverFlags choose what of the server is watched during a load.
type serverFlags struct {
	pids                     []int
	containers, urls, series []string
	traceHeaders             bool
}

func (f *serverFlags) flags(fl *pflag.FlagSet) {
	f.processFlags(fl)
	fl.StringArrayVar(&f.urls, "scrape", nil, "read the server's Prometheus metrics from this URL each second; repeatable")
	fl.StringArrayVar(&f.series, "series", nil, "with --scrape: which metrics, NAME or NAME{label=\"value\"}; repeatable (default: CPU, memory, files and goroutines of the process)")
	fl.BoolVar(&f.traceHeaders, "trace-headers", false, "send W3C Trace Context (traceparent) with each request of a wake-up, and list the ids of the slowest ones")
}

// processFlags choose the processes.
func (f *serverFlags) processFlags(fl *pflag.FlagSet) {
	fl.IntSliceVar(&f.pids, "pid", nil, "watch the server's process with this number, and its children: CPU, memory, open files, threads; repeatable")
	fl.StringArrayVar(&f.containers, "container", nil, "watch the server's container: its name or id (docker, podman), or the number of its main process; repeatable")
}

// any tells whether anything is to be watched.
func (f *serverFlags) any() bool { return len(f.pids)+len(f.containers)+len(f.urls) > 0 }

// watch checks what is to be watched. cfg is nil for the embedded server.
func (f *serverFlags) watch(ctx context.Context, cfg *target.Config) (*server.Watch, error) {
	w := &server.Watch{}
	for _, pid := range f.pids {
		if cfg == nil && running(pid) {
			break // it is told below that it cannot be the server
		}
		if err := w.AddProcess(pid); err != nil {
			return nil, fmt.Errorf("--pid: %w", err)
		}
	}
	if cfg == nil && len(f.pids)+len(f.containers) > 0 {
		return nil, errors.New("--pid, --container: the embedded server is a part of dmwake, and its use of the processor cannot be told apart; run the server as a process of its own and name it by --config")
	}
	for _, name := range f.containers {
		if err := w.AddContainer(ctx, name); err != nil {
			return nil, fmt.Errorf("--container: %w", err)
		}
	}
	for _, name := range f.series {
		if err := server.CheckSeries(name); err != nil {
			return nil, fmt.Errorf("--series: %w", err)
		}
	}
	switch {
	case len(f.urls) == 0 && len(f.series) > 0:
		return nil, errors.New("--series chooses metrics of --scrape; give --scrape, too")
	case len(f.urls) == 0:
		return w, nil
	}
	client, err := scrapeClient(cfg)
	if err != nil {
		return nil, err
	}
	for _, url := range f.urls {
		if err := w.AddScrape(url, f.series, client); err != nil {
			return nil, fmt.Errorf("--scrape: %w", err)
		}
	}
	return w, nil
}

// running tells whether there is a process; one of another user counts.
func running(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer p.Release() //nolint:errcheck // it was only looked for
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// scrapeClient trusts target.ca besides the system's CAs: a server's metrics often
// have the certificate of its other pages.
func scrapeClient(cfg *target.Config) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if cfg != nil && cfg.Target.CA != "" {
		raw, err := bounded.ReadFile(cfg.Target.CA, bounded.Text)
		if err != nil {
			return nil, fmt.Errorf("target.ca: %w", err)
		}
		roots.AppendCertsFromPEM(raw)
	}
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents it
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: t}, nil
}

// beginWatch starts to watch, and leaves the server idle for a while, unless the load
// must start before at.
func beginWatch(ctx context.Context, w io.Writer, s *server.Watch, at time.Time) {
	if s.Empty() {
		return
	}
	idle := idleTime
	if !at.IsZero() {
		idle = min(idle, time.Until(at)-100*time.Millisecond)
	}
	say(w, "server     watching %s\n", s.Names())
	s.Start()
	if idle > 0 {
		t := time.NewTimer(idle)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	for _, n := range s.Notes() {
		say(w, "  - %s\n", n)
	}
}

// endWatch adds to a result what was seen of the server; r is nil if there is none.
func endWatch(s *server.Watch, r *result.Result, o *load.Options) {
	s.Stop()
	if s.Empty() || r == nil {
		return
	}
	warmup, err := time.ParseDuration(r.Config.Warmup) // in the time of the plan
	if err == nil && o.Speed > 0 {
		warmup = time.Duration(float64(warmup) / o.Speed)
	}
	r.Server = s.Result(server.Window{Start: r.Started, Counted: r.Started.Add(warmup), End: r.Ended, Wakes: r.Counts.Done + r.Counts.Polled})
}

// tellServer prints what the server used.
func tellServer(w io.Writer, s *result.Server) {
	if s == nil {
		return
	}
	for i := range s.Processes {
		p := &s.Processes[i]
		wake, idle := "", ""
		if p.IdleCPU != nil {
			idle = fmt.Sprintf(", without its idle %.1f %% of a processor", 100**p.IdleCPU)
		}
		if p.CPUPerWake > 0 {
			wake = fmt.Sprintf("; %.2f ms per wake-up%s", 1000*p.CPUPerWake, idle)
		}
		files := ""
		if p.PeakFiles > 0 {
			files = fmt.Sprintf(", %d open files", p.PeakFiles)
		}
		say(w, "server     %s: %.2f s of CPU in %.1f s%s\n", processName(p), p.CPUSeconds, p.Seconds, wake)
		say(w, "           at most %.1f MB of memory%s, %d threads\n", float64(p.PeakRSS)/1e6, files, p.PeakThreads)
	}
	for i := range s.Series {
		if v := &s.Series[i]; len(v.Points) > 0 {
			sum, most := 0.0, v.Points[0].Value
			for _, p := range v.Points {
				sum, most = sum+p.Value, max(most, p.Value)
			}
			say(w, "series     %s: %s of %s, at most %s\n", v.Name, seriesKind(v.Kind), brief(sum/float64(len(v.Points))), brief(most))
		}
	}
	for _, n := range s.Notes {
		say(w, "  - %s\n", n)
	}
}

func processName(p *result.Process) string {
	if p.Container != "" {
		return "container " + p.Container
	}
	return fmt.Sprintf("process %d (%s)", p.PID, p.Name)
}

func seriesKind(k result.SeriesKind) string {
	switch k {
	case result.Rate:
		return "a mean rate per second"
	case result.Mean:
		return "a mean"
	}
	return "a mean value"
}

// brief writes a value with about three digits.
func brief(v float64) string {
	if v >= 1000 || v == float64(int64(v)) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// tellTraces lists the wake-ups to look up in the server's traces.
func tellTraces(w io.Writer, t *result.Traces) {
	if t == nil {
		return
	}
	list := func(title string, all []result.Traced) {
		if len(all) == 0 {
			return
		}
		say(w, "%s\n", title)
		for i := range all {
			k := &all[i]
			say(w, "  %9s  trace %s  device %s\n             %s\n", took(k), k.TraceID, k.Device, stagesOf(k))
			if k.Session != "" {
				say(w, "             its session has the trace %s, of an earlier wake-up\n", k.Session)
			}
		}
	}
	list("slowest wake-ups, by the trace id of their requests:", t.Slowest)
	list("wake-ups that failed or were lost:", t.Failed)
}

func took(k *result.Traced) string {
	if k.Took == 0 {
		return "-"
	}
	return result.Micros(k.Took)
}

// stagesOf are the stages of a wake-up in their order, and its error.
func stagesOf(k *result.Traced) string {
	var out []string
	for _, s := range result.Stages() {
		us, ok := k.Stages[s]
		if !ok || slices.Contains([]result.Stage{result.Whole, result.Wait, result.Out}, s) {
			continue
		}
		out = append(out, fmt.Sprintf("%s %s", s, result.Micros(us)))
	}
	if k.Error != "" {
		out = append(out, k.Error)
	}
	return strings.Join(out, ", ")
}
