package reference

import (
	"slices"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// hooks is the page of every hook, its keys, variables and functions.
func hooks() *page {
	p := begin("hooks.md", "Hooks", "every hook, its keys, variables and functions")
	p.f("How to write one: [hooks](../hooks.md). Hooks are keys of `target.hooks`.\n")
	p.head("hook", "what it does", "without it")
	for _, h := range target.HookList() {
		p.row(link(code(h.Name), "#"+h.Name), h.Does, h.Without)
	}
	p.f("\n## Keys of a hook\n")
	p.head("key", "type", "default", "example", "what it is")
	for _, k := range target.HookKeys() {
		p.row(p.named("key-"+slug(k.Name), k.Name, "key of a hook", k.Does), target.HookType(k.Name), k.Default, code(k.Example), k.Does)
	}
	p.f("\n## Variables\n\nThe texts of a hook are Go templates over these.\n")
	p.head("variable", "what it is", "example")
	for _, v := range target.Variables() {
		p.row(p.named("var-"+v.Name, "{{."+v.Name+"}}", "variable of hooks", v.Means), v.Means, code(v.Example))
	}
	p.f("\n## Functions\n")
	p.head("function", "what it gives", "example", "with the values above")
	for _, f := range target.Functions() {
		gives := ""
		if f.Gives != "" {
			gives = code(f.Gives)
		}
		p.row(p.named("func-"+f.Name, f.Name, "function of hooks", f.Does), f.Does, code(f.Example), gives)
	}
	p.f("\n## Which scenarios need which hook\n")
	for _, h := range target.HookList() {
		p.heading(3, h.Name, "hook", h.Does)
		need, more := needing("target.hooks." + h.Name)
		p.f("%s: %s.", toKey("target.hooks."+h.Name), h.Does)
		if h.Without != "" {
			p.f(" Without it, %s.", h.Without)
		}
		p.f("\n\n")
		if len(need) > 0 {
			p.f("%s it, or another key that does the same: %s\n\n", wording.Counted(len(need), "scenario needs", "scenarios need"), list(need, toScenario))
		}
		if len(more) > 0 {
			p.f("%s more with it: %s\n\n", checks(len(more)), list(more, toScenario))
		}
	}
	return p
}

func checks(n int) string {
	return wording.Counted(n, "scenario checks", "scenarios check")
}

// needing are the scenarios that need a key or one that does the same, and those that
// check more with it.
func needing(key string) (need, more []string) {
	has := func(list []suite.Need) bool {
		return slices.ContainsFunc(list, func(n suite.Need) bool { return slices.Contains(n.Settings(), key) })
	}
	for _, s := range scenarios.All() {
		switch {
		case has(s.Needs):
			need = append(need, s.ID)
		case has(s.Uses):
			more = append(more, s.ID)
		}
	}
	return need, more
}
