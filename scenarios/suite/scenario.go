// Package suite defines and runs conformance scenarios: the vocabulary of a body
// (T, Device), waiting, evidence, isolation, the runner. It gets the list of
// scenarios and knows none of them by id.
package suite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// Need is something a scenario requires.
type Need string

// The needs. A scenario without needs is passive: it only enrolls and syncs.
const (
	NeedQueue Need = "queue"    // a hook that queues a command of the scenario's own
	NeedWork  Need = "work"     // a hook that gives a device any work
	NeedWipe  Need = "wipe"     // a hook that wipes a device, or the queue hook
	NeedLock  Need = "lock"     // a hook that locks a device, or the queue hook
	NeedPush  Need = "push"     // a hook that makes the server push, or a server that pushes by itself
	NeedLeave Need = "unenroll" // a hook that unenrolls a device
	NeedStart Need = "restart"  // a hook that restarts the server
)

// Reach says how much of the lab a scenario needs for itself.
type Reach int

// The reaches, from nothing to everything.
const (
	// Shared scenarios change nothing that others can see.
	Shared Reach = iota
	// AloneAtWNS has the fake WNS to itself: it revokes all tokens, counts what all
	// devices cause, or changes WNS for everybody. Scenarios that do not push may run
	// in parallel.
	AloneAtWNS
	// Alone has the server to itself: it restarts or overloads it.
	Alone
)

// Premise is something that most scenarios need before they can judge. The
// scenarios that decide it declare it in Decides; a body that does not find it
// calls T.Blocked.
type Premise string

// The premises.
const (
	Enrolls  Premise = "a device enrolls"
	Talks    Premise = "sessions are answered"
	Proves   Premise = "devices get the credentials they authenticate with"
	SetsPFN  Premise = "the server sets a PFN"
	GoodPFN  Premise = "the PFN can be registered"
	AsksURI  Premise = "the server asks for the channel URI"
	AsksURIs Premise = "the server asks for the channel URI in later sessions"
	AsksWhy  Premise = "the server asks for Push/Status"
	Tokens   Premise = "the server gets a token"
	Notifies Premise = "WNS accepts the server's notifications"
	Pushes   Premise = "the server pushes when asked to"
	Delivers Premise = "queued commands are delivered"
	// Crowds explains results that would otherwise contradict each other, since
	// scenarios run in parallel.
	Crowds Premise = "many devices are served at once"
)

// Scenario is one case of the suite.
type Scenario struct {
	ID     string
	Level  string // report.Must, Should or Info
	Title  string
	Rule   string // the requirement in our words
	Source string // document and section
	Fix    string // what a failing server usually has to change
	Needs  []Need
	// Polled says that on a server without push its work is judged by polling. Any
	// other scenario of the areas about push does not apply to such a server.
	Polled bool
	// OfPush says that it does not apply to a server without push, although its area
	// is about more.
	OfPush bool
	// Uses are optional hooks that let it check more.
	Uses []Need
	// Mutants are the broken reference servers on which it must fail.
	Mutants []*mutants.Mutant
	// Under are the ids of scenarios whose failure explains this one's: the report
	// lists it under their cause.
	Under []string
	// Decides are the premises of other scenarios that this one fails without.
	Decides []Premise
	// Profile is the device profile it runs on if the target allows it; empty means
	// the target's newest.
	Profile string
	// Levels overrides Level on some profiles, Rules Rule.
	Levels map[string]string
	Rules  map[string]string
	// Only says that it makes sense only on Profile.
	Only bool
	// Reach says what it needs for itself.
	Reach Reach
	// On is the setup of the embedded server that it needs (lab.Setups). A user's own
	// server is tested as it is.
	On string
	// Stranger says that it needs no enrolled device: it runs even if no device can
	// enroll.
	Stranger bool
	// Ends says that the device is no longer managed after it.
	Ends bool
	// Hears makes it a scenario that listens: it judges every session of every device
	// of the run, and its body, which runs last, only makes traffic where there was
	// none.
	Hears func(*Heard)
	Run   func(*T)
}

// Area is the part of the id before the hyphen.
func (s *Scenario) Area() string {
	area, _, _ := strings.Cut(s.ID, "-")
	return area
}

// profile picks the device profile for a target; ok is false if the target allows
// no suitable one.
func (s *Scenario) profile(t *target.Target) (name string, ok bool) {
	allowed := t.Profiles
	if t.Shared() {
		allowed = allowed[len(allowed)-1:] // the profile of the shared device
	}
	if s.Profile != "" && slices.Contains(allowed, s.Profile) {
		return s.Profile, true
	}
	return allowed[len(allowed)-1], !s.Only
}

// LevelOn returns the level on a profile.
func (s *Scenario) LevelOn(profile string) string {
	if level, ok := s.Levels[profile]; ok {
		return level
	}
	return s.Level
}

// RuleOn returns the rule in the words for a profile.
func (s *Scenario) RuleOn(profile string) string { return cmp.Or(s.Rules[profile], s.Rule) }

// pushAreas are the areas that do not apply to a server without WNS push.
var pushAreas = []string{"PFN", "CHN", "TOK", "WNS", "WER", "PSH"}

// missing says why a scenario cannot run on a target: outcome, reason, and the
// settings that would let it run. The outcome is empty if it can run.
func (s *Scenario) missing(t *target.Target) (o report.Outcome, reason string, settings []string) {
	if t.Push == "none" && (s.OfPush || slices.Contains(pushAreas, s.Area()) && !s.Polled) {
		return report.NotApplicable, noPush, nil
	}
	if name, ok := s.profile(t); !ok {
		return report.NotApplicable, fmt.Sprintf("it is only for %s devices, and target.profiles allows %s", s.Profile, strings.Join(append(slices.Clone(t.Profiles[:len(t.Profiles)-1]), name), ", ")), nil
	}
	if s.Ends && t.Shared() {
		return report.NotApplicable, "it unenrolls its device, and the target has one device that all scenarios share (target.shared_device, target.provisioned)", nil
	}
	for _, n := range s.Needs {
		if n == NeedPush && polls(t) {
			continue
		}
		if h := hookFor[n]; !h.met(t) {
			return report.Skipped, h.example, h.settings
		}
	}
	return "", "", nil
}

// pushes reports whether its devices answer pushes. In any other scenario, a server
// that pushes by itself would start sessions that the scenario does not expect.
func (s *Scenario) pushes() bool { return slices.Contains(s.Needs, NeedPush) }

// result returns an empty result of the scenario on a profile.
func (s *Scenario) result(profile string) report.Result {
	return report.Result{ID: s.ID, Area: s.Area(), Level: s.LevelOn(profile), Title: s.Title, Rule: s.RuleOn(profile), Source: s.Source, Under: s.Under, Profile: profile, Evidence: []string{}}
}
