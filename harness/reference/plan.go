package reference

import (
	"strings"

	"github.com/dmwake/dmwake/harness/load/workload"
)

// plan is the page of every key of the plan of a load.
func plan() *page {
	p := begin("plan.md", "Keys of a load plan", "every key of the file of `dmwake load --plan`")
	p.f("What a plan is for, with an example: [load-workloads](../load-workloads.md). A **time** is `90s`, `15m`, `1h30m` or `2d`.\n")
	p.f("\n## The plan\n")
	p.planKeys("plan", workload.PlanKeys())
	p.f("\n## A part\n\nA part does one thing.\n")
	p.planKeys("part", workload.PartKeys())
	p.f("\n## The values of a part\n")
	p.head("key", "type", "default", "example", "what it is", "of", "may be written alone")
	for _, k := range workload.ValueKeys() {
		parts, alone := workload.Of(k.Name)
		p.row(p.named("value-"+k.Name, k.Name, "key of a load plan", k.Does), k.Takes, k.Default, code(k.Example), k.Does, strings.Join(parts, ", "), strings.Join(alone, ", "))
	}
	p.f("\n## A day\n")
	p.planKeys("day", workload.DayKeys())
	return p
}

func (p *page) planKeys(id string, keys []workload.Key) {
	p.head("key", "type", "default", "example", "what it is")
	for _, k := range keys {
		p.row(p.named(id+"-"+k.Name, k.Name, "key of a load plan", k.Does), k.Takes, k.Default, code(k.Example), k.Does)
	}
}
