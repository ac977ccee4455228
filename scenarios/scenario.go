// Package scenarios is the conformance suite: what an MDM server that uses WNS
// push has to do, one value for each case, on Ginkgo and Gomega.
package scenarios

import (
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
	NeedPush  Need = "push"     // a hook, or the server's own habit, that makes it push
	NeedLeave Need = "unenroll" // a hook that ends the management of a device
	NeedStart Need = "restart"  // a hook that restarts the server
)

// Scenario is one case of the suite.
type Scenario struct {
	ID     string
	Level  string // report.Must, Should or Info
	Title  string
	Rule   string // the requirement in our words
	Source string // document and section
	Needs  []Need
	// Profile is the device it runs on where the target allows it; empty means
	// the target's newest.
	Profile string
	// MustOn lists the profiles on which Level holds; on others it is a
	// SHOULD. Empty means all.
	MustOn []string
	// Only says that it makes no sense on another profile than Profile.
	Only bool
	// Alone says that it must have the lab to itself: it revokes the tokens of
	// all, counts what all send, or changes what the fake WNS is to all.
	Alone bool
	// On is the setup of the embedded server that it needs to see anything
	// (lab.Setups); a server of the user's own is as it is.
	On string
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

// levelOn is the level on a profile.
func (s *Scenario) levelOn(profile string) string {
	if len(s.MustOn) > 0 && !slices.Contains(s.MustOn, profile) {
		return report.Should
	}
	return s.Level
}

// pushAreas are those that mean nothing for a server without WNS push.
var pushAreas = []string{"PFN", "CHN", "TOK", "WNS", "WER", "PSH"}

// missing gives why a scenario cannot run on a target: outcome and reason;
// empty if it can.
func (s *Scenario) missing(t *target.Target) (report.Outcome, string) {
	if t.Push == "none" && slices.Contains(pushAreas, s.Area()) {
		return report.NotApplicable, "the target has no WNS push (target.push: none)"
	}
	if _, ok := s.profile(t); !ok {
		return report.NotApplicable, "it is about " + s.Profile + " devices, and the target has none (target.profiles)"
	}
	if s.Ends && t.Shared() {
		return report.NotApplicable, "it ends the management of its device, and the target has one that all scenarios share (target.shared_device, target.provisioned)"
	}
	h := &t.Hooks
	for _, n := range s.Needs {
		switch {
		case n == NeedQueue && h.Queue == nil && !(s.ID == "PSH-07" && h.Wipe != nil) && !(s.ID == "PSH-08" && h.Lock != nil):
			return report.Skipped, "no queue hook: set target.hooks.queue, for example {exec: [./queue.sh, '{{.DeviceID}}', '{{.Verb}}', '{{.LocURI}}', '{{.Data}}']}"
		case n == NeedLeave && h.Unenroll == nil:
			return report.Skipped, "no unenroll hook: set target.hooks.unenroll, for example {http: {method: DELETE, url: 'https://mdm.example/devices/{{.DeviceID}}'}}"
		case n == NeedStart && h.Restart == nil:
			return report.Skipped, "no restart hook: set target.hooks.restart, for example {exec: [docker, restart, mdm]}"
		case n == NeedPush && h.Push == nil && !(t.PushOnQueue && h.Queue != nil):
			return report.Skipped, "no push hook: set target.hooks.push, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/push'}}, or target.push_on_queue: true with a queue hook"
		}
	}
	return "", ""
}

// All is the catalogue, in the order of the areas.
func All() []Scenario {
	return slices.Concat(inOrder(enrollment, enrolledWith, enrollmentServices), inOrder(sessions, sessionInput, sessionAuth, sessionForms),
		inOrder(pfn, farewell), channels, tokens, notifications, wnsErrors, inOrder(pushToWork, pushedWork), inOrder(deviceErrors, moreErrors),
		inOrder(security, credentials, boundaries), inOrder(robustness, endurance))
}

// inOrder joins the parts of an area by id.
func inOrder(parts ...[]Scenario) []Scenario {
	area := slices.Concat(parts...)
	slices.SortFunc(area, func(a, b Scenario) int { return strings.Compare(a.ID, b.ID) })
	return area
}

// Select picks from the catalogue by ids and areas; both empty selects all. A
// name that matches nothing is an error.
func Select(ids, areas []string) ([]Scenario, error) {
	all := All()
	if len(ids) == 0 && len(areas) == 0 {
		return all, nil
	}
	chosen := map[string]bool{}
	for _, id := range ids {
		found := false
		for i := range all {
			if strings.EqualFold(all[i].ID, id) {
				chosen[all[i].ID], found = true, true
			}
		}
		if !found {
			return nil, &UnknownError{"scenario", id}
		}
	}
	for _, area := range areas {
		found := false
		for i := range all {
			if strings.EqualFold(all[i].Area(), area) {
				chosen[all[i].ID], found = true, true
			}
		}
		if !found {
			return nil, &UnknownError{"area", area}
		}
	}
	return slices.DeleteFunc(all, func(s Scenario) bool { return !chosen[s.ID] }), nil
}

// UnknownError is a selection that matches nothing.
type UnknownError struct{ Kind, Name string }

func (e *UnknownError) Error() string {
	return "unknown " + e.Kind + " " + e.Name + "; dmwake test --list shows all of them"
}
