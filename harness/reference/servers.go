package reference

import (
	"strings"

	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// mutantsPage is the page of every way to break the reference server.
func mutantsPage() *page {
	p := begin("mutants.md", "Mutants", "every way to break the reference server")
	killers := map[string][]string{}
	for _, s := range scenarios.All() {
		for _, m := range s.Mutants {
			killers[m.Name] = append(killers[m.Name], s.ID)
		}
	}
	all := mutants.All()
	p.f("%d ways to break the reference server, one rule each: `dmwake mdm --mutant NAME`, `dmwake test --mutant NAME`. What else fails with each, as measured: [mutants](../mutants.md).\n", len(all))
	var areas []string
	of := map[string][]*mutants.Mutant{}
	for _, m := range all {
		area, _, _ := strings.Cut(m.Name, "-")
		if of[area] == nil {
			areas = append(areas, area)
		}
		of[area] = append(of[area], m)
	}
	for _, area := range areas {
		p.f("\n## %s\n", area)
		p.head("mutant", "the server", "fails")
		for _, m := range of[area] {
			p.row(p.named(m.Name, m.Name, "mutant", m.Does), escaped(m.Does), listOf(killers[m.Name]))
		}
	}
	return p
}

// variantsPage is the page of the lawful servers that are otherwise.
func variantsPage() *page {
	p := begin("variants.md", "Variants", "servers that are otherwise, and lawful")
	all := variants.All()
	p.f("%s from the reference server that a standard allows, or that real servers get away with: `dmwake mdm --variant NAME`. The suite must pass on each, or it cries wolf.\n", wording.Count(len(all), "difference"))
	p.head("variant", "the server", "allowed by, or seen at", "breaks")
	for _, v := range all {
		p.row(p.named(v.Name, v.Name, "variant", v.Does), escaped(v.Does), source(v.Seen), escaped(v.Breaks))
	}
	return p
}

func toMutant(name string) string { return link(name, "mutants.md#"+name) }

func toVariant(name string) string { return link(name, "variants.md#"+name) }
