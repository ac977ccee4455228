// Package fidelity says how true each simulated Windows is: which of its bodies,
// headers, nodes and behaviours equal what a real device sent, which follow a
// document, which others saw, and which are a model of ours. "make fidelity" prints
// it, and writes it to harness/docs/fidelity.md.
package fidelity

import (
	"slices"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Strength says what stands behind a part of a simulated device.
type Strength string

// The strengths, best first.
const (
	Captured   Strength = "captured"   // equals the bytes that a real device sent, by a test
	Documented Strength = "documented" // published by Microsoft or OMA
	Seen       Strength = "seen"       // reported of a real device, without its bytes
	Model      Strength = "model"      // inferred by us
	Absent     Strength = "-"          // this Windows has no such thing
)

// Claim is the strength of one part for the profiles that it names.
type Claim struct {
	Strength Strength
	Profiles []string // none: all that no other claim of the part names
	Source   string
	// Captures are the files in ../shared/captures that a captured part equals.
	Captures []string
	// Proofs are tests, "package.TestName" with the package's folder below the root.
	Proofs []string
}

// Part is something that a device sends or does.
type Part struct {
	Name   string
	Claims []Claim
}

// Of is the claim for a profile.
func (p Part) Of(profile string) Claim {
	var rest Claim
	for _, c := range p.Claims {
		if slices.Contains(c.Profiles, profile) {
			return c
		}
		if len(c.Profiles) == 0 {
			rest = c
		}
	}
	return rest
}

// Group is a list of parts of one kind.
type Group struct {
	Title string
	Parts []Part
}

// All returns what is claimed: bodies, headers and behaviours.
func All() []Group {
	return []Group{{"Bodies", bodies()}, {"Headers", headers()}, {"Behaviours", behaviours()}}
}

// inferred are quirks of profiles that no source names: that of a neighbour was
// taken.
var inferred = map[string][]string{"unenroll-critical": {w11, w24h2}, "no-tracing": {wp81}, "ignores-429": {wp81}}

// behaviours are those that differ between Windows versions, from the device's own
// list of quirks.
func behaviours() (out []Part) {
	strengths := map[dmclient.Strength]Strength{dmclient.Documented: Documented, dmclient.Seen: Seen, dmclient.Model: Model}
	for _, q := range dmclient.QuirkList() {
		p := Part{Name: q.Name + ": " + q.Does}
		for _, w := range dmclient.Profiles() {
			c := Claim{Strength: strengths[q.Strength], Profiles: []string{w.Name}, Source: "dmwake device quirks"}
			switch {
			case !slices.Contains(w.Quirks.Active(), q.Name):
				c.Strength = Absent
			case slices.Contains(inferred[q.Name], w.Name):
				c.Strength = Model
			}
			p.Claims = append(p.Claims, c)
		}
		out = append(out, p)
	}
	return out
}

// Tree is a CSP with the number of its nodes on each profile.
type Tree struct {
	Name, Source string
	Nodes        map[string]int // by profile
	// Marked are the remarks in its description about what was seen or is a model.
	// All other nodes follow the source.
	Marked []string
}

// Trees returns the CSPs of the simulated devices.
func Trees() (out []Tree, err error) {
	for _, c := range csp.All() {
		nodes, err := c.Nodes()
		if err != nil {
			return nil, err
		}
		t := Tree{Name: c.Name, Nodes: map[string]int{}}
		for _, p := range dmclient.Profiles() {
			for i := range nodes {
				if nodes[i].On(csp.Platform{Build: p.Build, Phone: p.Phone}) {
					t.Nodes[p.Name]++
				}
			}
		}
		for _, remark := range c.Remarks() {
			if t.Source == "" {
				t.Source = source(remark)
			}
			t.Marked = append(t.Marked, marked(remark)...)
		}
		out = append(out, t)
	}
	return out, nil
}
