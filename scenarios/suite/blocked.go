package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
)

// candidates returns the ids of scenarios that may block another one: each name in
// by is a premise, an id or an area of the catalogue.
func candidates(catalogue []Scenario, of string, by []string) (out []string) {
	for _, name := range by {
		for i := range catalogue {
			s := &catalogue[i]
			if s.ID != of && !slices.Contains(out, s.ID) && (s.ID == name || s.Area() == name || slices.Contains(s.Decides, Premise(name))) {
				out = append(out, s.ID)
			}
		}
	}
	return out
}

// blocker returns the scenario that blocks v: a candidate that failed or warned, or
// the blocker of a blocked candidate. get returns a verdict, or runs the scenario;
// nil if there is none.
func blocker(catalogue []Scenario, v *verdict, get func(id string) *verdict) (id string) {
	seen := map[string]bool{v.result.ID: true}
	var look func(v *verdict) string
	look = func(v *verdict) string {
		for _, id := range candidates(catalogue, v.result.ID, v.by) {
			if seen[id] {
				continue
			}
			seen[id] = true
			c := get(id)
			switch {
			case c == nil:
			case c.result.Broken():
				return id
			case c.result.Outcome == report.Blocked:
				if c.result.BlockedBy != "" {
					return c.result.BlockedBy
				}
				if id := look(c); id != "" {
					return id
				}
			}
		}
		return ""
	}
	return look(v)
}

// contradiction turns a blocked verdict that nothing explains into an error.
func contradiction(catalogue []Scenario, v *verdict) {
	names := candidates(catalogue, v.result.ID, v.by)
	of := "no other scenario reports that"
	if len(names) > 0 {
		of = fmt.Sprintf("none of %s reports that", strings.Join(names[:min(len(names), 8)], ", "))
	}
	v.result.Outcome = report.Errored
	v.result.Reason += "; but " + of + ", even when run again: either the server treats devices differently, or this is a bug in dmwake"
}
