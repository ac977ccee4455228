package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/harness/wording"
)

// activeRow is an injected fault.
type activeRow struct {
	ID   uint64
	Line string
	Hits int
	Left string
}

// switchRow is a kind of fault, as a switch.
type switchRow struct {
	faults.Kind
	Active   int
	Needs    bool   // an argument
	Argument string // how it is written
}

// faultName is the name in a fault as it was written.
func faultName(line string) string {
	name, _, _ := strings.Cut(line, "=")
	name, _, _ = strings.Cut(name, " ")
	return name
}

func (c *console) faults(r *http.Request) (*view, error) {
	if _, err := only(r.URL.Query(), "live"); err != nil {
		return nil, err
	}
	active := map[string]int{}
	var on, all []row
	for _, f := range c.WNS.Faults() {
		active[faultName(f.Name)]++
		line, _, _ := strings.Cut(f.String(), ", happened")
		a := activeRow{ID: f.ID, Line: line, Hits: f.Hits, Left: "until it is switched off"}
		if f.Left >= 0 {
			a.Left = fmt.Sprintf("%d times more", f.Left)
		}
		on = append(on, row{"f" + itoa(f.ID), a})
	}
	for _, k := range faults.All() {
		all = append(all, row{"k-" + k.Name, switchRow{Kind: k, Active: active[k.Name], Needs: k.Arg != "" && k.Arg[0] != '[', Argument: k.Arg}})
	}
	return &view{Title: "Faults", Nav: "faults", body: "faults", Data: nil, parts: []part{
		table("active", "fault-active", on), block("active-none", "faults-none", len(on)), table("rows", "fault-switch", all),
	}}, nil
}

// addFault switches a fault on.
func (c *console) addFault(line string) (string, error) {
	rule, err := faults.Parse(strings.TrimSpace(line))
	if err != nil {
		return "", err
	}
	f, err := rule.Build()
	if err != nil {
		return "", err
	}
	c.WNS.Inject(f)
	return "The fault " + f.Name + " is on.", nil
}

// endFaults switches all faults of a kind off; an empty name means all faults.
func (c *console) endFaults(name string) string {
	n := 0
	for _, f := range c.WNS.Faults() {
		if (name == "" || faultName(f.Name) == name) && c.WNS.RemoveFault(f.ID) {
			n++
		}
	}
	switch {
	case n == 0:
		return "No fault was active."
	case name == "":
		return wording.Counted(n, "fault is", "faults are") + " off."
	}
	return "The fault " + name + " is off."
}

// faultLine is a fault with its argument and words, as three fields of a form.
func faultLine(name, argument, words string) string {
	line := name
	if argument = strings.TrimSpace(argument); argument != "" {
		line += "=" + argument
	}
	return strings.TrimSpace(line + " " + strings.TrimSpace(words))
}

// only rejects unknown parameters, so that a mistyped filter does not show everything.
func only(q map[string][]string, names ...string) (query, error) {
	for name := range q {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("There is no filter %q here. Filters are %s.", name, strings.Join(names[:len(names)-1], ", ")) //nolint:revive,staticcheck // a sentence of a page
		}
	}
	return q, nil
}

// query is the query of a URL.
type query map[string][]string

// Get is the first value.
func (q query) Get(name string) string {
	if v := q[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
