// Package scenarios is the conformance suite: what an MDM server with WNS push
// must do, one value per case.
package scenarios

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/nearest"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// The vocabulary of the cases.
type (
	// Scenario is one case of the suite.
	Scenario = suite.Scenario
	// T is what a body runs with.
	T = suite.T
	// Device is a simulated device.
	Device = suite.Device
	// Need is something a scenario requires.
	Need = suite.Need
	// Mark is a position in the journal and in a device's sessions.
	Mark = suite.Mark
)

// The needs of a case.
const (
	NeedQueue = suite.NeedQueue
	NeedWork  = suite.NeedWork
	NeedWipe  = suite.NeedWipe
	NeedLock  = suite.NeedLock
	NeedPush  = suite.NeedPush
	NeedLeave = suite.NeedLeave
	NeedStart = suite.NeedStart
)

// mustOnPhones raises rules that only Windows Phone 8.1 enforces to MUST there.
var mustOnPhones = map[string]string{"wp81": report.Must}

// All returns the catalogue, area by area.
func All() []Scenario {
	return slices.Concat(
		ofStrangers(inOrder(enrollmentMessages, discovery, discoveryRequests, signInPage, enrollmentCredentials, certificatePolicies, policyRequests, certificateRequests, certificatesIssued, provisioningDocument, pollSchedule, certificateStores,
			tokenReplies, deviceRequests, requestedIdentities, enrollmentFaults, renewal, signedRequests, certificateContents, managementAccount, renewalSetup)),
		inOrder(sessionCourse, sessionEnvelope, sessionStatus, sessionAlerts, sessionText, sessionWork, sessionResults, sessionLimits, sessionParts, sessionOpening, sessionLarge, sessionCredentials, sessionDigests, alertKinds),
		inOrder(pfn, farewell), inOrder(channels, channelStatus), inOrder(tokens, tokenEndpoint), inOrder(notifications, wnsConnections, notificationHeaders, channelPaths, dropped), inOrder(wnsErrors, onceMore, throttles, afterTrouble, appAnswers), inOrder(pushToWork, pushedWork),
		inOrder(pfnErrors, answerErrors, atomicErrors, referenceErrors, workErrors),
		inOrder(impostors, enrollmentSecurity, hostileInput, disclosure, credentials, forgedTokens),
		inOrder(brokenInput, poorConnections, endurance),
		inOrder(ofDirectory, termsOfUse, termsRefusals, sessionTokens),
		statusPage, declaredConfiguration, inOrder(everyMessage, everyNode), everyCommand)
}

// ofStrangers marks the scenarios of an area that tests enrollment itself. A
// scenario there that needs an enrolled device enrolls one.
func ofStrangers(area []Scenario) []Scenario {
	for i := range area {
		area[i].Stranger = true
	}
	return area
}

// inOrder joins the parts of an area, sorted by number.
func inOrder(parts ...[]Scenario) []Scenario {
	area := slices.Concat(parts...)
	slices.SortFunc(area, func(a, b Scenario) int { return cmp.Or(len(a.ID)-len(b.ID), strings.Compare(a.ID, b.ID)) })
	return area
}

// Select returns the scenarios with these ids or in these areas; with neither,
// all of them. A name that matches nothing is an error.
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
			var known []string
			for i := range all {
				known = append(known, of(&all[i]))
			}
			return &UnknownError{kind, name, nearest.Of(name, known)}
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

// UnknownError reports a name that matches nothing.
type UnknownError struct {
	Kind, Name string
	Near       string // what it most likely means; empty if nothing is near
}

func (e *UnknownError) Error() string {
	mean := ""
	if e.Near != "" {
		mean = "; did you mean " + e.Near + "?"
	}
	return "unknown " + e.Kind + " " + e.Name + mean + "; dmwake test --list shows all of them"
}
