// Package suite is what conformance scenarios are made of and how they are run:
// the vocabulary of a body (T, Device), waiting, evidence, isolation, the
// runner. It is given the list of scenarios and knows none of them by id.
package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
)

// Need is something a scenario cannot do without.
type Need string

// The needs. A scenario without needs is passive: enrolling and syncing is
// enough.
const (
	NeedQueue Need = "queue"    // a hook that queues a command
	NeedWipe  Need = "wipe"     // a hook that wipes a device, or one that queues
	NeedLock  Need = "lock"     // a hook that locks a device, or one that queues
	NeedPush  Need = "push"     // a hook, or the server's own habit, that makes it push
	NeedLeave Need = "unenroll" // a hook that ends the management of a device
	NeedStart Need = "restart"  // a hook that restarts the server
)

// Reach is how much of the lab a scenario has to itself.
type Reach int

// The reaches, from nothing to all.
const (
	// Shared scenarios change nothing that others see.
	Shared Reach = iota
	// AloneAtWNS has the fake WNS to itself: it revokes the tokens of all, counts
	// what all send, or changes what WNS is to all. What does not push may run
	// beside it.
	AloneAtWNS
	// Alone has the server to itself: it restarts or crowds it.
	Alone
)

// Premise is what most scenarios need before they can look. A scenario that
// decides one declares it in Decides; a body that does not find it says so by
// T.Blocked.
type Premise string

// The premises.
const (
	Enrolls  Premise = "a device enrolls"
	Talks    Premise = "sessions are answered"
	Proves   Premise = "devices are given what they authenticate with"
	SetsPFN  Premise = "the server sets a PFN"
	GoodPFN  Premise = "the PFN is one that can be registered"
	AsksURI  Premise = "the server asks for the channel URI"
	AsksURIs Premise = "the server asks for the channel URI in later sessions"
	AsksWhy  Premise = "the server asks for Push/Status"
	Tokens   Premise = "the server gets a token"
	Notifies Premise = "WNS accepts the server's notifications"
	Pushes   Premise = "the server pushes when it is asked to"
	Delivers Premise = "what is queued is delivered"
	// Crowds explains what contradicts itself otherwise: scenarios run side by side.
	Crowds Premise = "many devices are served at once"
)

// Scenario is one case of the suite, whole.
type Scenario struct {
	ID     string
	Level  string // report.Must, Should or Info
	Title  string
	Rule   string // the requirement in our words
	Source string // document and section
	Fix    string // what a server that fails it mostly has to change
	Needs  []Need
	// Uses are hooks that it sees more with, and can do without.
	Uses []Need
	// Mutants are the broken reference servers that it must fail on.
	Mutants []string
	// Under are the ids of scenarios that explain its failure where they failed,
	// too: the run tells it under their cause.
	Under []string
	// Decides are the premises of others whose absence this scenario reports.
	Decides []Premise
	// Profile is the device it runs on where the target allows it; empty means
	// the target's newest.
	Profile string
	// Levels is the level on a profile where it is not Level.
	Levels map[string]string
	// Only says that it makes no sense on another profile than Profile.
	Only bool
	// Reach says what it must have to itself.
	Reach Reach
	// On is the setup of the embedded server that it needs to see anything
	// (lab.Setups); a server of the user's own is as it is.
	On string
	// Stranger says that it needs no device that is enrolled: it is run also where
	// none can enroll.
	Stranger bool
	// Ends says that the device is not managed any more after it.
	Ends bool
	Run  func(*T)
}

// Area is the start of the id.
func (s *Scenario) Area() string {
	area, _, _ := strings.Cut(s.ID, "-")
	return area
}

// profile picks the device for a target; ok is false where the target allows
// none that makes sense.
func (s *Scenario) profile(t *target.Target) (name string, ok bool) {
	allowed := t.Profiles
	if t.Shared() {
		allowed = allowed[len(allowed)-1:] // the one device is that
	}
	if s.Profile != "" && slices.Contains(allowed, s.Profile) {
		return s.Profile, true
	}
	return allowed[len(allowed)-1], !s.Only
}

// LevelOn is the level on a profile.
func (s *Scenario) LevelOn(profile string) string {
	if level, ok := s.Levels[profile]; ok {
		return level
	}
	return s.Level
}

// pushAreas are those that mean nothing for a server without WNS push.
var pushAreas = []string{"PFN", "CHN", "TOK", "WNS", "WER", "PSH"}

// hookFor tells how each need is met, and the example that a user is shown.
var hookFor = map[Need]struct {
	met     func(*target.Target) bool
	example string
}{
	NeedQueue: {func(t *target.Target) bool { return t.Hooks.Queue != nil },
		"no queue hook: set target.hooks.queue, for example {exec: [./queue.sh, '{{.DeviceID}}', '{{.Verb}}', '{{.LocURI}}', '{{.Data}}']}"},
	NeedWipe: {func(t *target.Target) bool { return t.Hooks.Queue != nil || t.Hooks.Wipe != nil },
		"no wipe hook: set target.hooks.wipe, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/wipe'}}, or target.hooks.queue"},
	NeedLock: {func(t *target.Target) bool { return t.Hooks.Queue != nil || t.Hooks.Lock != nil },
		"no lock hook: set target.hooks.lock, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/lock'}}, or target.hooks.queue"},
	NeedLeave: {func(t *target.Target) bool { return t.Hooks.Unenroll != nil },
		"no unenroll hook: set target.hooks.unenroll, for example {http: {method: DELETE, url: 'https://mdm.example/devices/{{.DeviceID}}'}}"},
	NeedStart: {func(t *target.Target) bool { return t.Hooks.Restart != nil },
		"no restart hook: set target.hooks.restart, for example {exec: [docker, restart, mdm]}"},
	NeedPush: {func(t *target.Target) bool { return t.Hooks.Push != nil || t.PushOnQueue && t.Hooks.Queue != nil },
		"no push hook: set target.hooks.push, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/push'}}, or target.push_on_queue: true with a queue hook"},
}

// missing gives why a scenario cannot run on a target: outcome and reason;
// empty if it can.
func (s *Scenario) missing(t *target.Target) (report.Outcome, string) {
	if t.Push == "none" && slices.Contains(pushAreas, s.Area()) {
		return report.NotApplicable, "the target has no WNS push (target.push: none)"
	}
	if name, ok := s.profile(t); !ok {
		return report.NotApplicable, fmt.Sprintf("it is about %s devices, and target.profiles allows %s", s.Profile, strings.Join(append(slices.Clone(t.Profiles[:len(t.Profiles)-1]), name), ", "))
	}
	if s.Ends && t.Shared() {
		return report.NotApplicable, "it ends the management of its device, and the target has one that all scenarios share (target.shared_device, target.provisioned)"
	}
	for _, n := range s.Needs {
		if h := hookFor[n]; !h.met(t) {
			return report.Skipped, h.example
		}
	}
	return "", ""
}

// pushes tells whether its devices answer pushes. In a scenario that is not
// about them a server that pushes by itself would take its work away.
func (s *Scenario) pushes() bool { return slices.Contains(s.Needs, NeedPush) }

// result is a fresh result of the scenario on a profile.
func (s *Scenario) result(profile string) report.Result {
	return report.Result{ID: s.ID, Area: s.Area(), Level: s.LevelOn(profile), Title: s.Title, Rule: s.Rule, Source: s.Source, Under: s.Under, Profile: profile, Evidence: []string{}}
}
