package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/scenarios"
)

// repros is the page of every reproduction of a reported bug.
func repros() *page {
	p := begin("repros.md", "Reproductions of reported bugs", "every bug that `dmwake repro` reproduces")
	all := repro.All()
	p.f("%d bugs that people reported. `dmwake repro NAME` shows one for as long as you debug: against the embedded server, or with `--config` against yours; with `--once` it ends when the symptom was seen.\n", len(all))
	p.head("reproduction", "what a person sees")
	for _, c := range all {
		p.row(toRepro(c.Name), escaped(c.Shows))
	}
	for i := range all {
		c := &all[i]
		p.heading(2, c.Name, "reproduction", c.Shows)
		p.f("%s.\n", capital(escaped(c.Shows)))
		p.head("", "")
		p.fact("source", list(c.Sources, cited))
		p.fact("reported", escaped(c.Reported))
		p.fact("look at", escaped(c.LookAt))
		found := explain.Read(c.Explain).Found
		if c.Explain != "" && len(found) > 0 {
			var codes []string
			for i := range found {
				codes = append(codes, toCode(&found[i]))
			}
			p.fact("code", strings.Join(codes, ", "))
		}
		p.fact("judged by", listOf(judges(c)))
		p.fact("needs of the server", escaped(c.Reach.Needs))
		p.fact("how to get there", escaped(c.Reach.How))
		if c.Profile != "" {
			p.fact("device", toProfile(c.Profile))
		}
		p.fact("quirks", list(c.Quirks, toQuirk))
		p.fact("faults of the device", list(c.Faults, toDeviceFault))
		p.fact("faults of WNS", list(c.WNS, toWNSFault))
		if c.Mutant != nil {
			p.fact("embedded server", "broken: "+toMutant(c.Mutant.Name))
		}
		if c.Variant != nil {
			p.fact("embedded server", toVariant(c.Variant.Name))
		}
		p.fact("run", code("dmwake repro "+c.Name))
	}
	return p
}

// judges are the scenarios that judge what a server does in a reproduction: those that
// it names, and those that its mutant fails.
func judges(c *repro.Case) []string {
	ids := slices.Clone(c.Scenarios)
	for _, s := range scenarios.All() {
		if c.Mutant != nil && slices.Contains(s.Mutants, c.Mutant) && !slices.Contains(ids, s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func toRepro(name string) string { return link(name, "repros.md#"+slug(name)) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
