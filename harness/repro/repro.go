// Package repro reproduces, by name, bugs that people reported on this path: a
// device or a WNS misbehaves in that way for as long as you debug.
package repro

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/nearest"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Case is one reproduction.
type Case struct {
	Name  string
	Shows string // what a person sees
	// Sources are the addresses where it was reported, or where the rule stands that it
	// follows from; the first one is the best.
	Sources []string
	// Reported says of a report without an address where it came from.
	Reported  string
	LookAt    string   // what to check in the server
	Explain   string   // arguments of dmwake explain, if it explains this
	Scenarios []string // that judge what a server does then

	Profile string   // of the device; empty: the target's newest
	Quirks  []string // of the device
	Faults  []string // of the device (package dmclient/faults)
	WNS     []string // of the fake WNS, for this device or its tokens (package fakewns/faults)
	// Prepare changes the device after its enrollment and before its first session,
	// Then after that session.
	Prepare, Then func(*lab.Lab, *dmclient.Device)
	// Pushes says that the symptom shows when the server pushes.
	Pushes bool
	// Mutant, Variant and Break make the embedded server misbehave, Setup configures
	// it in one of the ways of lab.Setups.
	Mutant  *mutants.Mutant
	Variant *variants.Variant
	Break   func(*mdmserver.Tamper)
	Setup   string
	// Token is the kind of directory token that the device uses.
	Token entra.Kind
	// Enrolls says that it is about the enrollment, which may fail. Again enrolls the
	// device once more after its first session.
	Enrolls, Again bool
	// Reach is what the server has to do before the symptom can show.
	Reach Reach
	// Seen reports whether the symptom showed.
	Seen func(*Seen) bool
}

// Options are those of the embedded server for this reproduction.
func (c *Case) Options() lab.Options {
	o := lab.Options{Setup: c.Setup}
	if c.Mutant != nil {
		o.Mutants = append(o.Mutants, c.Mutant)
	}
	if c.Variant != nil {
		o.Variants = append(o.Variants, c.Variant)
	}
	if c.Break != nil {
		o.Mutants = append(o.Mutants, &mutants.Mutant{Name: c.Name, Does: c.Shows, Break: c.Break})
	}
	return o
}

// OfServer reports that the bug is one of the server: the embedded one is broken for
// it, and another one shows it only if it has the bug.
func (c *Case) OfServer() bool { return c.Mutant != nil || c.Variant != nil || c.Break != nil }

// Seen is what happened in a reproduction so far.
type Seen struct {
	Sessions []*dmclient.Session
	Journal  []*fakewns.Entry
	Device   *dmclient.Device
	// Enrolled is how the enrollment ended: nil if it succeeded.
	Enrolled error
}

// code checks whether a command on a node was answered with a code.
func code(verb syncml.Verb, suffix string, code int) func(*Seen) bool {
	return sessions(func(x *dmclient.Session) bool {
		return slices.ContainsFunc(x.Find(verb, suffix), func(c dmclient.Executed) bool { return c.Code == code })
	})
}

// wns checks whether WNS answered a kind of request with that status and state.
func wns(kind fakewns.Kind, status int, state string) func(*Seen) bool {
	return journal(func(e *fakewns.Entry) bool {
		return e.Kind == kind && e.Status == status && (state == "" || e.WNSStatus == state)
	})
}

func journal(want func(*fakewns.Entry) bool) func(*Seen) bool {
	return func(s *Seen) bool { return slices.ContainsFunc(s.Journal, want) }
}

func sessions(want func(*dmclient.Session) bool) func(*Seen) bool {
	return func(s *Seen) bool { return slices.ContainsFunc(s.Sessions, want) }
}

// shown checks whether the enrollment failed with a code that Windows shows.
func shown(hresult string) func(*Seen) bool {
	return func(s *Seen) bool { return Code(s.Enrolled) == hresult }
}

// Code is the code that Windows shows for a failed enrollment; empty without one.
func Code(err error) string {
	if e, ok := enrollError(err); ok {
		return e.HResult()
	}
	return ""
}

// All returns the reproductions, by name.
func All() []Case {
	all := slices.Concat(enrollments(), sessionCases(), pfns(), notifications(), tokens())
	slices.SortFunc(all, func(a, b Case) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// ByName finds a reproduction; the error lists all names.
func ByName(name string) (*Case, error) {
	all := All()
	names := make([]string, len(all))
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
		names[i] = all[i].Name
	}
	return nil, fmt.Errorf("unknown reproduction %q%s; known are %s", name, nearest.Hint(name, names), strings.Join(names, ", "))
}
