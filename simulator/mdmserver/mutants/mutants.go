// Package mutants breaks the reference server, one rule at a time, so that a
// conformance suite can show that it would notice.
//
// A mutant changes the server only through mdmserver.Tamper. Which scenario must
// fail on it stands with the scenario.
package mutants

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/nearest"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// Mutant is a reference server that breaks exactly one rule.
type Mutant struct {
	Name  string // as the command line knows it: area, dash, words
	Does  string // what the server does with it
	Break func(*mdmserver.Tamper)
}

// tamper keeps the mutants' signatures short.
type tamper = mdmserver.Tamper

// All gives every mutant, by area.
func All() []*Mutant {
	return slices.Concat(enrollment, discoveries, policies, enrollmentTokens, renewals, documents, accounts, certificates, directories, sessions, digests, alerts, statuses, bodies, messages, envelopes, largeObjects, commands, polls, pfns, channels, tokens, requests, refusals,
		pushes, failures, security, robustness, statusPage, declarations, nodes)
}

// Find gives the mutants with these names. The error for an unknown name lists
// the mutants of its area.
func Find(names ...string) ([]*Mutant, error) {
	out := make([]*Mutant, 0, len(names))
	for _, name := range names {
		m, err := find(name)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func find(name string) (*Mutant, error) {
	area, _, _ := strings.Cut(name, "-")
	var same, all []string
	for _, m := range All() {
		if m.Name == name {
			return m, nil
		}
		all = append(all, m.Name)
		if strings.HasPrefix(m.Name, area+"-") {
			same = append(same, m.Name)
		}
	}
	hint := nearest.Hint(name, all)
	if hint == "" && len(same) > 0 {
		hint = fmt.Sprintf("; %s has: %s", area, strings.Join(same, ", "))
	}
	return nil, fmt.Errorf("unknown mutant %q%s; dmwake mdm --list-mutants shows them all", name, hint)
}

// Broken gives a Tamper with every given mutant.
func Broken(list ...*Mutant) (t mdmserver.Tamper) {
	for _, m := range list {
		m.Break(&t)
	}
	return t
}
