package suite

import (
	"cmp"
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
// the blocker of a blocked candidate. Among the candidates of one name, a MUST that
// failed comes first. get returns a verdict, or runs the scenario; nil if there is
// none.
func blocker(catalogue []Scenario, v *verdict, get func(id string) *verdict) (id string) {
	seen := map[string]bool{v.result.ID: true}
	var look func(v *verdict) string
	look = func(v *verdict) string {
		for _, name := range v.by {
			other := ""
			for _, id := range candidates(catalogue, v.result.ID, []string{name}) {
				if seen[id] {
					continue
				}
				seen[id] = true
				c := get(id)
				switch {
				case c == nil:
				case c.result.Outcome == report.Failed:
					return id
				case other != "":
				case c.result.Broken():
					other = id
				case c.result.Outcome == report.Blocked:
					if other = c.result.BlockedBy; other == "" {
						other = look(c)
					}
				}
			}
			if other != "" {
				return other
			}
		}
		return ""
	}
	return look(v)
}

// blockedSoFar returns what blocks v as far as scenarios have run; open says that one
// which has not run may be the better answer: one of an earlier name, a MUST of the
// same name, or one of the list that comes first in the catalogue, so that the answer
// is the same in every order. The caller holds the lock.
func (r *runner) blockedSoFar(v *verdict) (by string, open bool) {
	for _, name := range v.by {
		missing, coming := false, false
		by = blocker(r.Catalogue, &verdict{result: v.result, by: []string{name}}, func(id string) *verdict {
			c := r.of[id]
			missing = missing || c == nil
			coming = coming || c == nil && slices.ContainsFunc(r.list, func(s Scenario) bool { return s.ID == id })
			return c
		})
		if by != "" {
			return by, open || coming || missing && (r.of[by] == nil || r.of[by].result.Outcome != report.Failed)
		}
		open = open || missing
	}
	return "", open
}

// inapplicable returns why nothing that could block v applies to this server; empty
// if something does, or if v names nothing.
func inapplicable(catalogue []Scenario, v *verdict, get func(id string) *verdict) (reason string) {
	for _, id := range candidates(catalogue, v.result.ID, v.by) {
		c := get(id)
		if c == nil || c.result.Outcome != report.NotApplicable {
			return ""
		}
		reason = cmp.Or(reason, c.result.Reason)
	}
	return reason
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
