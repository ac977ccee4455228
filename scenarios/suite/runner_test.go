package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/enroll"
)

var sharedKeys = enroll.NewKeyPool(4)

// newLab is a lab with the embedded server, for scenarios that these tests make
// up.
func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.Start(nil, lab.Options{Seed: 1, Keys: sharedKeys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// scenario is a MUST with that body; edits change the rest.
func scenario(id string, body func(*T), edits ...func(*Scenario)) Scenario {
	s := Scenario{ID: id, Level: report.Must, Title: "title of " + id, Rule: "rule", Source: "source", Fix: "fix", Run: body}
	for _, f := range edits {
		f(&s)
	}
	return s
}

func passes(*T)  {}
func fails(t *T) { t.Fail("POST", "PUT") }

func decides(p ...Premise) func(*Scenario) { return func(s *Scenario) { s.Decides = p } }
func level(l string) func(*Scenario)       { return func(s *Scenario) { s.Level = l } }

func blockedBy(by ...string) func(*T) { return func(t *T) { t.Blocked(by, "nothing to look at") } }

// outcomes runs a list and gives "ID outcome", with what it is blocked by.
func outcomes(t *testing.T, list []Scenario, o Options) (out []string, results map[string]report.Result) {
	t.Helper()
	results = map[string]report.Result{}
	for _, r := range Collect(t.Context(), newLab(t), list, o).Results {
		line := r.ID + " " + string(r.Outcome)
		if r.BlockedBy != "" {
			line += " by " + r.BlockedBy
		}
		out, results[r.ID] = append(out, line), r
	}
	return out, results
}

// TestSecondLook: a server that treats one device well and another not makes a
// scenario pass and block others. Both are run again before that is an error.
func TestSecondLook(t *testing.T) {
	var runs atomic.Int32
	list := []Scenario{
		scenario("AAA-01", func(t *T) {
			if runs.Add(1) > 1 {
				t.Fail("a PFN for every device", "none for the second")
			}
		}),
		scenario("AAA-02", blockedBy("AAA-01")),
	}
	got, results := outcomes(t, list, Options{})
	if want := []string{"AAA-01 failed", "AAA-02 blocked by AAA-01"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if e := results["AAA-01"].Evidence; !slices.ContainsFunc(e, func(s string) bool { return strings.Contains(s, "it passed at first") }) {
		t.Errorf("the evidence does not say that it passed at first: %v", e)
	}
	var once atomic.Bool
	got, _ = outcomes(t, []Scenario{scenario("AAA-01", passes), scenario("AAA-02", func(t *T) {
		if !once.Swap(true) {
			t.Blocked(By("AAA-01"), "a slow moment")
		}
	})}, Options{})
	if want := []string{"AAA-01 passed", "AAA-02 passed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOutcomesOfBodies(t *testing.T) {
	alone := func(s *Scenario) { s.Reach = AloneAtWNS }
	cases := []struct {
		what string
		s    Scenario
		want report.Outcome
		says string
	}{
		{"one that is alone and leaves a fault behind", scenario("AAA-01", func(t *T) { t.Lab.WNS.Inject(fakewns.Fault{Name: "left", Status: 500}) }, alone), report.Errored, "still has the fault"},
		{"one that is alone and changes what all share", scenario("AAA-01", func(t *T) { t.Lab.Config.Timeouts.Quiet = 0 }, alone), report.Errored, "timeouts.quiet"},
		{"one that is alone and undoes what it did", scenario("AAA-01", func(t *T) { t.RevokeTokens(); t.FaultForAll("status=500 on=token") }, alone), report.Passed, ""},
		{"nothing", scenario("AAA-01", passes), report.Passed, ""},
		{"a MUST", scenario("AAA-01", fails), report.Failed, ""},
		{"a SHOULD", scenario("AAA-01", fails, level(report.Should)), report.Warned, ""},
		{"an INFO", scenario("AAA-01", fails, level(report.Info)), report.Warned, ""},
		{"a crash", scenario("AAA-01", func(*T) { panic(errors.New("index out of range")) }), report.Errored, "index out of range"},
		{"our own failure", scenario("AAA-01", func(t *T) { t.Error("no key could be made") }), report.Errored, "no key"},
		{"not applicable", scenario("AAA-01", func(t *T) { t.NotApplicable("the server answers AuthPolicy Federated") }), report.NotApplicable, "Federated"},
		{"tokens of all revoked by one that is not alone", scenario("AAA-01", func(t *T) { t.RevokeTokens() }), report.Errored, "does not run alone"},
		{"WNS failing for all by one that is not alone", scenario("AAA-01", func(t *T) { t.FaultForAll("status=500 on=token") }), report.Errored, "does not run alone"},
	}
	for _, c := range cases {
		_, results := outcomes(t, []Scenario{c.s}, Options{})
		if r := results["AAA-01"]; r.Outcome != c.want || !strings.Contains(r.Reason, c.says) {
			t.Errorf("%s: %s %q, want %s", c.what, r.Outcome, r.Reason, c.want)
		}
	}
}

// TestTry: an input that fails does not hide the others.
func TestTry(t *testing.T) {
	try := func(ends map[string]func(*T)) Scenario {
		return scenario("AAA-01", func(t *T) {
			for _, name := range []string{"one", "two", "three"} {
				if f := ends[name]; f != nil {
					t.Try(name, func() { f(t) })
				}
			}
		})
	}
	na := func(t *T) { t.NotApplicable("no such thing here") }
	other := func(t *T) { t.Fail("4xx", "HTTP status 500") }
	cases := []struct {
		ends      map[string]func(*T)
		want      report.Outcome
		saw, says string
	}{
		{map[string]func(*T){"one": passes, "two": passes}, report.Passed, "", ""},
		{map[string]func(*T){"one": fails, "two": passes, "three": fails}, report.Failed, "2 of 3: one, three: PUT", ""},
		{map[string]func(*T){"one": fails, "two": other, "three": passes}, report.Failed, "2 of 3: one: PUT; two: HTTP status 500", ""},
		{map[string]func(*T){"one": na, "two": passes}, report.Passed, "", ""},
		{map[string]func(*T){"one": na, "two": na}, report.NotApplicable, "", "one, two: no such thing here"},
		{map[string]func(*T){"one": passes, "two": blockedBy("AAA-02")}, report.Blocked, "", "two: nothing to look at"},
		{map[string]func(*T){"one": func(*T) { panic("oops") }, "two": fails}, report.Errored, "", "oops"},
		{map[string]func(*T){"one": func(t *T) { t.Error("no key") }, "two": fails}, report.Errored, "", "no key"},
	}
	for i, c := range cases {
		_, results := outcomes(t, []Scenario{try(c.ends), scenario("AAA-02", fails)}, Options{})
		if r := results["AAA-01"]; r.Outcome != c.want || r.Saw != c.saw || !strings.Contains(r.Reason, c.says) {
			t.Errorf("case %d: %s, saw %q, reason %q", i, r.Outcome, r.Saw, r.Reason)
		}
	}
}

// TestEvidenceOnce: a line that is noted again and again is told once.
func TestEvidenceOnce(t *testing.T) {
	_, results := outcomes(t, []Scenario{scenario("AAA-01", func(t *T) {
		for range 3 {
			t.Evidence("the same")
		}
		t.Evidence("another")
		t.Fail("a", "b")
	})}, Options{})
	if got := results["AAA-01"].Evidence; !slices.Equal(got, []string{"the same (3 times)", "another"}) {
		t.Errorf("%q", got)
	}
}

// TestExcused: a scenario that would be blocked by one that was skipped, as no
// device can enroll and the server is not to blame, is skipped as well.
func TestExcused(t *testing.T) {
	limit := &enroll.Error{Step: enroll.StepToken, Status: 429, Err: errors.New("HTTP status 429")}
	list := []Scenario{
		scenario("ENR-36", func(t *T) { t.Excused(limit); t.Fail("a", "b") }, decides(Enrolls)),
		scenario("SES-01", blockedBy(string(Enrolls))),
		scenario("SES-02", func(t *T) { t.Excused(errors.New("HTTP status 500")); t.Fail("a", "b") }),
	}
	got, results := outcomes(t, list, Options{})
	if want := []string{"ENR-36 skipped", "SES-01 skipped", "SES-02 failed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	const says = "the server limits how often devices enroll (HTTP 429 to RST): set target.pace, for example 10 (enrollments a minute)"
	if r := results["SES-01"].Reason; r != says {
		t.Error(r)
	}
}

// TestNoEnroll: where no device can enroll, what needs none is run, whatever its
// area, and the rest is blocked by the one scenario that reports it.
func TestNoEnroll(t *testing.T) {
	stranger := func(s *Scenario) { s.Stranger = true }
	list := []Scenario{
		scenario("ENR-01", passes, stranger), scenario("ENR-36", fails, decides(Enrolls), stranger),
		scenario("ENR-37", func(*T) { panic("this body must not run") }),
		scenario("SEC-08", passes, stranger),
		scenario("SES-01", func(*T) { panic("this body must not run") }),
		scenario("PSH-01", func(*T) { panic("this body must not run") }, func(s *Scenario) { s.Needs = []Need{NeedLeave} }),
	}
	got, _ := outcomes(t, list, Options{NoEnroll: errors.New("RST was answered 500")})
	if want := []string{"ENR-01 passed", "ENR-36 failed", "ENR-37 blocked by ENR-36", "SEC-08 passed", "SES-01 blocked by ENR-36", "PSH-01 blocked by ENR-36"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestOrder: results are told in the order of the list, and bodies run in one
// that the seed draws.
func TestOrder(t *testing.T) {
	var mu sync.Mutex
	var ran, told []string
	var list []Scenario
	for i := range 40 {
		id := fmt.Sprintf("AAA-%02d", i)
		list = append(list, scenario(id, func(*T) {
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, id)
		}))
	}
	doing, most := 0, 0
	out := Collect(t.Context(), newLab(t), list, Options{Parallel: 4,
		Progress: func(r *report.Result) { told = append(told, r.ID) },
		Doing: func(p Doing) {
			mu.Lock()
			defer mu.Unlock()
			doing, most = max(doing, p.Done), max(most, len(p.Running))
			if p.Total != 40 || len(p.Running) > 4+Waiting {
				t.Errorf("%d of %d, running %v", p.Done, p.Total, p.Running)
			}
		}})
	if !slices.IsSorted(told) || len(told) != 40 || len(out.Results) != 40 || doing != 40 || most == 0 {
		t.Errorf("told %v, %d results, %d done, up to %d running", told, len(out.Results), doing, most)
	}
	if slices.IsSorted(ran) {
		t.Errorf("the bodies ran in the order of the list: %v", ran)
	}
}

// TestTimeOver: a run whose time is over ends at once, though a body hangs, and
// says what it did not get to.
func TestTimeOver(t *testing.T) {
	l := newLab(t)
	l.Config.Timeouts.Run = 50 * time.Millisecond
	hangs := func(t *T) { <-t.Context().Done(); t.Fail("an answer", "none") }
	out := Collect(t.Context(), l, []Scenario{scenario("AAA-01", hangs), scenario("AAA-02", hangs), scenario("AAA-03", blockedBy("AAA-01"))}, Options{})
	for _, r := range out.Results {
		if r.Outcome != report.Skipped || !strings.Contains(r.Reason, "50ms") {
			t.Errorf("%s: %s %q, want skipped for want of time", r.ID, r.Outcome, r.Reason)
		}
	}
	if out.Over == nil {
		t.Error("the outcome does not say that the time was over")
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := Collect(ctx, newLab(t), []Scenario{scenario("AAA-01", func(t *T) { cancel(); <-t.Context().Done(); t.Quiet(); t.Fail("an answer", "none") })}, Options{})
	if r := out.Results[0]; r.Outcome != report.Skipped || !strings.HasPrefix(r.Reason, "the run was interrupted; ") {
		t.Errorf("%s %q", r.Outcome, r.Reason)
	}
}

// TestWaitsAreShared: with one place to act, a scenario that waits for a clock
// lets another act meanwhile. Each waits until all have begun: side by side, or
// never.
func TestWaitsAreShared(t *testing.T) {
	const n = 10
	var begun sync.WaitGroup
	begun.Add(n)
	var acting atomic.Int32
	var list []Scenario
	for i := range n {
		list = append(list, scenario(fmt.Sprintf("AAA-%02d", i), func(t *T) {
			if acting.Add(1) > 1 {
				t.Fail("one to act at a time", "two")
			}
			begun.Done()
			acting.Add(-1)
			t.slot.leave()
			begun.Wait()
			t.slot.enter()
			if acting.Add(1) > 1 {
				t.Fail("one to act at a time", "two")
			}
			acting.Add(-1)
		}))
	}
	for _, r := range Collect(t.Context(), newLab(t), list, Options{Parallel: 1}).Results {
		if r.Outcome != report.Passed {
			t.Errorf("%s: %s %s", r.ID, r.Outcome, r.Saw)
		}
	}
}

// TestResumingComesFirst: whose wait is over acts before those that have not
// begun.
func TestResumingComesFirst(t *testing.T) {
	s := newSlots(1)
	s.take(&s.next)
	order := make(chan string, 2)
	queued := func(q *[]chan struct{}, n int) {
		for {
			s.mu.Lock()
			there := len(*q)
			s.mu.Unlock()
			if there == n {
				return
			}
		}
	}
	go func() { s.take(&s.next); order <- "new"; s.give() }()
	queued(&s.next, 1)
	go func() { s.take(&s.resuming); order <- "resumed"; s.give() }()
	queued(&s.resuming, 1)
	s.give()
	if first := <-order; first != "resumed" {
		t.Errorf("%s came first", first)
	}
}

// TestSession: scenarios by themselves, when they are asked for.
func TestSession(t *testing.T) {
	var runs atomic.Int32
	list := []Scenario{scenario("AAA-01", func(t *T) { runs.Add(1); t.Fail("a", "b") }), scenario("AAA-02", blockedBy("AAA-01"))}
	s := NewSession(newLab(t), list, nil)
	if r := s.Result(t.Context(), "AAA-02"); r.Outcome != report.Blocked || r.BlockedBy != "AAA-01" {
		t.Errorf("%+v", r)
	}
	if r := s.Result(t.Context(), "AAA-01"); r.Outcome != report.Failed || runs.Load() != 1 {
		t.Errorf("%s after %d runs", r.Outcome, runs.Load())
	}
	if r := s.Result(t.Context(), "AAA-99"); r.Outcome != report.Skipped || !strings.Contains(r.Reason, "no scenario") {
		t.Errorf("%+v", r)
	}
}

// TestCrowds: what contradicts itself is blocked by the scenario that reports
// that the server does not serve many at once.
func TestCrowds(t *testing.T) {
	list := []Scenario{scenario("AAA-01", passes), scenario("AAA-02", blockedBy("AAA-01")), scenario("AAA-03", fails, decides(Crowds))}
	got, _ := outcomes(t, list, Options{})
	if want := []string{"AAA-01 passed", "AAA-02 blocked by AAA-03", "AAA-03 failed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	list[2] = scenario("AAA-03", passes, decides(Crowds))
	got, results := outcomes(t, list, Options{})
	if want := []string{"AAA-01 passed", "AAA-02 error", "AAA-03 passed"}; !slices.Equal(got, want) || !strings.Contains(results["AAA-02"].Reason, "none of AAA-01 reports") {
		t.Errorf("got %v, want %v: %s", got, want, results["AAA-02"].Reason)
	}
}
