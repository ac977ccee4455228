package scenarios

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

var (
	matrixFile = flag.String("matrix", "", "run every scenario on every mutant and write the matrix to this file")
	matrixOf   = flag.String("matrix-of", "", "with -matrix: only of mutants whose names match this regular expression; the file keeps its other lines")
)

// strict is a whole run against the embedded server with mutants, reported as
// dmwake test --strict would.
func strict(t *testing.T, seed uint64, broken ...*mutants.Mutant) *report.Report {
	t.Helper()
	l, err := lab.Start(nil, lab.Options{Mutants: broken, Seed: seed, Push: 4 * time.Second, Crowd: 40, Keys: sharedKeys})
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
	only, err := regexp.Compile(*matrixOf)
	if err != nil {
		t.Fatal(err)
	}
	rows, kept := make([]string, len(mutants.All())), map[string]string{}
	if *matrixOf != "" {
		kept = linesOf(t, *matrixFile)
	}
	besides(mutants.All(), func(i int, m *mutants.Mutant) {
		if rows[i] = kept[m.Name]; !only.MatchString(m.Name) {
			return
		}
		start := time.Now()
		r := strict(t, uint64(i+1), m)
		rows[i] = row(t, m, r)
		t.Logf("%s in %s: %s", m.Name, time.Since(start).Round(time.Second), rows[i])
	})
	var b strings.Builder
	b.WriteString("# What each mutant of the reference server fails\n\nWritten by `make mutants`: the whole suite on each mutant, under `--strict`. Every mutant breaks one rule. \"Also\" are scenarios that cannot but fail with it; \"blocked\" are those made for it that could not look, since another of the same cause failed first, and that fail where they run by themselves. What is merely INFO warns and does not fail the run.\n\n| mutant | does | killed by | blocked | also |\n|---|---|---|---|---|\n")
	for _, line := range rows {
		if line != "" { // it was not run yet
			b.WriteString(line + "\n")
		}
	}
	if err := os.WriteFile(*matrixFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// linesOf are the lines of a matrix by mutant.
func linesOf(t *testing.T, file string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if cells := strings.SplitN(line, " ", 3); len(cells) == 3 && cells[0] == "|" {
			out[cells[1]] = strings.TrimSuffix(line, "\n")
		}
	}
	return out
}

// row judges the run of a mutant and gives its line of the matrix.
func row(t *testing.T, m *mutants.Mutant, r *report.Report) string {
	var killed, blocked, more []string
	made := killersOf(m)
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
var also = map[*mutants.Mutant][]string{
	mutants.EnrPoliciesPanic:   {"ENR-03", "ENR-05"},
	mutants.EnrNoEKU:           {"SES-01", "SES-43"},
	mutants.EnrNoAppsrv:        {"SES-40", "SES-29", "SES-30", "SES-31", "SES-32", "SES-41", "SES-65", "SES-66", "SES-67", "SES-68", "SEC-05", "SEC-16", "SEC-17", "SEC-18"},
	mutants.EnrStaleSession:    {"MSG-03"},
	mutants.SesAddressDead:     {"ENR", "PFN", "CHN", "SEC", "ROB"}, // no later session
	mutants.SesStatusesSilent:  {"MSG-06"},
	mutants.SesStatusesEchoed:  {"MSG-07"},
	mutants.SesMixed:           {"MSG-02", "MSG-03"},
	mutants.MsgIDSkips:         {"SES-06", "PSH-04"},
	mutants.MsgCmdIDLater:      {"SES-12"},
	mutants.MsgNoData:          {"SES-38"},
	mutants.MsgFormatUnknown:   {"SES-38"},
	mutants.EnrRenewURL:        {"PSH-11"},
	mutants.EnrCAExpired:       {"SES-01", "SES-43"},
	mutants.EnrWrongKey:        {"SES-01", "SES-43"},
	mutants.SesUnknownAlert:    {"PSH-10"},
	mutants.SesMsgID:           {"PSH-04"},
	mutants.SesAlertUnanswered: {"PSH-10"},
	mutants.SesBye:             {"PSH-03"},
	mutants.SesMsgIDSpelling:   {"ERR-02", "ERR-07", "ERR-10"},
	mutants.SesFirstStatus:     {"PFN", "WER", "ERR"},
	mutants.PfnAtomic:          {"ERR-01"},
	mutants.PfnEverySession:    {"CHN-01", "CHN-03"},
	mutants.ChnEmptySilent:     {"ERR"},
	mutants.ChnKeepEnrollment:  {"ENR-20"},
	mutants.ChnGlobal:          {"WER", "TOK", "PSH"},
	mutants.TokNeverRenewed:    {"PSH-01"},
	mutants.TokDead:            {"PSH-01"},
	mutants.TokNoJSONDead:      {"PSH-01"},
	mutants.WnsPut:             {"PSH-01"},
	mutants.WnsBearer:          {"PSH-01"},
	mutants.WnsTokenSpoilt:     {"PSH-01", "TOK-05", "WER-01"},
	mutants.WnsContentType:     {"PSH-01"},
	mutants.WnsType:            {"PSH-01"},
	mutants.WnsHeaderTwice:     {"PSH-01"},
	mutants.WnsChunked:         {"PSH-01"},
	mutants.WnsEmpty:           {"PSH-01"},
	mutants.WnsLarge:           {"PSH-01"},
	mutants.WnsTTLZero:         {"PSH-01"},
	mutants.WnsTTLNoCache:      {"PSH-01"},
	mutants.WerChannelHoldsAll: {"PSH-01"}, // for ever
	mutants.WnsStatusOne:       {"PSH-01"},
	mutants.WnsURI:             {"CHN-07"},
	mutants.Wer401Stop:         {"TOK-05"},
	mutants.WerSerial:          {"PSH", "TOK", "WNS"},
	mutants.WerBadReplyDead:    {"PSH-01"},
	mutants.WerDownDead:        {"PSH-01", "CHN-07"},
	mutants.PshTwice:           {"ERR-10", "SES-20", "WER-12", "WER-17"},
	mutants.PshForget:          {"WER-12"},
	mutants.PshEmpty404:        {"SES-43"},
	mutants.ErrCmdFails:        {"SES-18", "SES-22"},
	mutants.PshWrongDevice:     {"ENR", "SES", "PSH", "WER", "ERR", "SEC", "ROB"},
	mutants.PshScope:           {"SES-20", "SES-22"},
	mutants.PshExecReplace:     {"SES-20"},
	mutants.ErrResultsFail:     {"SES-42"},
	mutants.SecGarbage:         {"SES-31", "SES-41"},
	mutants.SecChallengeAny:    {"SES-41"},
	mutants.RobNoSession:       {"SES-34"},
	mutants.RobWedge:           {"ROB-02"},
	mutants.RobCrowd:           {"ENR", "SES", "PFN", "CHN", "PSH", "ERR", "SEC", "WER", "TOK", "WNS"},
}

// explains tells whether a mutant may fail a scenario beside those it is made
// for: one of the same area, one that is told under them, or one that is
// declared.
func explains(m *mutants.Mutant, id string) bool {
	area, _, _ := strings.Cut(id, "-")
	of := func(other string) bool { return strings.EqualFold(area, other[:3]) }
	for _, s := range All() {
		if s.ID == id && slices.ContainsFunc(s.Under, func(k string) bool { return slices.Contains(killersOf(m), k) }) {
			return true
		}
	}
	return of(m.Name) || slices.ContainsFunc(killersOf(m), of) || slices.Contains(also[m], id) || slices.Contains(also[m], area)
}
