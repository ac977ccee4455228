package ddf_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// BenchmarkLookupRatio compares commands for hand-written nodes in a tree with the
// table below it and without, as it was before: known addresses, and ones that are
// resolved for the first time. Aim: 1.0; and what the table adds beyond it.
func BenchmarkLookupRatio(b *testing.B) {
	base := embedded(b)
	alone, both := tree(b, csp.Options{Platform: win11}), tree(b, csp.Options{Platform: win11, Base: base})
	known := []string{"./DevDetail/SwV", "./Vendor/MSFT/DMClient/HWDevID", "./Device/Vendor/MSFT/DeviceStatus/OS/Edition", "./Vendor/MSFT/RemoteWipe/doWipe"}
	count := 0
	const n = 4000
	ask := func(t *csp.Tree, fresh bool) time.Duration {
		uris := make([]string, n)
		for i := range uris {
			uris[i] = known[i%len(known)]
			if fresh {
				count++
				uris[i] = fmt.Sprintf("./Vendor/MSFT/DMClient/Provider/P%d/EntDMID", count)
			}
		}
		began := time.Now()
		for _, uri := range uris {
			t.Do(b.Context(), get, uri, csp.Value{})
		}
		return time.Since(began)
	}
	ask(alone, false)
	ask(both, false)
	ask(both, true)
	var again, first, each []float64
	for b.Loop() {
		for range 5 {
			was, is := ask(alone, false), ask(both, false)
			again, each = append(again, float64(is)/float64(was)), append(each, float64(is.Nanoseconds())/n)
			was, is = ask(alone, true), ask(both, true)
			first = append(first, float64(is)/float64(was))
		}
	}
	middle := func(list []float64) float64 { slices.Sort(list); return list[len(list)/2] }
	b.ReportMetric(middle(again), "ratio(aim<=1.1)")
	b.ReportMetric(middle(first), "ratio-first(aim<=1.1)")
	b.ReportMetric(middle(each), "ns/look-up")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSchema is what the table adds to the first device of a kind: the index, and
// a place for each area.
func BenchmarkSchema(b *testing.B) {
	for b.Loop() {
		for _, base := range []csp.Base{nil, embedded(b)} {
			if _, err := csp.NewSchema(csp.Options{Platform: win11, Base: base}, csp.All()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkArea is the first question to an area: its block is decoded.
func BenchmarkArea(b *testing.B) {
	base := embedded(b)
	at := slices.IndexFunc(base.Areas(), func(a csp.Area) bool { return a.Path == "Vendor/MSFT/BitLocker" })
	for b.Loop() {
		if len(base.Nodes(at, win11)) == 0 {
			b.Fatal("no node")
		}
	}
}

// BenchmarkTable reads the index of the table, once in a process.
func BenchmarkTable(b *testing.B) {
	for b.Loop() {
		if _, err := ddf.ReadIndex(); err != nil {
			b.Fatal(err)
		}
	}
}
