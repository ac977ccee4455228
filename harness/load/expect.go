package load

import (
	"fmt"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Expectation is a threshold on a result: "p99<2s", "wake.p50<=300us",
// "lost==0", "rate>=190".
type Expectation struct {
	text, metric, op string
	value            float64 // microseconds, or a number
}

var expectation = regexp.MustCompile(`^\s*([a-z0-9.]+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*$`)

// counters are the metrics that are no times.
var counters = map[string]func(*Result) float64{
	"started": func(r *Result) float64 { return float64(r.Counts.Started) },
	"done":    func(r *Result) float64 { return float64(r.Counts.Done) },
	"polled":  func(r *Result) float64 { return float64(r.Counts.Polled) },
	"failed":  func(r *Result) float64 { return float64(r.Counts.Failed) },
	"errors":  func(r *Result) float64 { return float64(r.Counts.Failed) },
	"empty":   func(r *Result) float64 { return float64(r.Counts.Empty) },
	"lost":    func(r *Result) float64 { return float64(r.Counts.Lost) },
	"rate":    (*Result).Rate,
}

// Rate is how many wake-ups were done in a second of the counted time.
func (r *Result) Rate() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Counts.Done) / r.Seconds
}

// ParseExpectation reads one; the error says what there is.
func ParseExpectation(s string) (*Expectation, error) {
	m := expectation.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("%q is no expectation: METRIC, one of < <= > >= == !=, and a value, such as p99<2s or lost==0", s)
	}
	e := &Expectation{text: strings.TrimSpace(s), metric: m[1], op: m[2]}
	if counters[e.metric] != nil {
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil || math.IsNaN(v) {
			return nil, fmt.Errorf("%q: %s is compared with a number", s, e.metric)
		}
		e.value = v
		return e, nil
	}
	if _, _, ok := e.time(); !ok {
		return nil, fmt.Errorf("%q: there is no metric %q; there are %s, and p50, p90, p95, p99, p999, mean, max of the whole or of a stage (wake.p99), which is one of %s",
			s, e.metric, strings.Join(sortedCounters(), ", "), stageNames())
	}
	d, err := time.ParseDuration(m[3])
	if err != nil {
		return nil, fmt.Errorf("%q: %s is compared with a time, such as 2s or 300us", s, e.metric)
	}
	e.value = float64(d.Nanoseconds()) / 1000
	return e, nil
}

func sortedCounters() (out []string) {
	for k := range counters {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func stageNames() string {
	var out []string
	for _, s := range Stages() {
		out = append(out, string(s))
	}
	return strings.Join(out, ", ")
}

// time splits "wake.p99" into stage and figure.
func (e *Expectation) time() (stage Stage, figure string, ok bool) {
	stage, figure = Whole, e.metric
	if name, rest, found := strings.Cut(e.metric, "."); found {
		if !isStage(name) {
			return "", "", false
		}
		stage, figure = Stage(name), rest
	}
	if figure == "mean" || figure == "max" {
		return stage, figure, true
	}
	for _, q := range Quantiles {
		if q.Name == figure {
			return stage, figure, true
		}
	}
	return "", "", false
}

// Met tells whether a result is as expected, and what it is. A time of which
// nothing was measured is never as expected.
func (e *Expectation) Met(r *Result) (ok bool, saw string) {
	var v float64
	if f := counters[e.metric]; f != nil {
		v = f(r)
		saw = strconv.FormatFloat(v, 'f', -1, 64)
	} else {
		stage, figure, _ := e.time()
		s := r.Stages[stage]
		if s.Count == 0 {
			return false, "nothing was measured"
		}
		switch figure {
		case "mean":
			v = s.Mean
		case "max":
			v = float64(s.Max)
		default:
			v = float64(s.At[figure])
		}
		saw = Micros(int64(v))
	}
	switch e.op {
	case "<":
		ok = v < e.value
	case "<=":
		ok = v <= e.value
	case ">":
		ok = v > e.value
	case ">=":
		ok = v >= e.value
	case "==":
		ok = v == e.value
	case "!=":
		ok = v != e.value
	}
	return ok, saw
}

// Metric is what is expected of: "done", "wake.p99".
func (e *Expectation) Metric() string { return e.metric }

// String is the expectation as it was written.
func (e *Expectation) String() string { return e.text }
