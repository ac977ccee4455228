package scenarios

import (
	"strconv"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

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
		Rule:    "Each value of Poll is 0 or a positive number. If all six are present, not all are 0; if all three counts are present, not all counts are 0.",
		Source:  "Learn, \"DMClient CSP\", Poll; MS-MDE2 2.2.9.3",
		Fix:     "Give at least one of the three counts and one interval a value above 0.",
		Mutants: []*mutants.Mutant{mutants.EnrPollZero},
		Run: func(t *T) {
			var counts, all []string
			for _, s := range pollSets(documentOf(t.Specimen())) {
				t.Try("Poll/"+s.countName, func() { number(t, s.count) })
				t.Try("Poll/"+s.intervalName, func() { number(t, s.interval) })
				counts, all = append(counts, s.count), append(all, s.count, s.interval)
			}
			t.Try("all six values", func() { t.Check(!zeros(all), "a value above 0", strings.Join(all, ", ")) })
			t.Try("the three counts", func() { t.Check(!zeros(counts), "a value above 0", strings.Join(counts, ", ")) })
		},
	},
	{
		ID: "ENR-35", Level: report.Should, Title: "polling goes on, but not every minute",
		Rule:    "The schedule that never ends, the last set with count 0, polls every 15 minutes at most: urgent work is pushed.",
		Source:  "Learn, \"DMClient CSP\", Poll; " + learnPush + "; fleet issue 46481; the bound is ours",
		Fix:     "Raise IntervalForRemainingScheduledRetries to hours, and push urgent work.",
		Mutants: []*mutants.Mutant{mutants.EnrPollMinute},
		Under:   []string{"ENR-22"},
		Run: func(t *T) {
			last := pollSets(documentOf(t.Specimen()))[2]
			switch {
			case last.interval == "":
				return // then Windows polls once a day
			case last.count != "0":
				t.NotApplicable("every schedule ends: %s is %s", last.countName, suite.Show(last.count))
			}
			minutes, err := strconv.Atoi(last.interval)
			if err != nil {
				t.Blocked(suite.By("ENR-22"), "%s is not a number: %s", last.intervalName, last.interval)
			}
			t.Expect(minutes, "minutes in %s", last.intervalName).To(BeNumerically(">=", 15))
		},
	},
}

// pollSet is one of the three sets of a poll schedule. Values that the document
// lacks are empty.
type pollSet struct{ countName, intervalName, count, interval string }

func pollSets(doc *enroll.Provisioning) []pollSet {
	sets := []pollSet{
		{countName: "NumberOfFirstRetries", intervalName: "IntervalForFirstSetOfRetries"},
		{countName: "NumberOfSecondRetries", intervalName: "IntervalForSecondSetOfRetries"},
		{countName: "NumberOfRemainingScheduledRetries", intervalName: "IntervalForRemainingScheduledRetries"},
	}
	for i := range sets {
		sets[i].count, sets[i].interval = doc.Provider.Node("Poll/"+sets[i].countName), doc.Provider.Node("Poll/"+sets[i].intervalName)
	}
	return sets
}

// number fails unless a value is empty, or 0 or a positive number.
func number(t *T, v string) {
	n, err := strconv.Atoi(v)
	t.Check(v == "" || err == nil && n >= 0, "0 or a positive number", v)
}

// zeros reports whether all values are present, and all are 0.
func zeros(values []string) bool {
	for _, v := range values {
		if n, err := strconv.Atoi(v); err != nil || n != 0 {
			return false
		}
	}
	return true
}
