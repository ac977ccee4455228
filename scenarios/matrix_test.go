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

// strict is a whole run against the embedded server with mutants, reported as
// dmwake test --strict would.
func strict(t *testing.T, seed uint64, mutants ...string) *report.Report {
	t.Helper()
	l, err := lab.Start(nil, lab.Options{Mutants: mutants, Seed: seed, Push: 4 * time.Second, Crowd: 40, Key: sharedKey})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	noEnroll := l.Preflight(t.Context())
	out := suite.Collect(t.Context(), l, All(), suite.Options{Parallel: 4, NoEnroll: noEnroll})
	r := &report.Report{FailOn: report.FailOn{report.OnMust, report.OnShould}, Scenarios: out.Results}
	r.Finish()
	return r
}

// besides runs f for each name, a few at a time: runs mostly wait.
func besides[T any](names []T, f func(i int, name T)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, n := range names {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			f(i, n)
		})
	}
	all.Wait()
}

// TestMatrix runs the whole suite on every mutant, each with a seed of its own.
// The run must fail, and so must every scenario that the mutant is made for; one
// that could not look since another failed before it is listed by name, and runs
// by itself. A MUST that fails on a mutant which breaks no rule of its own is a
// false alarm, an error of the suite is one always. It is part of make mutants.
func TestMatrix(t *testing.T) {
	if *matrixFile == "" {
		t.Skip("run by make mutants; TestMutantsAreKilled runs what each mutant must fail")
	}
	rows := make([]string, len(mdmserver.Mutants))
	besides(mdmserver.Mutants, func(i int, m mdmserver.Mutant) {
		start := time.Now()
		r := strict(t, uint64(i+1), m.Name)
		rows[i] = row(t, m, r)
		t.Logf("%s in %s: %s", m.Name, time.Since(start).Round(time.Second), rows[i])
	})
	var b strings.Builder
	b.WriteString("# What each mutant of the reference server fails\n\nWritten by `make mutants`: the whole suite on each mutant, under `--strict`. Every mutant breaks one rule. \"Also\" are scenarios that cannot but fail with it; \"blocked\" are those made for it that could not look, since another of the same cause failed first, and that fail where they run by themselves. What is merely INFO warns and does not fail the run.\n\n| mutant | does | killed by | blocked | also |\n|---|---|---|---|---|\n")
	for _, line := range rows {
		b.WriteString(line + "\n")
	}
	if err := os.WriteFile(*matrixFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// row judges the run of a mutant and gives its line of the matrix.
func row(t *testing.T, m mdmserver.Mutant, r *report.Report) string {
	var killed, blocked, more []string
	made := killersOf(m.Name)
	telling := false
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		mine := slices.Contains(made, s.ID)
		switch {
		case s.Outcome == report.Errored:
			t.Errorf("%s is an error of the suite on mutant %s: %s", s.ID, m.Name, s.Reason)
		case mine && s.Broken():
			killed = append(killed, s.ID)
			telling = telling || s.Level != report.Info
		case mine && s.Outcome == report.Blocked:
			blocked = append(blocked, s.ID+" by "+s.BlockedBy)
			telling = true
		case mine:
			t.Errorf("mutant %s survives %s: %s %s", m.Name, s.ID, s.Outcome, s.Reason)
		case s.Broken():
			more = append(more, s.ID)
			if s.Level == report.Must && !explains(m, s.ID) {
				t.Errorf("false alarm: %s, a MUST, fails on mutant %s (%s): expected %s, saw %s", s.ID, m.Name, m.Does, s.Expected, s.Saw)
			}
		}
	}
	if telling && len(r.Failures()) == 0 {
		t.Errorf("the run passes on mutant %s (%s)", m.Name, m.Does)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", m.Name, m.Does, strings.Join(killed, ", "), strings.Join(blocked, ", "), strings.Join(more, ", "))
}

// also are scenarios, or whole areas, that cannot but fail on a mutant which is
// made for others.
var also = map[string][]string{
	"enr-policies-panic":   {"ENR-03", "ENR-05"},
	"enr-no-eku":           {"SES-01", "SES-43"},
	"enr-no-appsrv":        {"SES-29", "SES-30", "SES-31", "SES-32", "SES-41", "SEC-05", "SEC-16", "SEC-17"},
	"enr-ca-expired":       {"SES-01", "SES-43"},
	"enr-wrong-key":        {"SES-01", "SES-43"},
	"ses-unknown-alert":    {"PSH-10"},
	"ses-msg-id":           {"PSH-04"},
	"ses-alert-unanswered": {"PSH-10"},
	"ses-bye":              {"PSH-03"},
	"ses-msgid-spelling":   {"ERR-02", "ERR-07", "ERR-10"},
	"ses-first-status":     {"PFN", "WER", "ERR"},
	"pfn-atomic":           {"ERR-01"},
	"pfn-every-session":    {"CHN-01", "CHN-03"},
	"chn-empty-silent":     {"ERR"},
	"chn-keep-enrollment":  {"ENR-20"},
	"chn-global":           {"WER", "TOK", "PSH"},
	"tok-never-renewed":    {"PSH-01"},
	"tok-dead":             {"PSH-01"},
	"tok-no-json-dead":     {"PSH-01"},
	"wns-put":              {"PSH-01"},
	"wns-bearer":           {"PSH-01"},
	"wns-token-spoilt":     {"PSH-01", "TOK-05", "WER-01"},
	"wns-content-type":     {"PSH-01"},
	"wns-type":             {"PSH-01"},
	"wns-header-twice":     {"PSH-01"},
	"wns-chunked":          {"PSH-01"},
	"wns-empty":            {"PSH-01"},
	"wns-large":            {"PSH-01"},
	"wns-ttl-zero":         {"PSH-01"},
	"wns-uri":              {"CHN-07"},
	"wer-401-stop":         {"TOK-05"},
	"wer-serial":           {"PSH", "TOK", "WNS"},
	"wer-bad-reply-dead":   {"PSH-01"},
	"wer-down-dead":        {"PSH-01", "CHN-07"},
	"psh-twice":            {"ERR-10", "SES-20", "WER-12", "WER-17"},
	"psh-forget":           {"WER-12"},
	"psh-empty-404":        {"SES-43"},
	"psh-scope":            {"SES-20", "SES-22"},
	"psh-exec-replace":     {"SES-20"},
	"err-results-fail":     {"SES-42"},
	"sec-garbage":          {"SES-31", "SES-41"},
	"sec-challenge-any":    {"SES-41"},
	"rob-nosession":        {"SES-34"},
	"rob-wedge":            {"ROB-02"},
	"rob-crowd":            {"ENR", "SES", "PFN", "CHN", "PSH", "ERR", "SEC", "WER", "TOK", "WNS"},
}

// explains tells whether a mutant may fail a scenario beside those it is made
// for: one of the same area, one that is told under them, or one that is
// declared.
func explains(m mdmserver.Mutant, id string) bool {
	area, _, _ := strings.Cut(id, "-")
	of := func(other string) bool { return strings.EqualFold(area, other[:3]) }
	for _, s := range All() {
		if s.ID == id && slices.ContainsFunc(s.Under, func(k string) bool { return slices.Contains(killersOf(m.Name), k) }) {
			return true
		}
	}
	return of(m.Name) || slices.ContainsFunc(killersOf(m.Name), of) || slices.Contains(also[m.Name], id) || slices.Contains(also[m.Name], area)
}
