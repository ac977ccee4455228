// Package scenarios is the conformance suite: what an MDM server that uses WNS
// push has to do, one value for each case.
package scenarios

import (
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// The vocabulary of the cases.
type (
	// Scenario is one case of the suite, whole.
	Scenario = suite.Scenario
	// T is what a body is given.
	T = suite.T
	// Device is a simulated device in a body.
	Device = suite.Device
	// Need is something a scenario cannot do without.
	Need = suite.Need
	// Mark is a place in the journal and in a device's sessions.
	Mark = suite.Mark
)

// The needs, as the cases write them.
const (
	NeedQueue = suite.NeedQueue
	NeedWipe  = suite.NeedWipe
	NeedLock  = suite.NeedLock
	NeedPush  = suite.NeedPush
	NeedLeave = suite.NeedLeave
	NeedStart = suite.NeedStart
)

// mustOnPhones is for what only Windows Phone 8.1 insists on.
var mustOnPhones = map[string]string{"wp81": report.Must}

// All is the catalogue, in the order of the areas.
func All() []Scenario {
	return slices.Concat(
		ofStrangers(inOrder(enrollmentMessages, discovery, enrollmentCredentials, certificatePolicies, certificateRequests, certificatesIssued, provisioningDocument, pollSchedule)),
		inOrder(sessionCourse, sessionEnvelope, sessionStatus, sessionAlerts, sessionText, sessionWork, sessionLimits, sessionCredentials),
		inOrder(pfn, farewell), channels, tokens, inOrder(notifications, wnsConnections), wnsErrors, inOrder(pushToWork, pushedWork),
		inOrder(pfnErrors, answerErrors, atomicErrors),
		inOrder(impostors, enrollmentSecurity, hostileInput, disclosure, credentials),
		inOrder(brokenInput, poorConnections, endurance))
}

// ofStrangers marks an area that looks at enrollment itself. What needs an
// enrolled device there says so by itself.
func ofStrangers(area []Scenario) []Scenario {
	for i := range area {
		area[i].Stranger = true
	}
	return area
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
	pick := func(kind, name string, of func(*Scenario) string) error {
		found := false
		for i := range all {
			if strings.EqualFold(of(&all[i]), name) {
				chosen[all[i].ID], found = true, true
			}
		}
		if !found {
			return &UnknownError{kind, name}
		}
		return nil
	}
	for _, id := range ids {
		if err := pick("scenario", id, func(s *Scenario) string { return s.ID }); err != nil {
			return nil, err
		}
	}
	for _, area := range areas {
		if err := pick("area", area, (*Scenario).Area); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(s Scenario) bool { return !chosen[s.ID] }), nil
}

// UnknownError is a selection that matches nothing.
type UnknownError struct{ Kind, Name string }

func (e *UnknownError) Error() string {
	return "unknown " + e.Kind + " " + e.Name + "; dmwake test --list shows all of them"
}
