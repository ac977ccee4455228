package facts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// rules lists what the suite asks of a server: every scenario with its rule,
// where that is said, and the mutants that break it.
func rules() string {
	var b strings.Builder
	all := scenarios.All()
	fmt.Fprintf(&b, "\n## What the suite asks of a server\n\n%d scenarios, each with the mutants of the reference server (`dmwake mdm --list-mutants`) that break its rule and must fail it.\n\n| scenario | level | rule | source | broken by |\n|---|---|---|---|---|\n", len(all))
	for i := range all {
		s := &all[i]
		var mutants []string
		for _, m := range mdmserver.Mutants {
			if slices.Contains(m.Kills, s.ID) {
				mutants = append(mutants, m.Name)
			}
		}
		level := s.Level
		if len(s.MustOn) > 0 {
			level += " (on " + strings.Join(s.MustOn, ", ") + "; SHOULD elsewhere)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.ID, level, cell(s.Rule), cell(s.Source), strings.Join(mutants, ", "))
	}
	return b.String()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
