package reference

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// scenarioPages are the list of all scenarios, and a page for each area.
func scenarioPages() []*page {
	all := scenarios.All()
	overview := begin("scenarios.md", "Scenarios", "every scenario, by area")
	overview.f("%d rules that a server is tested against. A broken **MUST** is a failure, a broken **SHOULD** a warning, an **INFO** is only reported. [What is documented, seen or ours](../trust.md)\n", len(all))
	back := backlinks()
	var pages []*page
	for len(all) > 0 {
		area := all[0].Area()
		n := slices.IndexFunc(all, func(s scenarios.Scenario) bool { return s.Area() != area })
		if n < 0 {
			n = len(all)
		}
		p := areaPage(area, all[:n], back)
		pages = append(pages, p)
		overview.heading(2, area, "area", report.Area(area))
		overview.f("[%s](%s): `dmwake test --area %s`\n", capital(report.Area(area)), p.file, area)
		overview.head("scenario", "level", "what it tests")
		for i := range all[:n] {
			overview.row(toScenario(all[i].ID), levels(&all[i]), escaped(all[i].Title))
		}
		all = all[n:]
	}
	return append([]*page{overview}, pages...)
}

func areaPage(area string, list []scenarios.Scenario, back map[string][]string) *page {
	name, question, _ := strings.Cut(report.Area(area), ": ")
	p := begin("scenarios-"+strings.ToLower(area)+".md", area+": "+name, "the scenarios of "+area)
	p.f("%s? Run them with `dmwake test --area %s`. [All areas](scenarios.md)\n", capital(question), area)
	for i := range list {
		s := &list[i]
		p.heading(2, s.ID, "scenario", s.Title)
		p.f("**%s**: %s\n", levels(s), escaped(s.Title))
		p.head("", "")
		p.fact("rule", escaped(s.Rule))
		for _, profile := range slices.Sorted(maps.Keys(s.Rules)) {
			p.fact("on "+toProfile(profile), escaped(s.Rules[profile]))
		}
		p.fact("source", cited(s.Source))
		p.fact("fix", escaped(s.Fix))
		p.fact("needs", settings(s.Needs))
		p.fact("checks more with", settings(s.Uses))
		p.fact("applies", escaped(applies(s)))
		p.fact("others rely on", premises(s.Decides))
		p.fact("failure explained by", listOf(s.Under))
		p.fact("fails on", ofMutants(s.Mutants))
		p.fact("see", strings.Join(back[s.ID], ", "))
		p.fact("run", "`dmwake test --only "+s.ID+"`")
	}
	return p
}

// fact is a row with what is known of something; an unknown value has none.
func (p *page) fact(name, value string) {
	if value != "" {
		p.row(name, value)
	}
}

func levels(s *scenarios.Scenario) string {
	out := s.Level
	for _, profile := range slices.Sorted(maps.Keys(s.Levels)) {
		out += fmt.Sprintf(" (%s on %s)", s.Levels[profile], profile)
	}
	return out
}

// settings links needs, each with the keys that meet it.
func settings(needs []suite.Need) string {
	var out []string
	for _, n := range needs {
		out = append(out, list(n.Settings(), toSetting))
	}
	for i := range out {
		out[i] = strings.ReplaceAll(out[i], ", ", " or ")
	}
	return strings.Join(out, "; ")
}

func toSetting(key string) string {
	if name, ok := strings.CutPrefix(key, "target.hooks."); ok {
		return link(code(name), "hooks.md#"+name)
	}
	return toKey(key)
}

// applies says to which servers and devices a scenario applies.
func applies(s *scenarios.Scenario) string {
	var out []string
	if s.Profile != "" && s.Only {
		out = append(out, "only to "+s.Profile+" devices")
	} else if s.Profile != "" {
		out = append(out, "run with "+s.Profile+" if target.profiles allows it")
	}
	if s.Polled {
		out = append(out, "judged by polling on a server without push")
	}
	if s.OfPush {
		out = append(out, "not to a server without push")
	}
	if s.On != "" {
		out = append(out, "the embedded server is set up for it: "+s.On)
	}
	if s.Stranger {
		out = append(out, "runs even if no device can enroll")
	}
	if s.Ends {
		out = append(out, "unenrolls its device, so not to a target with one shared device")
	}
	if s.Hears != nil {
		out = append(out, "judges every session of the run")
	}
	return strings.Join(out, "; ")
}

func premises(list []suite.Premise) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = string(p)
	}
	return strings.Join(out, "; ")
}

func listOf(ids []string) string { return list(ids, toScenario) }

func ofMutants(ms []*mutants.Mutant) string {
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = toMutant(m.Name)
	}
	return strings.Join(out, ", ")
}

// backlinks are what names a scenario: codes and reproductions, by id.
func backlinks() map[string][]string {
	out := map[string][]string{}
	add := func(ids []string, what string) {
		for _, id := range ids {
			if !slices.Contains(out[id], what) {
				out[id] = append(out[id], what)
			}
		}
	}
	all := explain.All()
	for i := range all {
		add(all[i].Scenarios, "code "+toCode(&all[i]))
	}
	for _, c := range repro.All() {
		add(c.Scenarios, "reproduction "+toRepro(c.Name))
	}
	return out
}

// toScenario links a scenario, or an area.
func toScenario(id string) string {
	area, _, one := strings.Cut(id, "-")
	file := "scenarios-" + strings.ToLower(area) + ".md"
	if !one {
		return link(id, file)
	}
	return link(id, file+"#"+slug(id))
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
