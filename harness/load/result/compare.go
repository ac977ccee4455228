package result

import (
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Compare writes the difference between two results, stage by stage. The later
// one is worse if more wake-ups were polled, failed, lost or empty, or if the p99
// of the whole grew by more than slack (0.1 is 10 %), in all or in a part of a plan. A result in which nothing was done
// cannot be compared: it is an error, or worse if it is the later one.
func Compare(w io.Writer, before, now *Result, slack float64) (worse bool, err error) {
	if before.Counts.Done+before.Counts.Polled == 0 {
		return false, errors.New("no wake-up was done in the earlier run: there is nothing to compare with")
	}
	if worse, err = compareOne(w, before, now); err != nil {
		return false, err
	}
	worse = grew(before.Stages, now.Stages, slack) || worse
	for i := range now.Parts {
		p := &now.Parts[i]
		was := before.Find(p.Name)
		if was == nil {
			fmt.Fprintf(w, "\npart %s: only in the later run\n", p.Name)
			continue
		}
		fmt.Fprintf(w, "\npart %s\n", p.Name)
		less, err := compareOne(w, &Result{Counts: was.Counts, Stages: was.Stages}, &Result{Counts: p.Counts, Stages: p.Stages})
		if err != nil {
			return false, err
		}
		switch { // the sums may hide it
		case was.Counts.Done+was.Counts.Polled > 0 && p.Counts.Done+p.Counts.Polled == 0:
			fmt.Fprintf(w, "part %s: nothing was done in the later run\n", p.Name)
			less = true
		case grew(was.Stages, p.Stages, slack):
			less = true
		}
		if less {
			fmt.Fprintf(w, "part %s is worse\n", p.Name)
		}
		worse = worse || less
	}
	for i := range before.Parts {
		if name := before.Parts[i].Name; now.Find(name) == nil {
			fmt.Fprintf(w, "\npart %s: only in the earlier run\n", name)
		}
	}
	a, b := before.Config, now.Config
	a.Seed, b.Seed = 0, 0 // usually drawn
	if a != b {
		fmt.Fprintln(w, "The two runs had different configurations: the figures are hard to compare.")
	}
	if before.Machine != now.Machine {
		fmt.Fprintln(w, "The two runs were on different machines.")
	}
	if now.Counts.Done+now.Counts.Polled == 0 {
		fmt.Fprintln(w, "No wake-up was done in the later run.")
		return true, nil
	}
	return worse, nil
}

// grew tells whether the p99 of the whole grew by more than slack.
func grew(before, now map[Stage]Summary, slack float64) bool {
	return float64(now[Whole].At["p99"]) > float64(before[Whole].At["p99"])*(1+slack)
}

// compareOne writes the stages and counts of two results, and tells whether a count is
// worse.
func compareOne(w io.Writer, before, now *Result) (worse bool, err error) {
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
		name         string
		before, now  int64
		lessIsBetter bool
	}{
		{"started", before.Counts.Started, now.Counts.Started, false},
		{"done", before.Counts.Done, now.Counts.Done, false},
		{"by polling", before.Counts.Polled, now.Counts.Polled, true},
		{"failed", before.Counts.Failed, now.Counts.Failed, true},
		{"lost", before.Counts.Lost, now.Counts.Lost, true},
		{"without work", before.Counts.Empty, now.Counts.Empty, true},
	} {
		if c.before != 0 || c.now != 0 {
			fmt.Fprintf(w, "%-12s %d, now %d\n", c.name, c.before, c.now)
		}
		worse = worse || c.lessIsBetter && c.now > c.before
	}
	return worse, nil
}

// change formats a quantile before and now, and the relative change. A stage that
// one of the runs did not measure is "-".
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
