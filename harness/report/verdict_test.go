package report

import "testing"

func TestVerdict(t *testing.T) {
	pass, must, should := result("SES-01", Must, Passed), result("SES-02", Must, Failed), result("SES-03", Should, Warned)
	old := result("SES-04", Must, Failed, known)
	blocked, skipped, crashed := result("SES-05", Must, Blocked, by("SES-02")), result("SES-06", Must, Skipped), result("SES-07", Must, Errored)
	const (
		partial = " The result is partial: 1 MUST scenario could not be decided (1 skipped)."
		ours    = " The result is partial: 1 MUST scenario could not be decided (1 error). dmwake itself failed in 1 scenario: this says nothing about the server; please report it."
	)
	for _, c := range []struct {
		list       []Result
		on         FailOn
		aborted    string
		want, tone string
	}{
		{[]Result{pass}, nil, "", "All checked rules passed.", "good"},
		{[]Result{pass, result("SES-08", Must, NotApplicable)}, nil, "", "All checked rules passed.", "good"},
		{[]Result{pass, result("SES-08", Should, Skipped)}, nil, "", "All checked rules passed.", "good"},
		{[]Result{pass, must}, nil, "", "The server breaks 1 rule.", "bad"},
		{[]Result{pass, must}, FailOn{OnNothing}, "", "The server breaks 1 rule.", "bad"},
		{[]Result{pass, must, result("SES-08", Must, Failed, under("SES-02")), result("SES-09", Must, Failed)}, nil, "", "The server breaks 3 rules, from 2 causes.", "bad"},
		{[]Result{must, result("SES-08", Must, Failed, under("SES-02"))}, nil, "", "The server breaks 2 rules, from 1 cause.", "bad"},
		{[]Result{must, should}, nil, "", "The server breaks 1 rule.", "bad"},
		{[]Result{must, should}, FailOn{OnMust, OnShould}, "", "The server breaks 1 MUST rule and 1 SHOULD rule, from 2 causes.", "bad"},
		{[]Result{pass, should}, FailOn{OnMust, OnShould}, "", "The server breaks 1 SHOULD rule.", "bad"},
		{[]Result{pass, should}, nil, "", "All checked MUST rules passed (1 warning).", "good"},
		{[]Result{pass, old}, nil, "", "No new failures (1 known failure).", "warn"},
		{[]Result{pass, old, must}, nil, "", "The server breaks 1 rule (1 known failure).", "bad"},
		{[]Result{pass, skipped}, nil, "", "All checked rules passed." + partial, "warn"},
		{[]Result{pass, must, skipped}, nil, "", "The server breaks 1 rule." + partial, "bad"},
		{[]Result{must, blocked, skipped, skipped}, nil, "", "The server breaks 1 rule. The result is partial: 3 MUST scenarios could not be decided (1 blocked, 2 skipped).", "bad"},
		{[]Result{pass, old, skipped}, nil, "", "No new failures (1 known failure)." + partial, "warn"},
		{[]Result{pass, crashed}, nil, "", "All checked rules passed." + ours, "bad"},
		{[]Result{pass, result("SES-08", Info, Errored), result("SES-09", Info, Errored)}, nil, "", "All checked rules passed. dmwake itself failed in 2 scenarios: this says nothing about the server; please report it.", "bad"},
		{[]Result{skipped}, nil, "", "No rule could be checked." + partial, "warn"},
		{[]Result{result("SES-08", Must, NotApplicable)}, nil, "", "No rule could be checked.", "warn"},
		{[]Result{pass}, nil, "interrupted", "The run ended early: interrupted.", "bad"},
		{[]Result{pass, must, skipped}, nil, "interrupted", "The run ended early: interrupted. The server breaks 1 rule." + partial, "bad"},
	} {
		r := &Report{Scenarios: c.list, FailOn: c.on, Aborted: c.aborted}
		r.Finish()
		if text, tone := r.Verdict(); text != c.want || tone != c.tone {
			t.Errorf("%s %s\nwant %s %s", tone, text, c.tone, c.want)
		}
	}
}

// TestFailedPartly: a scenario blocked by a known failure does not fail a run.
func TestFailedPartly(t *testing.T) {
	failed := Result{ID: "A", Level: Must, Outcome: Failed}
	known := failed
	known.Known = true
	blocked := Result{ID: "B", Level: Must, Outcome: Blocked, BlockedBy: "A"}
	skipped := Result{ID: "C", Level: Must, Outcome: Skipped}
	should := Result{ID: "D", Level: Should, Outcome: Skipped}
	for i, c := range []struct {
		on   FailOn
		list []Result
		want bool
	}{
		{FailOn{OnMust, OnPartial}, []Result{failed, blocked}, true},
		{FailOn{OnMust, OnPartial}, []Result{known, blocked}, false},
		{FailOn{OnMust, OnPartial}, []Result{known, blocked, skipped}, true},
		{FailOn{OnMust, OnPartial}, []Result{should}, false},
		{FailOn{OnMust}, []Result{skipped}, false},
	} {
		r := &Report{FailOn: c.on, Scenarios: c.list}
		r.Finish()
		if got := r.FailedPartly(); got != c.want {
			t.Errorf("case %d: %v, want %v", i, got, c.want)
		}
	}
}
