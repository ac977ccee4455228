package load

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Compare writes how a result differs from an earlier one, stage by stage, and
// tells whether it is worse: more lost or failed, or a whole whose p99 is over
// by more than slack, a share such as 0.1.
func Compare(w io.Writer, before, now *Result, slack float64) (worse bool, err error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stage\tp50 before\tnow\t\tp99 before\tnow\t\t")
	for _, s := range Stages() {
		a, b := before.Stages[s], now.Stages[s]
		if a.Count == 0 && b.Count == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", s, change(&a, &b, "p50"), change(&a, &b, "p99"))
	}
	if err := t.Flush(); err != nil {
		return false, err
	}
	for _, c := range []struct {
		name string
		a, b int64
		bad  bool // more of them is worse
	}{
		{"started", before.Counts.Started, now.Counts.Started, false}, {"done", before.Counts.Done, now.Counts.Done, false},
		{"by polling", before.Counts.Polled, now.Counts.Polled, true}, {"failed", before.Counts.Failed, now.Counts.Failed, true}, {"lost", before.Counts.Lost, now.Counts.Lost, true}, {"without work", before.Counts.Empty, now.Counts.Empty, true},
	} {
		if c.a != 0 || c.b != 0 {
			fmt.Fprintf(w, "%-12s %d, now %d\n", c.name, c.a, c.b)
		}
		worse = worse || c.bad && c.b > c.a
	}
	asked, asks := before.Config, now.Config
	asked.Seed, asks.Seed = 0, 0 // drawn, mostly
	if asked != asks {
		fmt.Fprintln(w, "The two runs were not asked for the same: their figures say less.")
	}
	if before.Machine != now.Machine {
		fmt.Fprintln(w, "The two runs were on different machines.")
	}
	a, b := before.Stages[Whole].At["p99"], now.Stages[Whole].At["p99"]
	return worse || float64(b) > float64(a)*(1+slack), nil
}

// change are a quantile before and now, and by how much it changed; a stage that one
// run did not have is no time.
func change(before, now *Summary, quantile string) string {
	a, b, by := "-", "-", ""
	if before.Count > 0 {
		a = Micros(before.At[quantile])
	}
	if now.Count > 0 {
		b = Micros(now.At[quantile])
	}
	if before.At[quantile] > 0 && now.Count > 0 {
		by = fmt.Sprintf("%+.0f%%", math.Round(100*(float64(now.At[quantile])/float64(before.At[quantile])-1)))
	}
	return a + "\t" + b + "\t" + by
}
