package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/harness/guard"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// lastScrapeTimeout is how long to wait for a last scrape. Prometheus scrapes once
// a minute by default.
const lastScrapeTimeout = time.Minute

// metricsServer serves /metrics during a load. Nil serves nothing.
type metricsServer struct {
	w       io.Writer
	metrics *load.Metrics
	http    *http.Server
}

// listenMetrics opens the listener that --metrics asks for, if any.
func (f *loadFlags) listenMetrics() (net.Listener, error) {
	if f.metrics == "" {
		return nil, nil
	}
	return lab.Listen("--metrics", f.metrics)
}

// serveMetrics starts the server; without a listener it serves nothing.
//
// The figures are no secret, so a page that its user made reachable from other machines
// answers to every name.
func serveMetrics(w io.Writer, o *load.Options, ln net.Listener) *metricsServer {
	if ln == nil {
		return nil
	}
	m := load.NewMetrics()
	h := guard.Handler(m.Handler(), guard.Options{Name: "metrics page", AnyHost: !guard.Loopback(ln.Addr().String()),
		Advice: "for other names give --metrics an address that is not loopback"})
	s := &metricsServer{w, m, lab.NewHTTPServer(h)}
	line := o.Progress
	o.Observe, o.Progress = m.Observe, func(p load.Progress) {
		m.Progress(p)
		line(p)
	}
	go s.http.Serve(ln) //nolint:errcheck // ends with the command
	say(w, "metrics    http://%s/metrics\n", ln.Addr())
	return s
}

// lastScrape lets a Prometheus that scraped during the run get the final figures.
func (s *metricsServer) lastScrape(ctx context.Context, r *result.Result) {
	if s == nil {
		return
	}
	scraped := s.metrics.Done(r)
	if scraped == nil || ctx.Err() != nil {
		return
	}
	say(s.w, "metrics    waiting up to %s for a last scrape by Prometheus; Ctrl-C ends it\n", lastScrapeTimeout)
	wait, cancel := context.WithTimeout(ctx, lastScrapeTimeout)
	defer cancel()
	select {
	case <-scraped:
	case <-wait.Done():
	}
}

// close lets a scrape under way finish.
func (s *metricsServer) close() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.http.Shutdown(ctx) //nolint:errcheck // the process ends
}
