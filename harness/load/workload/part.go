package workload

import (
	"errors"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/load"
)

// kinds are the names of what a part does, each with the names of its values. The first
// one may be written alone: poll: 15m.
var kinds = map[load.Kind][]string{
	load.KindPush:     {"rate", "day", "poisson", "sender", "work", "who"},
	load.KindPoll:     {"every"},
	load.KindStorm:    {"at", "within"},
	load.KindLogin:    {"rate", "day", "poisson", "who"},
	load.KindEnroll:   {"rate", "day", "poisson"},
	load.KindReenroll: {"rate", "day", "poisson", "who"},
	load.KindChurn:    {"rate", "day", "poisson", "who"},
}

func kindNames() (out []string) {
	for _, k := range load.Kinds() {
		out = append(out, string(k))
	}
	return out
}

// keys checks only the keys of a part and of what it does.
func (r *reader) keys(n *yaml.Node) {
	m := r.mapping(n, "a part", namesOf(PartKeys())...)
	if m == nil {
		return
	}
	for i, k := range m.keys {
		if known, v := kinds[load.Kind(k.Value)], m.values[i]; known != nil && v.Kind == yaml.MappingNode && len(v.Content) > 0 {
			r.mapping(v, k.Value, known...)
		}
	}
}

// part reads a part of a plan; nil if it cannot be read.
func (r *reader) part(n *yaml.Node, p *Plan) *load.Part {
	before := len(r.wrong)
	if r.keys(n); len(r.wrong) > before {
		return nil // also what is wrong with the keys below it
	}
	m := r.mapping(n, "a part", namesOf(PartKeys())...)
	part := &load.Part{}
	var value *yaml.Node
	for i, k := range m.keys {
		switch {
		case k.Value == "name":
			part.Name, _ = r.text(m.values[i], "name")
		case value != nil:
			r.failf(k, "a part does one thing, and this one has %s and %s; make two parts of it", part.Kind, k.Value)
			return nil
		default:
			part.Kind, value = load.Kind(k.Value), m.values[i]
		}
	}
	if value == nil {
		r.failf(n, "this part does nothing; add one of %s", strings.Join(kindNames(), ", "))
		return nil
	}
	if part.Name == "" {
		part.Name = r.freeName(p, string(part.Kind))
	}
	if at := slices.IndexFunc(p.Parts, func(q *load.Part) bool { return q.Name == part.Name }); at >= 0 {
		r.failf(n, "part %d is named %q, too; the result tells parts apart by their names", at+1, part.Name)
		return nil
	}
	known := kinds[part.Kind]
	if value.Kind == yaml.ScalarNode && value.Tag != "!!null" { // poll: 15m
		value = &yaml.Node{Kind: yaml.MappingNode, Line: value.Line, Column: value.Column, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: known[0], Line: value.Line, Column: value.Column}, value}}
	}
	v := r.mapping(value, string(part.Kind), known...)
	if v == nil || len(r.wrong) > before {
		return nil
	}
	r.values(part, v, value, p)
	if len(r.wrong) > before {
		return nil
	}
	return part
}

// freeName is a name for a part without one: its kind, and a number if that is taken.
func (r *reader) freeName(p *Plan, kind string) string {
	name := kind
	for k := 2; slices.ContainsFunc(p.Parts, func(q *load.Part) bool { return q.Name == name }); k++ {
		name = kind + " " + string(rune('0'+k%10))
	}
	return name
}

// values reads the values of a part.
func (r *reader) values(part *load.Part, v *mapping, at *yaml.Node, p *Plan) {
	switch part.Kind {
	case load.KindPoll, load.KindStorm:
		idle, err := load.Idle(p.Duration, p.Warmup)
		if err != nil {
			r.option(at, err)
			return
		}
		part.Plan = idle
		need := kinds[part.Kind][0]
		if v.get(need) == nil {
			r.failf(at, "%s needs %s, such as {%s: 15m}", part.Kind, need, need)
			return
		}
		for name, to := range map[string]*time.Duration{"every": &part.Every, "at": &part.At, "within": &part.Within} {
			if n := v.get(name); n != nil {
				*to = r.duration(n, name)
			}
		}
	default:
		part.Plan = r.arrivals(part.Kind, v, at, p)
	}
	if part.Kind == load.KindPush {
		part.Mix = r.mix(v.get("work"))
		part.Sender = r.choice(v.get("sender"), "sender", load.SenderHook, load.SenderOwn, load.SenderWNS, load.SenderNone)
	}
	part.Who = r.choice(v.get("who"), "who", "round", "random")
}

