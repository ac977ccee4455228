package facts

// pushRequirements are what documents ask of a server that sets up push.
func pushRequirements() RequirementGroup {
	const push = "Learn, Push notification support for device management"
	const wns = "Learn, WNS overview"
	const wakes = "needed: nothing wakes the device otherwise"
	return RequirementGroup{Title: "Push set-up", Requirements: []Requirement{
		{Key: "U-01", Source: push + "; " + dmc, Level: "MUST*", Says: "the PFN is set in a session", Scenarios: []string{"PFN-01"}, Needed: wakes},
		{Key: "U-02", Source: dmc + ", Push/PFN", Level: "MUST", Says: "all devices get the same PFN", Scenarios: []string{"PFN-13"}},
		{Key: "U-03", Source: dmc + ", Push", Level: "MUST*", Says: "Push is added before its children where it is missing",
			Scenarios: []string{"PFN-07"}, Reason: "a MUST on Windows Phone 8.1 only; later ones create the node themselves"},
		{Key: "U-04", Source: dmc + ", Push/PFN", Level: "MUST*", Says: "the PFN is a package family name of format chr, under the ProviderID, URI-encoded",
			Scenarios: []string{"PFN-02", "PFN-04", "PFN-05", "PFN-06"}, Needed: "needed: the device gets no channel otherwise"},
		{Key: "U-05", Source: push, Level: "SHOULD", Says: "ChannelURI is read in every session",
			Scenarios: []string{"PFN-09", "PFN-10", "CHN-10"}, Needed: "needed: without the URI there is nothing to push to (PFN-09); in every session is a SHOULD"},
		{Key: "U-06", Source: dmc + ", Push/Status", Level: "SHOULD*", Says: "Push/Status is read", Scenarios: []string{"PFN-11"}},
		{Key: "U-07", Source: push + "; " + wns, Level: "MUST*", Says: "the URI that was told last is used, and no other",
			Scenarios: []string{"CHN-01", "CHN-02", "CHN-06", "CHN-09"}, Needed: wakes},
		{Key: "U-08", Source: dmc + ", Push/ChannelURI, Push/Status", Level: "MUST*", Says: "without a URI, or with Status 1 or 3, nothing is pushed",
			Scenarios: []string{"CHN-03", "CHN-04"}, Needed: "needed: such a push wakes nobody, and what was to be done waits"},
		{Key: "U-09", Source: dmc + ", Push/Status", Level: "SHOULD*", Says: "Status 2, 6, 7 and 8 are understood; at 8 push is not used",
			Scenarios: []string{"CHN-12"}, Reason: "whether 8 allows a push is not judged: MS-MDE2 says that the edition has none, Learn that the error is unknown"},
		{Key: "U-10", Source: push, Level: "MUST*", Says: "devices poll beside push", Scenarios: []string{"PSH-06", "WER-17"}, Needed: "needed: WNS promises no delivery"},
		{Key: "U-11", Source: dmc + ", Push", Level: "SHOULD*", Says: "Push is deleted from a device that is let go", Scenarios: []string{"PFN-14"}},
		{Key: "U-12", Source: push + "; " + wns, Level: "SHOULD*", Says: "nothing is pushed to a URI that is older than 30 days",
			Scenarios: []string{"CHN-05", "CHN-11"}, Reason: "as Status 5 tells: a device cannot move the server's clock",
			Needed: "needed: a device whose channel expired cannot be woken before the PFN is set again"},
		{Key: "U-13", Source: dmc + ", Poll; MS-MDE2 2.2.9.3", Level: "MUST", Says: "a schedule that is set in a session keeps V-23 to V-27, and Poll is added first where it is missing",
			Scenarios: []string{"MSG-27", "MSG-28"}, Reason: "of a server that sets one; V-24 to V-27 are a SHOULD as at enrollment, and so is Add of Poll: Learn, OMA DM protocol support, has implicit Add"},
	}}
}
