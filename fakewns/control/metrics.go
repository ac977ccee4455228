package control

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dmwake/dmwake/fakewns"
)

// collector turns the service's counters into metrics on each scrape.
type collector struct {
	wns                                              *fakewns.Server
	requests, deliveries, broken, faultHits, journal *prometheus.Desc
	journalBytes, journalCut                         *prometheus.Desc
	channels, waiting, faults, failing, unkept       *prometheus.Desc
}

func metricsHandler(wns *fakewns.Server) http.Handler {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("dmwake_wns_"+name, help, labels, nil)
	}
	c := &collector{
		wns:          wns,
		requests:     desc("requests_total", "Requests answered.", "kind", "status"),
		deliveries:   desc("deliveries_total", "What became of accepted notifications; a cached one counts again when that ends.", "outcome"),
		broken:       desc("broken_rules_total", "Notifications that broke at least one rule."),
		faultHits:    desc("fault_hits_total", "Requests that a fault met which is still under way.", "fault"),
		journal:      desc("journal_entries_total", "Journal entries so far, including earlier runs if the state is kept."),
		journalBytes: desc("journal_bytes", "Memory that the kept journal entries take, about."),
		journalCut:   desc("journal_cut_total", "Requests that were too long for the journal to keep whole."),
		channels:     desc("channels", "Channels that are open, and that are revoked and answer 410.", "state"),
		waiting:      desc("channels_waiting", "Channels with a notification cached."),
		faults:       desc("faults", "Faults under way."),
		failing:      desc("state_failing", "1 while the state file cannot be written, else 0."),
		unkept:       desc("state_refused_total", "Notifications answered 503 because the state file could not be written."),
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.requests, c.deliveries, c.broken, c.faultHits, c.journal, c.journalBytes, c.journalCut, c.channels, c.waiting, c.faults, c.failing, c.unkept} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.wns.Stats()
	send := func(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, t, v, labels...)
	}
	for status, n := range s.Tokens {
		send(c.requests, prometheus.CounterValue, float64(n), "token", strconv.Itoa(status))
	}
	for status, n := range s.Notifications {
		send(c.requests, prometheus.CounterValue, float64(n), "notification", strconv.Itoa(status))
	}
	for outcome, n := range s.Deliveries {
		send(c.deliveries, prometheus.CounterValue, float64(n), string(outcome))
	}
	send(c.broken, prometheus.CounterValue, float64(s.Broken))
	hits := map[string]int{}
	for _, f := range c.wns.Faults() {
		hits[f.Name] += f.Hits
	}
	for name, n := range hits {
		send(c.faultHits, prometheus.CounterValue, float64(n), name)
	}
	send(c.journal, prometheus.CounterValue, float64(s.Journal))
	send(c.journalBytes, prometheus.GaugeValue, float64(s.JournalBytes))
	send(c.journalCut, prometheus.CounterValue, float64(s.JournalCut))
	send(c.channels, prometheus.GaugeValue, float64(s.Channels), "open")
	send(c.channels, prometheus.GaugeValue, float64(s.Revoked), "revoked")
	send(c.waiting, prometheus.GaugeValue, float64(s.Waiting))
	send(c.faults, prometheus.GaugeValue, float64(s.Faults))
	failing := 0.0
	if s.StateError != "" {
		failing = 1
	}
	send(c.failing, prometheus.GaugeValue, failing)
	send(c.unkept, prometheus.CounterValue, float64(s.Unkept))
}
