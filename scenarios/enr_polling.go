package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// pollSchedule are the ENR scenarios about the poll schedule of the provisioning
// document. A document without one leaves polling to Windows.
var pollSchedule = []Scenario{
	{
		ID: "ENR-22", Level: report.Must, Title: "the poll schedule is valid",
		Rule:    "Each value of Poll is 0 or a positive number. Not all six are 0 (those of the second and third set are 0 if absent); if all three counts are present, not all counts are 0.",
		Source:  "Learn, \"DMClient CSP\", Poll; MS-MDE2 2.2.9.3",
		Fix:     "Give at least one of the three counts and one interval a value above 0.",
		Mutants: []*mutants.Mutant{mutants.EnrPollZero},
		Run: func(t *T) {
			for _, r := range validPolls(pollSets(documentOf(t.Specimen()))) {
				t.Try(r.what, func() { t.Check(r.ok, r.expected, r.saw) })
			}
		},
	},
	{
		ID: "ENR-35", Level: report.Should, Title: "polling that never ends is rare",
		Rule:    "IntervalForRemainingScheduledRetries, if present with a count of 0, is at least 480 minutes, as Microsoft's own service has it: urgent work is pushed. (MS-MDE2 asks for a day, and has 480 in a sample.) Without push, devices have to poll more often: every 15 minutes at most.",
		Source:  "MS-MDE2 2.2.9.3, 2.2.9.1; MS-MDE 3.6; Learn, \"Federated authentication device enrollment\"; fleet issue 46481; the bound without push is ours",
		Fix:     "Raise IntervalForRemainingScheduledRetries to a day, and push urgent work.",
		Mutants: []*mutants.Mutant{mutants.EnrPollMinute},
		Under:   []string{"ENR-22"},
		Run: func(t *T) {
			last := pollSets(documentOf(t.Specimen()))[2]
			if _, err := strconv.Atoi(cmp.Or(last.interval, "0")); err != nil {
				t.Blocked(suite.By("ENR-22"), "%s is not a number: %s", last.intervalName, last.interval)
			}
			r := rarePolls(last, t.Polls())
			t.Check(r.ok, r.expected, r.saw)
		},
	},
	{
		ID: "ENR-83", Level: report.Should, Title: "the poll schedule slows down, and has one endless set",
		Rule:    "NumberOfFirstRetries is not 0. The interval of the second set is longer than that of the first. At most one set has the count 0 and an interval, which makes it endless.",
		Source:  "MS-MDE2 2.2.9.3; Learn, \"DMClient CSP\", Poll (samples have 3 minutes after 15)",
		Fix:     "Poll often at first and for a limited number of times, then less often, and let only the last set be endless.",
		Mutants: []*mutants.Mutant{mutants.EnrPollFirstZero, mutants.EnrPollFaster, mutants.EnrPollEndless},
		Under:   []string{"ENR-22"},
		Run: func(t *T) {
			for _, r := range slowingPolls(pollSets(documentOf(t.Specimen()))) {
				t.Try(r.what, func() { t.Check(r.ok, r.expected, r.saw) })
			}
		},
	},
}

// pollSet is one of the three sets of a poll schedule. Values that the document
// lacks are empty.
type pollSet struct{ countName, intervalName, count, interval string }

func pollSets(doc *enroll.Provisioning) []pollSet {
	return pollSetsOf(func(name string) string { return doc.Provider.Node("Poll/" + name) })
}

// pollSetsOf makes the sets of the values below Poll.
func pollSetsOf(value func(name string) string) []pollSet {
	sets := []pollSet{
		{countName: "NumberOfFirstRetries", intervalName: "IntervalForFirstSetOfRetries"},
		{countName: "NumberOfSecondRetries", intervalName: "IntervalForSecondSetOfRetries"},
		{countName: "NumberOfRemainingScheduledRetries", intervalName: "IntervalForRemainingScheduledRetries"},
	}
	for i := range sets {
		sets[i].count, sets[i].interval = value(sets[i].countName), value(sets[i].intervalName)
	}
	return sets
}

// pollRule is one rule of a schedule, judged.
type pollRule struct {
	what          string
	ok            bool
	expected, saw string
}

// validPolls judges what a schedule must keep: its values are numbers, and not all are 0.
func validPolls(sets []pollSet) (out []pollRule) {
	var counts, all []string
	for _, s := range sets {
		for _, v := range [][2]string{{s.countName, s.count}, {s.intervalName, s.interval}} {
			n, err := strconv.Atoi(v[1])
			out = append(out, pollRule{"Poll/" + v[0], v[1] == "" || err == nil && n >= 0, "0 or a positive number", v[1]})
			all = append(all, v[1])
		}
		counts = append(counts, s.count)
	}
	for i := 2; i < len(all); i++ {
		all[i] = cmp.Or(all[i], "0") // the defaults of the second and the third set
	}
	return append(out, pollRule{"all six values", !zeros(all), "a value above 0", strings.Join(all, ", ")},
		pollRule{"the three counts", !zeros(counts), "a value above 0", strings.Join(counts, ", ")})
}

// rarePolls judges the last set. Without a count, or with one above 0, Windows polls
// once a day, or the set ends.
func rarePolls(last pollSet, polls bool) pollRule {
	least := 480
	if polls {
		least = 15
	}
	minutes, err := strconv.Atoi(last.interval)
	ok := err != nil || last.count != "" && last.count != "0" || minutes == 0 || minutes >= least
	return pollRule{last.intervalName, ok, fmt.Sprintf("%s: at least %d minutes", last.intervalName, least), last.interval}
}

// slowingPolls judges how the sets follow each other.
func slowingPolls(sets []pollSet) []pollRule {
	first, second := sets[0], sets[1]
	a, errA := strconv.Atoi(first.interval)
	b, errB := strconv.Atoi(second.interval)
	var endless []string
	for _, s := range sets[1:] { // the first one is judged by itself
		if isZero(s.count) && s.interval != "" && !isZero(s.interval) {
			endless = append(endless, s.countName)
		}
	}
	return []pollRule{
		{first.countName, !isZero(first.count), "a number above 0", first.count},
		{second.intervalName, errA != nil || errB != nil || b == 0 || b > a, fmt.Sprintf("more than %d minutes, the interval of the first set", a), second.interval},
		{"endless sets", len(endless) <= 1, "at most one count of 0 with an interval", strings.Join(endless, ", ")},
	}
}

// zeros reports whether all values are present, and all are 0.
func zeros(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !isZero(v) })
}

func isZero(v string) bool {
	n, err := strconv.Atoi(v)
	return err == nil && n == 0
}
