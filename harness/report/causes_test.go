package report

import (
	"fmt"
	"strings"
	"testing"
)

func result(id, level string, o Outcome, edit ...func(*Result)) Result {
	r := Result{ID: id, Area: id[:3], Level: level, Title: "title " + id, Outcome: o, Expected: "x", Saw: "y"}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func because(text string) func(*Result) { return func(r *Result) { r.Cause = text } }
func under(ids ...string) func(*Result) { return func(r *Result) { r.Under = ids } }
func by(id string) func(*Result)        { return func(r *Result) { r.BlockedBy, r.Reason = id, "no "+id } }
func known(r *Result)                   { r.Known = true }

// TestCauses: which scenarios share a cause, which leads, and in what order.
func TestCauses(t *testing.T) {
	for name, c := range map[string]struct {
		list []Result
		want string // level, outcome, scenarios / blocked; causes in order
	}{
		"nothing is broken": {[]Result{result("SES-01", Must, Passed), result("SES-02", Must, Blocked, by("SES-01"))}, ""},
		"each its own":      {[]Result{result("SES-01", Must, Failed), result("SES-02", Must, Failed)}, "MUST failed [SES-01] []; MUST failed [SES-02] []"},
		"one sentence":      {[]Result{result("SES-01", Must, Failed, because("a")), result("SES-02", Must, Failed, because("b")), result("SES-03", Must, Failed, because("a"))}, "MUST failed [SES-01 SES-03] []; MUST failed [SES-02] []"},
		"one explains the other, and leads": {[]Result{result("SES-01", Must, Failed, under("SES-02")), result("SES-02", Must, Failed)},
			"MUST failed [SES-02 SES-01] []"},
		"a SHOULD explains a MUST":    {[]Result{result("SES-01", Must, Failed, under("SES-02")), result("SES-02", Should, Warned)}, "MUST failed [SES-02 SES-01] []"},
		"what explains passed":        {[]Result{result("SES-01", Must, Failed, under("SES-02")), result("SES-02", Must, Passed), result("SES-03", Must, Failed, under("SES-02"))}, "MUST failed [SES-01] []; MUST failed [SES-03] []"},
		"they explain each other":     {[]Result{result("SES-01", Must, Failed, under("SES-02")), result("SES-02", Must, Failed, under("SES-01", "SES-02"))}, "MUST failed [SES-01 SES-02] []"},
		"a chain":                     {[]Result{result("SES-01", Must, Failed, under("SES-02")), result("SES-02", Must, Failed, under("SES-03"), because("a")), result("SES-03", Must, Failed), result("SES-04", Should, Warned, because("a"))}, "MUST failed [SES-03 SES-04 SES-01 SES-02] []"},
		"two explain a third one":     {[]Result{result("SES-01", Must, Failed), result("SES-02", Must, Failed), result("SES-03", Must, Failed, under("SES-01", "SES-02"))}, "MUST failed [SES-01 SES-03] []; MUST failed [SES-02] []"},
		"blocked, also by a blocked":  {[]Result{result("SES-01", Must, Failed), result("SES-02", Must, Blocked, by("SES-01")), result("SES-03", Must, Blocked, by("SES-02")), result("SES-04", Must, Blocked, by("none"))}, "MUST failed [SES-01] [SES-02 SES-03]"},
		"blocked by each other":       {[]Result{result("SES-01", Must, Blocked, by("SES-02")), result("SES-02", Must, Blocked, by("SES-01"))}, ""},
		"worst first, then larger":    {[]Result{result("SES-01", Info, Warned), result("SES-02", Should, Warned), result("SES-03", Must, Failed), result("SES-04", Must, Failed), result("SES-05", Must, Blocked, by("SES-04"))}, "MUST failed [SES-04] [SES-05]; MUST failed [SES-03] []; SHOULD warned [SES-02] []; INFO warned [SES-01] []"},
		"a level nobody knows is low": {[]Result{result("SES-01", "MAY", Warned), result("SES-02", Info, Warned)}, "INFO warned [SES-02] []; MAY warned [SES-01] []"},
	} {
		var got []string
		for _, k := range causes(c.list) {
			got = append(got, fmt.Sprintf("%s %s %v %v", k.Level, k.Outcome, k.Scenarios, k.Blocked))
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, s, c.want)
		}
	}
	k := causes([]Result{result("SES-01", Must, Failed, known), result("SES-02", Must, Failed, because("its cause"), known), result("SES-03", Must, Failed, because("its cause"))})
	if len(k) != 2 || k[1].Text != "title SES-01: expected x, saw y" || k[0].Text != "its cause" || k[0].Known || !k[1].Known {
		t.Errorf("%+v", k)
	}
}
