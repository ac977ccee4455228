package facts

// authenticationPage is what documents ask of the sign-in page of Federated
// enrollment.
func authenticationPage() RequirementGroup {
	return RequirementGroup{Title: "Authentication page", Requirements: []Requirement{
		{Key: "F-01", Source: "MS-MDE2 3.2; Learn, Federated authentication device enrollment", Level: "SHOULD",
			Says:      "opened with appru and login_hint, the page ends in a form that posts wresult, which is not empty",
			Scenarios: []string{"ENR-06"}},
		{Key: "F-02", Source: "Learn, Federated authentication device enrollment; MS-MDE2 3.2", Level: "MUST",
			Says:      "the action of that form is the appru of this request",
			Scenarios: []string{"ENR-06"}},
		{Key: "F-03", Source: "MS-MDE2 3.2", Level: "MUST*",
			Says:      "a query in AuthenticationServiceUrl works beside appru and login_hint",
			Scenarios: []string{"ENR-06"}, Reason: "only if the server's URL has a query"},
		{Key: "F-04", Source: "MS-MDE2 3.2, 3.3", Level: "MUST*",
			Says:      "GetPolicies and RST accept wresult, base64-encoded in BinarySecurityToken",
			Scenarios: []string{"ENR-44", "ENR-07"}, Needed: "needed: no device enrolls otherwise"},
		{Key: "F-05", Source: "MS-MDE2 3.3; MS-WSTEP 3.1.1.1.4", Level: "MUST*",
			Says:      "an altered or invented wresult is refused",
			Scenarios: []string{"ENR-44", "SEC-07"}, Needed: "needed: the services authenticate every request (P-01, E-09)"},
		{Key: "F-06", Source: "CWE-79", Level: "MUST*",
			Says:      "appru and login_hint never become markup on the page",
			Scenarios: []string{"SEC-08"}},
		{Key: "F-07", Source: "Learn, Federated authentication device enrollment (ms-app://string); CWE-601", Level: "SHOULD*",
			Says:      "an appru that is not an ms-app address is refused",
			Scenarios: []string{"ENR-46"}},
		{Key: "F-08", Source: "Learn, Certificate renewal", Level: "MUST",
			Says:      "a server with such a page renews certificates over TLS with the old one",
			Scenarios: []string{"ENR-47"}},
		{Key: "F-09", Source: "MS-MDE2 3.2; CWE-330", Level: "SHOULD*",
			Says:      "each sign-in returns another wresult",
			Scenarios: []string{"ENR-45"}},
	}}
}
