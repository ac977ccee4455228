package reference

import (
	"strings"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/target/presets"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// config is the page of every key of the configuration file.
func config() *page {
	p := begin("config.md", "Keys of dmwake.yaml", "every key of the configuration file")
	p.f("How the file is read, and what precedes it: [config](../config.md). **text** may be written without quotes; a **secret** is `{env: NAME}` or `{file: PATH}`; a **duration** is `300ms`, `15s` or `2m`; a **hook** is described in [hooks](hooks.md).\n" +
		"A key **decides** scenarios that are skipped, or do not apply, without it, or whose rule has its value.\n")
	var sections []string
	of := map[string][]target.Key{}
	for _, k := range target.Keys() {
		at := k.Name[:strings.LastIndexByte(k.Name, '.')]
		if of[at] == nil {
			sections = append(sections, at)
		}
		of[at] = append(of[at], k)
	}
	for _, section := range sections {
		p.f("\n## %s\n", section)
		p.ids[slug(section)] = true
		p.head("key", "type", "default", "example", "what it is")
		for _, k := range of[section] {
			does := k.Does
			if ids := decides(&k); ids != "" {
				does += ". Decides " + ids
			}
			p.row(p.named(k.Name, k.Name, "key", k.Does), k.Type(), k.Default, code(k.Example), does)
		}
	}
	p.f("\n## A secret\n")
	p.head("key", "what it is")
	p.row("`env`", "the name of a variable of the environment")
	p.row("`file`", "a file that has the secret; a line break at its end is left out")
	p.f("\n## A step of target.signin.steps\n\nA step has one of `get`, `fill`, `follow`, `post` and `take`: [sign-in](../signin.md#steps).\n")
	p.head("key", "type", "default", "example", "what it is")
	for _, k := range target.StepKeys() {
		p.row(p.named("target.signin.steps."+k.Name, "target.signin.steps."+k.Name, "key", k.Does), target.StepType(k.Name), k.Default, code(k.Example), k.Does)
	}
	p.f("\n## Presets\n\n`dmwake init --preset NAME` writes the file for these servers: [presets](../presets.md).\n")
	p.head("preset", "server")
	for _, s := range presets.All() {
		if s.Name != "" {
			p.row(p.named("preset-"+s.Name, s.Name, "preset", s.About), escaped(s.About))
		}
	}
	p.f("\n## Environment\n\nVariables that take precedence over the file.\n")
	p.head("variable", "key")
	for _, v := range [][2]string{{"DMWAKE_DISCOVERY", "target.discovery"}, {"DMWAKE_USERNAME", "target.username"}, {"DMWAKE_PASSWORD", "target.password"}, {"DMWAKE_CA", "target.ca"}, {"DMWAKE_WNS_LISTEN", "wns.listen"}} {
		p.row(p.named(v[0], v[0], "variable of the environment", v[1]), toKey(v[1]))
	}
	return p
}

// decides links the scenarios that a key decides.
func decides(k *target.Key) string {
	var needs []string
	for _, s := range scenarios.All() {
		for _, n := range s.Needs {
			for _, key := range n.Settings() {
				if key == k.Name {
					needs = append(needs, s.ID)
				}
			}
		}
	}
	out := list(k.Decides, toScenario)
	switch {
	case len(needs) > 3 && strings.HasPrefix(k.Name, "target.hooks."):
		return join(out, link(wording.Count(len(needs), "scenario"), "hooks.md#"+strings.TrimPrefix(k.Name, "target.hooks.")))
	case len(needs) > 3:
		return join(out, link(wording.Count(len(needs), "scenario"), "hooks.md#"+string(suite.NeedPush)))
	}
	return join(out, list(needs, toScenario))
}

func join(texts ...string) string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return strings.Join(out, ", ")
}

func toKey(name string) string { return link(code(name), "config.md#"+name) }
