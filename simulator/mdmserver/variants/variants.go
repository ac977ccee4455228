// Package variants has reference servers that do what the standards allow in
// another way: a conformance suite must pass on every one of them, or it cries
// wolf.
package variants

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/nearest"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// Variant is a lawful difference, or one that real servers get away with.
type Variant struct {
	Name string // as the command line knows it
	Does string
	Seen string // the document that allows it, or where it was seen
	// Breaks names the rule that it breaks: it is not lawful then, but real
	// servers get away with it. Empty for a lawful variant.
	Breaks string
	Vary   func(*mdmserver.Config)
}

// All gives every variant, by subject, in the order in which Apply applies them:
// what some of them plan, the portions divide among messages.
func All() []*Variant {
	return slices.Concat(enrollment, discovery, policies, soap, tokens, renewals, addresses, signIns, ofDirectory, documents, sessions, envelopes, credentials, work, nodes, transport, pushes, statusPages, linkedEnrollments, portions)
}

// Apply makes a server of these variants, whatever their order.
func Apply(c *mdmserver.Config, list []*Variant) {
	for _, v := range All() {
		if slices.Contains(list, v) {
			v.Vary(c)
		}
	}
}

// Find gives the variants with these names.
func Find(names ...string) ([]*Variant, error) {
	all := All()
	out := make([]*Variant, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(all, func(v *Variant) bool { return v.Name == name })
		if i < 0 {
			known := make([]string, len(all))
			for i, v := range all {
				known[i] = v.Name
			}
			return nil, fmt.Errorf("unknown variant %q%s; there are: %s", name, nearest.Hint(name, known), strings.Join(known, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}
