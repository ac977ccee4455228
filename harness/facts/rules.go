package facts

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// rules lists every scenario of the suite with its rule, its source, and the mutants
// that break it.
func rules() string {
	var b strings.Builder
	all := scenarios.All()
	fmt.Fprintf(&b, "\n## What the suite requires of a server\n\n%d scenarios, each with the mutants of the reference server (`dmwake mdm --list-mutants`) that break its rule and must fail it.\n\n| scenario | level | rule | source | broken by |\n|---|---|---|---|---|\n", len(all))
	for i := range all {
		s := &all[i]
		level := s.Level
		for _, profile := range slices.Sorted(maps.Keys(s.Levels)) {
			level += fmt.Sprintf(" (%s on %s)", s.Levels[profile], profile)
		}
		rule := s.Rule
		for _, profile := range slices.Sorted(maps.Keys(s.Rules)) {
			rule += fmt.Sprintf(" On %s: %s", profile, s.Rules[profile])
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.ID, level, cell(rule), cell(s.Source), names(s.Mutants))
	}
	return b.String()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func names(list []*mutants.Mutant) string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.Name
	}
	return strings.Join(out, ", ")
}