// option reports an error of package load at a node.
func (r *reader) option(at *yaml.Node, err error) {
	if e := (*load.OptionError)(nil); errors.As(err, &e) {
		r.failf(at, "%s", e.Named(func(f load.Field) string { return strings.ToLower(string(f)) }))
		return
	}
	r.failf(at, "%v", err)
}

// arrivals reads when the items of a part are due.
func (r *reader) arrivals(kind load.Kind, v *mapping, at *yaml.Node, p *Plan) *load.Plan {
	rate, day := v.get("rate"), v.get("day")
	var plan *load.Plan
	var err error
	switch {
	case rate != nil && day != nil:
		r.failf(day, "%s has a rate and a day; leave one of them", kind)
	case rate != nil:
		text, ok := r.text(rate, "rate")
		if !ok {
			break
		}
		if plan, err = load.ParsePlan(text, p.Duration, p.Warmup); err != nil {
			r.option(rate, err)
		}
	case day != nil:
		d := r.day(day)
		if len(r.wrong) > 0 {
			break
		}
		if plan, err = d.Plan(p.Duration, p.Warmup); err != nil {
			r.option(day, err)
		}
	default:
		r.failf(at, "%s needs a rate or a day, such as {rate: 0.5} or {day: {from: 8h, to: 18h, peak: 5}}", kind)
	}
	if n := v.get("poisson"); n != nil {
		if random := r.choice(n, "poisson", "true", "false"); plan != nil {
			plan.Poisson = random == "true"
		}
	}
	return plan
}

func (r *reader) day(n *yaml.Node) (d load.Day) {
	m := r.mapping(n, "day", namesOf(DayKeys())...)
	if m == nil {
		return d
	}
	for name, read := range map[string]func(*yaml.Node){
		"from": func(n *yaml.Node) { d.From = r.duration(n, "from") }, "to": func(n *yaml.Node) { d.To = r.duration(n, "to") },
		"peak": func(n *yaml.Node) { d.Peak = r.number(n, "peak", 0, 1e6, false) }, "base": func(n *yaml.Node) { d.Base = r.number(n, "base", 0, 1e6, false) },
	} {
		switch v := m.get(name); {
		case v != nil:
			read(v)
		case name != "base":
			r.failf(n, "day has no %s; it needs from, to and peak, such as {from: 8h, to: 18h, peak: 5}", name)
		}
	}
	return d
}

// choice reads one of some words; empty if it is left out.
func (r *reader) choice(n *yaml.Node, what string, words ...string) string {
	if n == nil {
		return ""
	}
	text, ok := r.text(n, what)
	if !ok || slices.Contains(words, text) {
		return text
	}
	r.failf(n, "%s: %q is unknown; choose one of %s", what, text, strings.Join(words, ", "))
	return ""
}

// mix reads the work of pushes: one word, or words with weights.
func (r *reader) mix(n *yaml.Node) load.Mix {
	if n == nil {
		return load.Mix{{Work: load.Work{Kind: "none"}, Weight: 1}}
	}
	if n.Kind == yaml.ScalarNode {
		if text, ok := r.text(n, "work"); ok {
			return load.Mix{{Work: r.work(n, text), Weight: 1}}
		}
		return nil
	}
	m := r.anyMapping(n, "work", []string{"none", "get", "wipe", "app", "profile:20"})
	if m == nil {
		return nil
	}
	var mix load.Mix
	for i, k := range m.keys {
		weight := r.number(m.values[i], "work: the weight of "+k.Value, 0, 1e9, false)
		if w := r.work(k, k.Value); weight > 0 {
			mix = append(mix, load.Weighted{Work: w, Weight: weight})
		}
	}
	if len(mix) == 0 {
		r.failf(n, "work: all weights are 0; give at least one above 0")
	}
	return mix
}

func (r *reader) work(n *yaml.Node, text string) load.Work {
	w, err := load.ParseWork(text)
	if err != nil {
		r.option(n, err)
	}
	return w
}
