package result

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expectation is a threshold for a result: "p99<2s", "wake.p50<=300us",
// "lost==0", "rate>=190", and for one part of a load "polls: p99<2s".
type Expectation struct {
	text, part, metric, op string
	value                  float64 // microseconds for a time
}

var expectation = regexp.MustCompile(`^\s*(?:(\S.*?)\s*:\s*)?([a-z0-9.]+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*$`)

// counters are the metrics that are numbers, not times.
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

// ParseExpectation reads one expectation. Its errors list the known metrics.
func ParseExpectation(s string) (*Expectation, error) {
	m := expectation.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("%q is not an expectation; write METRIC, one of < <= > >= == !=, and a value, such as p99<2s or lost==0", s)
	}
	e := &Expectation{text: strings.TrimSpace(s), part: m[1], metric: m[2], op: m[3]}
	if counters[e.metric] != nil {
		v, err := strconv.ParseFloat(m[4], 64)
		if err != nil || math.IsNaN(v) {
			return nil, fmt.Errorf("%q: compare %s with a number", s, e.metric)
		}
		e.value = v
		return e, nil
	}
	if _, _, ok := e.time(); !ok {
		return nil, fmt.Errorf("%q: unknown metric %q; choose %s, or p50, p90, p95, p99, p999, mean or max of the whole or of a stage (wake.p99): %s",
			s, e.metric, strings.Join(slices.Sorted(maps.Keys(counters)), ", "), stageNames())
	}
	d, err := time.ParseDuration(m[4])
	if err != nil {
		return nil, fmt.Errorf("%q: compare %s with a time, such as 2s or 300us", s, e.metric)
	}
	e.value = float64(d.Nanoseconds()) / 1000
	return e, nil
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

// Beyond tells whether the expectation allows more time than a run waits at its end: a
// wake-up that is that slow can then be lost there, and is not measured.
func (e *Expectation) Beyond(drain time.Duration) bool {
	_, _, ok := e.time()
	return ok && (e.op == "<" || e.op == "<=") && e.value > float64(drain.Microseconds())
}

// Met tells whether a result meets the expectation, and the value it has. A stage
// without measurements never meets one.
func (e *Expectation) Met(r *Result) (ok bool, saw string) {
	if e.part != "" {
		p := r.Find(e.part)
		if p == nil {
			return false, fmt.Sprintf("no part %q", e.part)
		}
		r = &Result{Counts: p.Counts, Stages: p.Stages, Seconds: p.Seconds}
	}
	var v float64
	if f := counters[e.metric]; f != nil {
		v = f(r)
		saw = strconv.FormatFloat(v, 'f', -1, 64)
	} else {
		stage, figure, _ := e.time()
		s := r.Stages[stage]
		if s.Count == 0 {
			return false, "no measurements"
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

// Metric is the left side of the expectation, without the part: "done", "wake.p99".
func (e *Expectation) Metric() string { return e.metric }

// OfTime tells whether the expectation is about a time, not a number.
func (e *Expectation) OfTime() bool { return counters[e.metric] == nil }

// String returns the expectation as it was written.
func (e *Expectation) String() string { return e.text }
