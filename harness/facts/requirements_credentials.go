package facts

// Short names of sources on sessions.
const (
	dmp   = "OMA DM Protocol 1.2.1"
	dmr   = "OMA DM RepPro 1.2.1"
	dmsec = "OMA DM Security 1.2.1"
)

// credentialRequirements are what documents ask of the credentials in sessions, of
// the device and of the server.
func credentialRequirements() RequirementGroup {
	return RequirementGroup{Title: "Credentials", Requirements: []Requirement{
		{Key: "K-01", Source: dmp + " section 9", Level: "MUST",
			Says:      "a message without a credential is answered 407, one with a wrong credential 401, each with a Chal",
			Scenarios: []string{"SES-29", "SES-30", "SES-41", "SEC-17"}},
		{Key: "K-02", Source: dmr + " section 6.1.2", Level: "MUST",
			Says:      "a Chal for auth-md5 has Type, Format b64 and NextNonce",
			Scenarios: []string{"SES-29"}},
		{Key: "K-03", Source: dmp + " section 9; MS-MDM 1.3.1", Level: "MUST",
			Says:      "a right credential, basic or digest, is accepted with 212 or 200",
			Scenarios: []string{"SES-29", "SES-30", "SES-41", "SES-65"}},
		{Key: "K-04", Source: dmp + " section 9; Learn, OMA DM protocol support", Level: "MUST",
			Says:      "after 212 no credential is asked for in that session, and the type of credential stays",
			Scenarios: []string{"MSG-26"}},
		{Key: "K-05", Source: dmp + " section 9; Learn, OMA DM protocol support", Level: "MUST*",
			Says:      "after 200 with a Chal the digest of the next message is accepted",
			Scenarios: []string{"SES-65"}},
		{Key: "K-06", Source: dmp + " section 9; MS-MDM 1.3.1", Level: "MUST*",
			Says:      "the nonce that comes with 212 is accepted in the next session",
			Scenarios: []string{"SES-66"}, Reason: "Windows 10 and later send no credential unasked, so a server may begin each session with a challenge: a SHOULD"},
		{Key: "K-07", Source: dmsec + " section 5.3", Level: "MUST",
			Says:      "a digest with a nonce of before is challenged once more, with a new nonce",
			Scenarios: []string{"SES-31", "SEC-05"}},
		{Key: "K-08", Source: dmp + " section 9", Level: "MUST",
			Says:      "a message that refuses or challenges has no commands",
			Scenarios: []string{"SEC-16"}},
		{Key: "K-09", Source: dmp + " section 9", Level: "MUST",
			Says:      "a message that refuses has a Status for every command that it refuses",
			Scenarios: []string{"SES-68"}, Reason: "a SHOULD: documents disagree on what package 1 is answered with (the sample of MS-MDM 4 answers SyncHdr alone)"},
		{Key: "K-10", Source: dmsec + " section 5.3", Level: "SHOULD",
			Says:      "each session has a new nonce, which is hard to guess",
			Scenarios: []string{"SES-32", "SEC-18"}},
		{Key: "K-11", Source: dmsec + " section 5.3", Level: "MUST",
			Says:      "TLS asks for a client certificate, and a caller without one has to authenticate",
			Scenarios: []string{"SEC-01"}},
		{Key: "K-12", Source: dmr + " section 6.1.6; " + dmsec + " section 5.3", Level: "MUST",
			Says:      "the server's Cred is made of its name, its secret and the device's nonce, with Format b64",
			Scenarios: []string{"SES-40"}, Reason: "a Cred without Format is accepted"},
		{Key: "K-13", Source: dmp + " section 9", Level: "MUST",
			Says:      "a device that challenges gets the server's Cred in the next message",
			Scenarios: []string{"SES-67"}, Reason: "judged where the server shows a Cred by itself: others authenticate by TLS alone, which Windows takes"},
		{Key: "K-14", Source: dmsec + " section 5.3", Level: "MUST*",
			Says:      "no digest is accepted twice, and garbage never",
			Scenarios: []string{"SEC-05", "SEC-17"}, Needed: "needed: a wrong digest gets 401 (K-01), and a digest of before a new challenge (K-07)"},
		{Key: "K-15", Source: dmsec + " section 5.4", Level: "MAY",
			Says:   "a server that asks for HMAC checks x-syncml-hmac on every message, and answers 200 with NextNonce",
			Reason: "the simulated device answers no challenge of type syncml:auth-MAC: Learn names HMAC, but no public message of a Windows device has the header"},
	}}
}
