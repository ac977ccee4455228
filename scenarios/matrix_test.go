package scenarios

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

var matrixFile = flag.String("matrix", "", "run every scenario on every mutant and write the matrix to this file")

// TestMatrix runs every scenario on every mutant. A mutant that survives fails
// it, as does a scenario that no mutant kills, and a MUST scenario that fails
// on a mutant which breaks no rule of its own: a false alarm. It takes a quarter of an hour
// on two cores; "make mutants" runs it and shows each mutant as it is done.
func TestMatrix(t *testing.T) {
	if *matrixFile == "" {
		t.Skip("run by make mutants; TestMutantsAreKilled runs what each mutant must fail")
	}
	all := All()
	failed := make([][]string, len(mdmserver.Mutants))
	var labs sync.WaitGroup
	slots := make(chan struct{}, 12)
	for i, m := range mdmserver.Mutants {
		labs.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			l, err := lab.Start(nil, lab.Options{Mutants: []string{m.Name}, Seed: 1, Push: 4 * time.Second, Crowd: 40, Key: sharedKey})
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			defer func() { t.Logf("%s fails %v", m.Name, failed[i]) }()
			for _, r := range suite.Collect(t.Context(), l, all, suite.Options{Parallel: 4}).Results {
				if r.Broken() {
					failed[i] = append(failed[i], r.ID)
				}
			}
		})
	}
	labs.Wait()
	killers := map[string][]string{}
	var b strings.Builder
	b.WriteString("# What each mutant of the reference server fails\n\nWritten by `make mutants`. Every mutant breaks one rule; \"also\" are scenarios that cannot but fail with it, \"by itself\" are those that need a server of their own to show.\n\n| mutant | does | killed by | also |\n|---|---|---|---|\n")
	for i, m := range mdmserver.Mutants {
		var killed, also []string
		for _, id := range failed[i] {
			if slices.Contains(killersOf(m.Name), id) {
				killed = append(killed, id)
				killers[id] = append(killers[id], m.Name)
			} else {
				also = append(also, id)
			}
		}
		// One that another scenario silenced before its turn is given a lab to
		// itself, as all are in TestMutantsAreKilled.
		for _, id := range killersOf(m.Name) {
			if !slices.Contains(killed, id) {
				if r, _ := suite.Run(t.Context(), newLab(t, m.Name), &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == id })]); !r.Broken() {
					t.Errorf("mutant %s survives %s: %s %s", m.Name, id, r.Outcome, r.Reason)
				}
				killers[id] = append(killers[id], m.Name)
				killed = append(killed, id+" by itself")
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", m.Name, m.Does, strings.Join(killed, ", "), strings.Join(also, ", "))
		for _, id := range also {
			if must(all, id) && !explains(m, id) {
				t.Errorf("false alarm: %s, a MUST, fails on mutant %s (%s)", id, m.Name, m.Does)
			}
		}
	}
	for _, s := range all {
		if len(killers[s.ID]) == 0 {
			t.Errorf("no mutant kills %s", s.ID)
		}
	}
	if err := os.WriteFile(*matrixFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// also are scenarios, or whole areas, that cannot but fail on a mutant which is
// made for others.
var also = map[string][]string{
	"enr-policies-panic":   {"ENR-03", "ENR-05"},
	"enr-no-eku":           {"SES-01"},
	"enr-no-appsrv":        {"SES-29", "SES-30", "SES-31", "SES-32", "SES-41", "SEC-05", "SEC-16", "SEC-17"},
	"enr-ca-expired":       {"SES-01"},
	"enr-wrong-key":        {"SES-01"},
	"ses-unknown-alert":    {"PSH-10"},
	"ses-msg-id":           {"PSH-04"},
	"ses-alert-unanswered": {"PSH-10"},
	"ses-msgid-spelling":   {"ERR-02", "ERR-07", "ERR-10"},
	"ses-first-status":     {"PFN", "WER", "ERR"},
	"pfn-atomic":           {"ERR-01"},
	"pfn-every-session":    {"CHN-01", "CHN-03"},
	"chn-keep-enrollment":  {"ENR-20"},
	"chn-global":           {"WER", "TOK", "PSH"},
	"tok-never-renewed":    {"PSH-01"},
	"tok-dead":             {"PSH-01"},
	"tok-no-json-dead":     {"PSH-01"},
	"wns-uri":              {"CHN-07"},
	"wer-401-stop":         {"TOK-05"},
	"wer-serial":           {"PSH", "TOK", "WNS"},
	"wer-bad-reply-dead":   {"PSH-01"},
	"wer-down-dead":        {"PSH-01"},
	"psh-twice":            {"ERR-10", "SES-20", "WER-12", "WER-17"},
	"psh-forget":           {"WER-12"},
	"psh-scope":            {"SES-20", "SES-22"},
	"psh-exec-replace":     {"SES-20"},
	"err-results-fail":     {"SES-42"},
	"sec-garbage":          {"SES-31", "SES-41"},
	"rob-nosession":        {"SES-34"},
	"rob-wedge":            {"ROB-02"},
	"rob-crowd":            {"ENR", "SES", "PFN", "CHN", "PSH", "ERR", "SEC", "WER", "TOK", "WNS"},
}

// explains tells whether a mutant may fail a scenario beside those it is made
// for: one of the same area, or one that is declared.
func explains(m mdmserver.Mutant, id string) bool {
	area, _, _ := strings.Cut(id, "-")
	of := func(other string) bool { return strings.EqualFold(area, other[:3]) }
	return of(m.Name) || slices.ContainsFunc(killersOf(m.Name), of) || slices.Contains(also[m.Name], id) || slices.Contains(also[m.Name], area)
}

func must(all []Scenario, id string) bool {
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.ID == id })
	return all[i].Level == report.Must
}

// TestSeeds: in ten orders, with ten sets of devices, the verdicts are the same.
// It is part of make mutants.
func TestSeeds(t *testing.T) {
	if *matrixFile == "" {
		t.Skip("run by make mutants; TestReferencePasses runs one order")
	}
	for seed := uint64(1); seed <= 10; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(nil, lab.Options{Seed: seed, Quiet: 1500 * time.Millisecond, Crowd: 60, Key: sharedKey})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for _, r := range suite.Collect(t.Context(), l, All(), suite.Options{Parallel: 4}).Results {
				if r.Outcome != report.Passed {
					t.Errorf("%s with seed %d: %+v", r.ID, seed, r)
				}
			}
		})
	}
}
