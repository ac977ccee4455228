package result

import (
	"fmt"
	"slices"
	"testing"
)

// TestTraces: the slowest stay, in order, whatever order they come in; and the first
// without success.
func TestTraces(t *testing.T) {
	var all Traces
	for i := range 100 {
		all.Add(Traced{TraceID: fmt.Sprint(i), Took: int64(i * 37 % 101)})
		all.Add(Traced{TraceID: fmt.Sprint(i), Error: "lost"})
	}
	var took []int64
	for _, w := range all.Slowest {
		took = append(took, w.Took)
	}
	if want := []int64{100, 99, 98, 97, 96, 95, 94, 93, 92, 91}; !slices.Equal(took, want) {
		t.Errorf("%v, want %v", took, want)
	}
	if n := len(all.Failed); n != MaxTraced || all.Failed[n-1].TraceID != "9" {
		t.Errorf("%+v", all.Failed)
	}
	other := &Traces{Slowest: []Traced{{TraceID: "x", Took: 99}, {TraceID: "y", Took: 1}}}
	joined := joinTraces([]*Result{{Traces: &all}, {}, {Traces: other}})
	if len(joined.Slowest) != MaxTraced || !slices.ContainsFunc(joined.Slowest, func(w Traced) bool { return w.TraceID == "x" }) || joined.Slowest[9].Took != 92 {
		t.Errorf("%+v", joined.Slowest)
	}
	if joinTraces([]*Result{{}, {}}) != nil {
		t.Error("traces from nothing")
	}
}

// TestNetCPU: the idle server is taken off, and never more than there is.
func TestNetCPU(t *testing.T) {
	idle := 0.5
	for want, p := range map[float64]Process{
		3: {CPUSeconds: 3, Seconds: 10}, 1: {CPUSeconds: 6, Seconds: 10, IdleCPU: &idle}, 0: {CPUSeconds: 4, Seconds: 10, IdleCPU: &idle},
	} {
		if got := p.NetCPU(); got != want {
			t.Errorf("%+v: %g, want %g", p, got, want)
		}
	}
}
