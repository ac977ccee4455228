package facts

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/explain"
)

// codes counts the codes that explain knows, by who shows them.
func codes() string {
	var (
		b      strings.Builder
		order  []string
		counts = map[string]map[explain.Strength]int{}
		causes = map[string]int{}
		tests  = map[string]int{}
		all    = map[explain.Strength]int{}
		total  [2]int
	)
	for _, f := range explain.All() {
		if counts[f.Where] == nil {
			order = append(order, f.Where)
			counts[f.Where] = map[explain.Strength]int{}
		}
		counts[f.Where][f.Strength]++
		all[f.Strength]++
		if len(f.Causes) > 0 {
			causes[f.Where]++
			total[0]++
		}
		if len(f.Scenarios) > 0 {
			tests[f.Where]++
			total[1]++
		}
	}
	row := func(name string, of map[explain.Strength]int, causes, tests int) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d |\n", name, of[explain.Documented]+of[explain.Seen]+of[explain.Model], of[explain.Documented], of[explain.Seen], of[explain.Model], causes, tests)
	}
	b.WriteString("\n## Codes that `dmwake explain` knows\n\nThe words **documented**, **seen** and **model** are about what a code means. 0x80190000 plus any HTTP status, and WinHTTP's other errors, are known beside these.\n\n" +
		"| shown by | codes | documented | seen | model | with causes | caught by a scenario |\n|---|---|---|---|---|---|---|\n")
	for _, where := range order {
		row(where, counts[where], causes[where], tests[where])
	}
	row("all", all, total[0], total[1])
	return b.String()
}
