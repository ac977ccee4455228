package scenarios

import (
	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

const learnPage = "Learn, \"DMClient CSP\", FirstSyncStatus"

// statusPage are the rules of the Enrollment Status Page. Each hears what the server
// writes below FirstSyncStatus in every session of the run. They do not apply to a
// server that writes nothing there.
var statusPage = []Scenario{
	{ID: "ESP-01", Level: report.Should, On: "page", Hears: page(staysFinished), Run: watchPage, Title: "ServerHasFinishedProvisioning is not taken back",
		Rule:    "ServerHasFinishedProvisioning is true or false. Once it is true, it is not set to false again: the device refuses that.",
		Source:  learnPage + "/ServerHasFinishedProvisioning",
		Fix:     "Set it to true once, when all was sent, and leave it.",
		Mutants: []*mutants.Mutant{mutants.EspTakenBack}},
	{ID: "ESP-02", Level: report.Should, On: "page", Hears: page(keepsLists), Run: watchPage, Title: "the lists are not changed after ServerHasFinishedProvisioning",
		Rule:    "What the page waits for is listed before ServerHasFinishedProvisioning is true. Later the device refuses another list.",
		Source:  learnPage + "/ServerHasFinishedProvisioning",
		Fix:     "Write all lists first, and ServerHasFinishedProvisioning last.",
		Mutants: []*mutants.Mutant{mutants.EspListLate}},
	{ID: "ESP-03", Level: report.Should, On: "page", Hears: page(delimits), Run: watchPage, Title: "lists are LocURIs with U+F000 between them",
		Rule:    "ExpectedPolicies and the other lists hold full LocURIs. Between two of them stands the character U+F000, nothing else.",
		Source:  learnPage + "/ExpectedPolicies and others",
		Fix:     "Join the LocURIs with the character U+F000, in XML &#xF000;.",
		Mutants: []*mutants.Mutant{mutants.EspComma, mutants.EspEscaped, mutants.EspRelative}},
	{ID: "ESP-04", Level: report.Should, On: "page", Hears: page(countsApps), Run: watchPage, Title: "an app in a list has a number",
		Rule:    "In ExpectedMSIAppPackages and ExpectedModernAppPackages each LocURI is followed by a semicolon and the number of apps in the package.",
		Source:  learnPage + "/ExpectedMSIAppPackages, ExpectedModernAppPackages",
		Fix:     "Append ;1 to the LocURI of an app.",
		Mutants: []*mutants.Mutant{mutants.EspNoCount},
		Under:   []string{"ESP-03"}},
	{ID: "ESP-05", Level: report.Should, On: "page", Hears: page(setsPage), Run: watchPage, Title: "the settings of the page have values that Windows knows",
		Rule:    "TimeOutUntilSyncFailure is 1 to 1440 minutes, BlockInStatusPage a sum of 1, 2 and 4, both int. SkipDeviceStatusPage and SkipUserStatusPage are bool. All four are nodes of the device, are there already, and are set by Replace.",
		Source:  learnPage + "/TimeOutUntilSyncFailure, BlockInStatusPage, SkipDeviceStatusPage, SkipUserStatusPage",
		Fix:     "Send Replace of ./Device/.../FirstSyncStatus/..., with the format and the values of the CSP.",
		Mutants: []*mutants.Mutant{mutants.EspTimeOut, mutants.EspBlock, mutants.EspSkip, mutants.EspAdds, mutants.EspUserScope, mutants.EspFormat}},
	{ID: "ESP-06", Level: report.Should, On: "page", Hears: page(endsOnce), Run: watchPage, Title: "IsSyncDone is set once, WasDeviceSuccessfullyProvisioned is final",
		Rule:    "IsSyncDone is set to true at most once, and never to false after it. WasDeviceSuccessfullyProvisioned is 0, 1 or 2; once it is 0 or 1, it stays.",
		Source:  learnPage + "/IsSyncDone, WasDeviceSuccessfullyProvisioned",
		Fix:     "Let the device set both. A server that overrides the page sets WasDeviceSuccessfullyProvisioned and then IsSyncDone, once.",
		Mutants: []*mutants.Mutant{mutants.EspDoneTwice, mutants.EspResultTwo}},
	{ID: "ESP-07", Level: report.Should, On: "page", Hears: page(repeatsForUser), Run: watchPage, Title: "what a device refused for ./User is sent again",
		Rule:    "Before a user has signed in the device answers 405 to FirstSyncStatus of ./User, and in the first session after that, too. The server sends it again until the device takes it; else the user's page ends by a time-out.",
		Source:  learnPage + " of ./User; answers seen on build 26200 (fleet issue 49250)",
		Fix:     "Send ServerHasFinishedProvisioning of ./User in every session with LoginStatus user until it is answered with 200.",
		Mutants: []*mutants.Mutant{mutants.EspUserOnce}},
	{ID: "ESP-08", Level: report.Should, On: "page", Hears: page(comesFirst), Run: watchPage, Title: "the page is set up in the device's first session",
		Rule:    "A device that is set up shows the page if its first session sets SkipDeviceStatusPage to false. In a later session it is too late.",
		Source:  learnPage + "/SkipDeviceStatusPage; MS-MDE2 2.2.9.3 (NotInOobe); seen on build 26200 (fleet issue 43454)",
		Fix:     "Set the page up in the first session after the enrollment.",
		Mutants: []*mutants.Mutant{mutants.EspLate}},
	{ID: "ESP-09", Level: report.Should, On: "page", Hears: page(sendsListed), Run: watchPage, Title: "what is listed is sent before the end is announced",
		Rule:    "ServerHasFinishedProvisioning says that the server has sent all that the lists name. The page waits for a LocURI that never comes until it times out.",
		Source:  learnPage + "/ServerHasFinishedProvisioning, Expected lists",
		Fix:     "List only what is sent to this device, and set ServerHasFinishedProvisioning after it.",
		Mutants: []*mutants.Mutant{mutants.EspNotSent},
		Under:   []string{"ESP-02", "ESP-03"}},
}

// watchPage makes the traffic of a run in which no server set up a page so far: a
// device whose user signs in after its second session.
func watchPage(t *T) {
	if t.Concerned() {
		return
	}
	if t.Heard() < fewSessions || t.Lab.Embedded() {
		d := t.Enrollee()
		d.SetLogin(dmclient.LoginNone)
		if d.State() != dmclient.Enrolled {
			d.MustEnroll()
		}
		d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
		d.Sync(dmclient.SyncOptions{})
		d.SetLogin(dmclient.LoginUser)
		for range 4 {
			d.Sync(dmclient.SyncOptions{})
		}
	}
	if !t.Concerned() {
		t.NotApplicable("the server wrote nothing below FirstSyncStatus in the sessions of this run: it does not use the Enrollment Status Page")
	}
}

// page is a rule over what the server writes below FirstSyncStatus in one session.
func page(rule func(h *suite.Heard, writes []pageWrite)) func(*suite.Heard) {
	return func(h *suite.Heard) {
		writes := pageWrites(h.Session)
		for i := range writes {
			if len(h.Pairs) > 0 {
				writes[i].pair = min(writes[i].Msg, len(h.Pairs)-1)
				h.Concerns()
			}
		}
		if len(h.Pairs) > 0 && !h.Crossed {
			rule(h, writes)
		}
	}
}
