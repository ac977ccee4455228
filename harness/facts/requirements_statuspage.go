package facts

// statusPage is what the DMClient CSP asks of a server that uses the Enrollment Status
// Page. It is a reference of nodes: no rule has a word for its level.
func statusPage() RequirementGroup {
	const csp = "Learn, \"DMClient CSP\", FirstSyncStatus/"
	return RequirementGroup{Title: "Enrollment status page (FirstSyncStatus)", Requirements: []Requirement{
		{Key: "Y-01", Source: csp + "ServerHasFinishedProvisioning", Level: "MUST*",
			Says:      "it becomes true when all was sent, and false never again",
			Scenarios: []string{"ESP-01", "ESP-09"},
			Reason:    "a server that never sets it is not told: it may wait for what simulated devices do not report"},
		{Key: "Y-02", Source: csp + "ServerHasFinishedProvisioning", Level: "MUST*",
			Says:      "after it the lists of what is expected stay as they are",
			Scenarios: []string{"ESP-02"}},
		{Key: "Y-03", Source: csp + "ExpectedPolicies, ExpectedNetworkProfiles, ExpectedPFXCerts, ExpectedSCEPCerts", Level: "MUST*",
			Says:      "U+F000 separates the entries of a list; each is the LocURI of something that the server sends",
			Scenarios: []string{"ESP-03", "ESP-09"}},
		{Key: "Y-04", Source: csp + "ExpectedMSIAppPackages, ExpectedModernAppPackages", Level: "MUST*",
			Says:      "the entry of an app ends with a semicolon and how many apps it has",
			Scenarios: []string{"ESP-04"}},
		{Key: "Y-05", Source: csp + "TimeOutUntilSyncFailure", Level: "MUST*",
			Says:      "it is replaced by an int from 1 to 1440",
			Scenarios: []string{"ESP-05"}},
		{Key: "Y-06", Source: csp + "IsSyncDone, WasDeviceSuccessfullyProvisioned", Level: "MUST*",
			Says:      "the first is set to true once at most; the second is 0, 1 or 2, and stays once it is 0 or 1",
			Scenarios: []string{"ESP-06"}},
		{Key: "Y-07", Source: csp + "BlockInStatusPage, SkipDeviceStatusPage, SkipUserStatusPage", Level: "MUST*",
			Says:      "these are replaced below ./Device: the first by an int of the bits 1, 2 and 4, the others by a bool",
			Scenarios: []string{"ESP-05"}},
		{Key: "Y-08", Source: "Learn, \"DMClient CSP\", FirstSyncStatus of ./User; answers seen on build 26200", Level: "MUST*",
			Says:      "what concerns a user is written below ./User once a user is there",
			Scenarios: []string{"ESP-07"},
			Reason:    "which entries belong to a user is not judged: the page's own samples list LocURIs of ./User for the device, and others for the user"},
		{Key: "Y-09", Source: "Learn, \"DMClient CSP\", FirstSyncStatus; MS-MDE2 2.2.9.3 (NotInOobe)", Level: "SHOULD*",
			Says:      "a server that uses the page sets it up in the first session of a device that is set up",
			Scenarios: []string{"ESP-08"}},
		{Key: "Y-10", Source: csp + "CustomErrorText, IsSyncDone, WasDeviceSuccessfullyProvisioned", Level: "SHOULD*",
			Says:   "these are written below ./User, since they act on the user's page",
			Reason: "not judged: the CSP has them below ./Device with values of their own, and servers were seen to set them there"},
	}}
}
