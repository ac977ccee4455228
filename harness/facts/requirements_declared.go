package facts

// declaredRequirements are what Microsoft's pages ask of a server that has devices
// enroll linked and manages them by documents. They describe the protocol in examples:
// no rule has a word for its level. T-36 is about the order of the commands.
func declaredRequirements() RequirementGroup {
	const (
		windc = "Learn, Windows declared configuration protocol"
		csp   = "Learn, DeclaredConfiguration CSP"
	)
	return RequirementGroup{Title: "Linked enrollment and declared configuration", Requirements: []Requirement{
		{Key: "J-01", Source: "Learn, Declared configuration discovery", Level: "MUST*",
			Says:      "DiscoveryEndpoint answers a POST of JSON with three URLs and AuthPolicy, Federated or Certificate",
			Scenarios: []string{"WDC-01"}},
		{Key: "J-02", Source: "Learn, Declared configuration discovery", Level: "MAY",
			Says:   "it answers UPNRequired to a request without upn, or Retry-After",
			Reason: "lawful; a variant and the tests of the device show that it copes"},
		{Key: "J-03", Source: "Learn, Declared configuration enrollment; MS-MDE2", Level: "MUST*",
			Says:      "GetPolicies and RST follow, as in any enrollment, and give an account and a certificate of their own",
			Scenarios: []string{"WDC-02"}},
		{Key: "J-04", Source: windc + "; MS-MDM 2.2.6.1", Level: "MUST*",
			Says:      "the alert of the documents' states is answered with 200",
			Scenarios: []string{"WDC-03"}},
		{Key: "J-05", Source: csp, Level: "MUST*",
			Says:      "id and context of a document agree with its LocURI",
			Scenarios: []string{"WDC-04"}},
		{Key: "J-06", Source: csp, Level: "MUST*",
			Says:      "a document is well-formed, of a scenario that exists, with a checksum",
			Scenarios: []string{"WDC-05"},
			Reason:    "which settings belong to a scenario is not published in full, and not judged"},
		{Key: "J-07", Source: csp, Level: "MUST*",
			Says:      "another content has another checksum",
			Scenarios: []string{"WDC-06"}},
		{Key: "J-08", Source: windc, Level: "SHOULD*",
			Says:      "the server reads the results of what is done, and not before",
			Scenarios: []string{"WDC-07", "WDC-08"}},
		{Key: "J-09", Source: "go-microsoft-dm, answers of build 26200; " + windc, Level: "MUST*",
			Says:      "documents go to the linked enrollment only",
			Scenarios: []string{"WDC-09"}},
		{Key: "J-10", Source: csp, Level: "MAY",
			Says:   "a document is abandoned or deleted",
			Reason: "lawful in any state; the tests of the device show what follows"},
	}}
}
