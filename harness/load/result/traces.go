package result

import (
	"cmp"
	"slices"
)

// MaxTraced is how many wake-ups each list of Traces has at most.
const MaxTraced = 10

// Traces are the wake-ups to look up in the traces of the server.
type Traces struct {
	Slowest []Traced `json:"slowest,omitempty"` // of those that delivered something, by Took
	Failed  []Traced `json:"failed,omitempty"`  // the first that failed or were lost
}

// Traced is a wake-up whose requests had a traceparent header.
type Traced struct {
	// TraceID is the trace id of W3C Trace Context: 32 hexadecimal digits.
	TraceID string `json:"traceID"`
	// Session is the trace id of its session if that is another one: a session of
	// several wake-ups has the id of the first.
	Session string  `json:"sessionTraceID,omitempty"`
	Device  string  `json:"device"`
	At      float64 `json:"at"` // when it was due, in seconds since the start of the plan
	Took    int64   `json:"took,omitempty"`
	// Stages are in microseconds, as is Took, which is Whole or Polled.
	Stages map[Stage]int64 `json:"stages"`
	Error  string          `json:"error,omitempty"`
}

// Add keeps a wake-up if it is among the slowest so far, or among the first without success.
func (t *Traces) Add(w Traced) {
	if w.Error != "" {
		if len(t.Failed) < MaxTraced {
			t.Failed = append(t.Failed, w)
		}
		return
	}
	if n := len(t.Slowest); n == MaxTraced && t.Slowest[n-1].Took >= w.Took {
		return
	}
	at, _ := slices.BinarySearchFunc(t.Slowest, w, func(a, b Traced) int { return cmp.Compare(b.Took, a.Took) })
	t.Slowest = slices.Insert(t.Slowest, at, w)
	t.Slowest = t.Slowest[:min(len(t.Slowest), MaxTraced)]
}

// joinTraces is the lists of several results as one; nil if none has any.
func joinTraces(list []*Result) *Traces {
	var all *Traces
	for _, r := range list {
		if r.Traces == nil {
			continue
		}
		if all == nil {
			all = &Traces{}
		}
		for _, w := range slices.Concat(r.Traces.Slowest, r.Traces.Failed) {
			all.Add(w)
		}
	}
	return all
}
