package ddf_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// sourced is what a reason must name: a section, a page, a capture, a file, a known
// error; or the handler that does what a description cannot say.
var sourced = regexp.MustCompile(`MS-MDE2 \d|MS-MDM \d|Learn, "|OMA DM TND 1\.2|ddf/README|captures/|\w\.xml|the node's handler`)

// TestDifferences: every difference of our descriptions from the DDF has a reason, and
// every reason a difference; for the embedded table, and for Microsoft's files if they
// are here.
func TestDifferences(t *testing.T) {
	facts, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("table", func(t *testing.T) { explained(t, facts) })
	t.Run("files", func(t *testing.T) {
		name := published(t)
		nodes, err := ddf.ReadZip(name)
		if err != nil {
			t.Fatal(err)
		}
		set, err := ddf.NewSet(ddf.Edition(name), nodes)
		if err != nil {
			t.Fatal(err)
		}
		explained(t, set)
	})
}

func explained(t *testing.T, set *ddf.Set) {
	t.Helper()
	c, err := ddf.Compare(set)
	if err != nil {
		t.Fatal(err)
	}
	if c.Both < 900 {
		t.Errorf("only %d nodes are in both", c.Both)
	}
	kinds := map[string]bool{}
	for i := range c.Differences {
		d := &c.Differences[i]
		kinds[d.Kind] = true
		if d.Reason == "" {
			t.Errorf("no reason for %v", d)
		} else if !sourced.MatchString(d.Reason) {
			t.Errorf("the reason for %v names no source: %s", d, d.Reason)
		}
	}
	for _, r := range c.Unused {
		t.Errorf("%s: nothing differs, but the description explains %s: %s", r.Path, r.Kind, r.Text)
	}
	for _, k := range []string{"extra", "operations", "format", "default", "values", "builds"} {
		if !kinds[k] {
			t.Errorf("no difference of the kind %s was found", k)
		}
	}
	for _, n := range c.Alone {
		if n.Ops&csp.Exec != 0 {
			t.Errorf("%s is a command, and no description has it", n.Path)
		}
	}
}

// TestCompareFinds: a set that says otherwise than the descriptions is told apart, in each
// kind of difference.
func TestCompareFinds(t *testing.T) {
	facts, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	const reboot = "./Device/Vendor/MSFT/Reboot/"
	text := "weekly"
	for want, change := range map[string]func(*ddf.Node){
		"operations: Exec in the DDF, Exec, Get here":            func(n *ddf.Node) { n.Ops = csp.Exec },
		"format: chr in the DDF, null here":                      func(n *ddf.Node) { n.Format = csp.Chr },
		`default: "weekly" in the DDF, "" here`:                  func(n *ddf.Node) { n.Default = &text },
		"values: one of 1 in the DDF, any value here":            func(n *ddf.Node) { n.Allowed = &ddf.Allowed{Kind: ddf.Enum, Values: []string{"1"}} },
		"values: a number in [1-2] in the DDF, any value here":   func(n *ddf.Node) { n.Allowed = &ddf.Allowed{Kind: ddf.Range, Values: []string{"[1-2]"}} },
		"RebootLater: missing: only in the DDF: Exec, Get null":  func(n *ddf.Node) { n.Path = reboot + "RebootLater" },
		reboot + "RebootNow: extra: only here: Exec, Get null":   func(n *ddf.Node) { n.Path = reboot + "RebootLater" },
		" in the DDF, 14393 is otherwise here":                   func(n *ddf.Node) { n.Builds = []ddf.Build{{Number: 26200}} },
		"a combination (sum) of the flags 1, 2 in the DDF, any ": func(n *ddf.Node) { n.Allowed = &ddf.Allowed{Kind: ddf.Flag, Values: []string{"1", "2"}} },
	} {
		var nodes []ddf.Node
		for _, n := range facts.Nodes() {
			if n.Path == reboot+"RebootNow" {
				change(&n)
			}
			nodes = append(nodes, n)
		}
		set, err := ddf.NewSet("changed", nodes)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ddf.Compare(set)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for i := range c.Differences {
			d := &c.Differences[i]
			if strings.HasPrefix(d.Path, reboot) && (d.Reason != "" || d.CSP != "Reboot") {
				t.Errorf("%v has the reason %q in the CSP %s", d, d.Reason, d.CSP)
			}
			found = found || strings.Contains(d.String(), want)
		}
		if !found {
			t.Errorf("%q was not found", want)
		}
	}
	var without []ddf.Node
	for _, n := range facts.Nodes() {
		if !strings.HasSuffix(n.Path, "/KeyLength") {
			without = append(without, n)
		}
	}
	set, err := ddf.NewSet("less", without)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ddf.Compare(set)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Unused) != 2 {
		t.Errorf("KeyLength has two reasons, and is not in the set; unused are %+v", c.Unused)
	}
}
