package csp

import "strings"

// firstSyncStatus adds the rules of the Enrollment Status Page's nodes (DDF of
// DMClient): after ServerHasFinishedProvisioning the lists of expected items can no
// longer be changed, and it cannot be taken back; IsSyncDone cannot be set once it is
// true; WasDeviceSuccessfullyProvisioned cannot be changed once it is 0 or 1. The DDF
// names CFGMGR_E_COMMANDNOTALLOWED for the first; that all of them are answered with
// 405 is a model.
func firstSyncStatus(on map[string]Handler, at string) {
	isTrue := func(node string) func(*Call) bool {
		return func(c *Call) bool { return Truth(c.Value(node)) }
	}
	finished := isTrue("ServerHasFinishedProvisioning")
	for _, list := range ExpectedLists {
		on[at+list] = Handler{Locked: finished}
	}
	on[at+"ServerHasFinishedProvisioning"] = Handler{Write: func(c *Call, v string) int {
		if finished(c) && !Truth(v) {
			return 405
		}
		return 200
	}}
	// "Get, Replace" in the user's part, every operation in the device's (DDF).
	on[at+"CustomErrorText"] = Handler{Locked: func(c *Call) bool { return c.scope == UserScope && c.Verb != Replace }}
	on[at+"IsSyncDone"] = Handler{Locked: isTrue("IsSyncDone")}
	on[at+"WasDeviceSuccessfullyProvisioned"] = Handler{Locked: func(c *Call) bool {
		v := c.Value("WasDeviceSuccessfullyProvisioned")
		return v == "0" || v == "1"
	}}
}

// ExpectedLists are the nodes of FirstSyncStatus that list what the page waits for:
// LocURIs separated by U+F000; those of apps end in a semicolon and a number.
var ExpectedLists = []string{
	"ExpectedPolicies", "ExpectedNetworkProfiles", "ExpectedMSIAppPackages", "ExpectedModernAppPackages", "ExpectedPFXCerts", "ExpectedSCEPCerts",
}

// Truth is the value of a node of format bool.
func Truth(v string) bool {
	v = strings.TrimSpace(v)
	return v == "1" || strings.EqualFold(v, "true")
}

// enrollmentStatusTracking is how policy providers tell the Enrollment Status Page what
// they install (Learn, "EnrollmentStatusTracking CSP").
func enrollmentStatusTracking() CSP {
	return CSP{Name: "EnrollmentStatusTracking", Version: "1.0", lists: bothScopes, tree: "enrollmentstatustracking.tree", on: map[string]Handler{
		// False only while the page is shown.
		"Setup/HasProvisioningCompleted": {Read: func(c *Call) string {
			if c.scope == UserScope {
				return c.Host.Fact("AccountSetupOver")
			}
			return c.Host.Fact("DeviceSetupOver")
		}},
	}}
}
