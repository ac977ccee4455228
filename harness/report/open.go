package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
)

// openGroup are undecided scenarios with one reason.
type openGroup struct {
	why string
	ids []string
}

// Open lists what is undecided, a line for each reason, most scenarios first: the
// settings that would decide skipped scenarios, then what does not apply. The words go
// with one scenario and with many.
func (r *Report) Open() (lines []string) {
	var skipped, apart []openGroup
	put := func(list *[]openGroup, why, id string) {
		i := slices.IndexFunc(*list, func(g openGroup) bool { return g.why == why })
		if i < 0 {
			i, *list = len(*list), append(*list, openGroup{why: why})
		}
		(*list)[i].ids = append((*list)[i].ids, id)
	}
	var blocked []string
	for i := range r.Scenarios {
		switch s := &r.Scenarios[i]; s.Outcome {
		case Skipped:
			why := short(redact.Text(s.Reason))
			if len(s.DecidedBy) > 0 {
				why = "without " + strings.Join(s.DecidedBy, " or ")
			}
			put(&skipped, why, s.ID)
		case Blocked:
			blocked = append(blocked, s.ID)
		case NotApplicable:
			why := "not applicable to this server, for various reasons"
			if strings.Contains(s.Reason, "target.push: none") {
				why = "not applicable: " + s.Reason
			}
			put(&apart, why, s.ID)
		}
	}
	for _, list := range [][]openGroup{skipped, {{"blocked by a failure or warning above", blocked}}, apart} {
		slices.SortStableFunc(list, func(a, b openGroup) int { return cmp.Compare(len(b.ids), len(a.ids)) })
		for _, g := range list {
			if len(g.ids) > 0 {
				lines = append(lines, fmt.Sprintf("%3d  %s: %s", len(g.ids), g.why, someIDs(g.ids)))
			}
		}
	}
	return lines
}
