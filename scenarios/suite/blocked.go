package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
)

// candidates are the ids of the scenarios that a blocked one may be blocked by:
// each name is a premise, an id or an area of the catalogue.
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

// blocker is the scenario that a blocked one is blocked by: one that failed or
// warned, or what such a one is blocked by itself. get gives the verdicts there
// are, or makes them; nil if there is none.
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

// contradiction makes an error of a blocked verdict that nothing explains.
func contradiction(catalogue []Scenario, v *verdict) {
	names := candidates(catalogue, v.result.ID, v.by)
	of := "no other scenario reports that"
	if len(names) > 0 {
		of = fmt.Sprintf("none of %s reports that", strings.Join(names[:min(len(names), 8)], ", "))
	}
	v.result.Outcome = report.Errored
	v.result.Reason += "; but " + of + ", also when run again: either the server changes from device to device, or it is a bug of dmwake"
}
