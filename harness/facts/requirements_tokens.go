package facts

// wnsTokens is what documents ask of a server that gets an access token.
func wnsTokens() RequirementGroup {
	const headers = "Learn, \"Push notification service request and response headers\""
	const overview = "Learn, \"Windows Push Notification Services overview\""
	return RequirementGroup{Title: "WNS tokens", Requirements: []Requirement{
		{Key: "W-01", Source: headers + ", access token request", Level: "MUST",
			Says:      "the token is requested by POST over TLS, with a form as body",
			Scenarios: []string{"TOK-01", "TOK-10"}},
		{Key: "W-02", Source: headers + ", access token request parameters", Level: "MUST",
			Says:      "grant_type is client_credentials, client_id the Package SID, client_secret the app's secret, scope notify.windows.com",
			Scenarios: []string{"TOK-02"}},
		{Key: "W-03", Source: headers + ", access token request parameters", Level: "MUST",
			Says:      "the value of every parameter is URL-encoded",
			Scenarios: []string{"TOK-03", "TOK-02"},
			Reason:    "seen are the characters that SID and secret of wns.app have: ms-app:// always, the others (+ / = & %) only if the secret has them; & and % spoil the request, which TOK-02 tells"},
		{Key: "W-04", Source: headers + ", access token response parameters", Level: "MUST*",
			Says:      "a reply without token_type or expires_in gives a token",
			Scenarios: []string{"TOK-11"}, Reason: "RFC 6749 section 5.1 requires token_type of the token endpoint"},
		{Key: "W-05", Source: overview, Level: "SHOULD*",
			Says:      "one token serves many notifications",
			Scenarios: []string{"TOK-04", "TOK-06"}},
		{Key: "W-06", Source: overview, Level: "MUST",
			Says:      "a token that expired is replaced",
			Scenarios: []string{"TOK-05", "WER-01"}},
		{Key: "W-07", Source: overview + "; " + headers + ", 401", Level: "SHOULD",
			Says:      "after 401 there is one new token and one more try, not more",
			Scenarios: []string{"WER-01", "WER-18", "WER-02"},
			Needed:    "needed: without the new token no push arrives any more, and WNS throttles a sender that tries without end"},
		{Key: "W-08", Source: overview, Level: "MUST",
			Says:   "each app, so each PFN, has a token of its own",
			Reason: "a server under test has one app (wns.app). If it mixed up tokens of two, WNS would answer 403, and WNS-16 tell it"},
		{Key: "W-09", Source: headers + ", response code; RFC 6749 section 5.2", Level: "MUST*",
			Says:      "400 or 500 of the token endpoint gives no token, and the request is not repeated at once",
			Scenarios: []string{"TOK-07", "TOK-08", "TOK-13"},
			Needed:    "needed: WNS throttles a sender that hammers its token endpoint, and one that gives up for good never pushes again"},
	}}
}
