package fidelity

import "github.com/dmwake/dmwake/simulator/dmclient"

// The profiles that captures are of: build 19043 is the nearest to win10-22h2, which
// differs in the values of its profile alone; win11-25h2 is build 26200 itself.
const (
	w81, wp81, w1511           = "win81", "wp81", "win10-1511"
	w10, w11, w24h2, w25h2     = "win10-22h2", "win11", "win11-24h2", "win11-25h2"
	of19043                    = "captures of Windows 10 19043"
	of26200                    = "captures of Windows 11 26200"
	device                     = "simulator/dmclient."
	bodiesTest, sessions       = device + "TestBodiesEqualCaptures", device + "TestSessionsEqualCaptures"
	headersFile, csrFile       = "README.md", "win10-19043-csr.der" // the README of the captures has their headers; the CSR is in the RST, too
	sameShape                  = "the form of the captured builds, with the profile's own values"
	reportOf26200, mattrax     = "a report on Windows 11 26200.9278", "test data of mattrax/Mattrax, build 22621"
	appendixB, appendixBEnroll = "MS-MDM appendix B", "MS-MDE2 appendix B"
)

func captured(source, proof string, profiles []string, files ...string) Claim {
	return Claim{Strength: Captured, Profiles: profiles, Source: source, Captures: files, Proofs: []string{proof}}
}

func on(names ...string) []string { return names }

func bodies() []Part {
	return []Part{
		{"Discover", []Claim{captured(of19043, bodiesTest, on(w10), "win10-19043-01-discover.xml"), {Strength: Model, Source: sameShape}}},
		{"RequestVersion of Discover", []Claim{
			{Strength: Documented, Profiles: on(w10, w11), Source: appendixBEnroll + ", <20>, <21>", Proofs: []string{device + "TestRequestVersions"}},
			{Strength: Seen, Profiles: on(w25h2), Source: reportOf26200, Proofs: []string{device + "TestRequestVersions"}},
			{Strength: Model, Source: "the version of its time"}}},
		{"GetPolicies", []Claim{captured(of19043, bodiesTest, on(w10), "win10-19043-02-getpolicies.xml"), {Strength: Model, Source: sameShape}}},
		{"RST without its context", []Claim{captured(of19043, bodiesTest, on(w10), "win10-19043-03-rst.xml"), {Strength: Model, Source: sameShape}}},
		{"RST, items of the context and their order", []Claim{
			captured(of19043, bodiesTest, on(w10), "win10-19043-03-rst.xml"),
			{Strength: Seen, Profiles: on(w25h2), Source: reportOf26200, Proofs: []string{device + "TestContext", device + "TestContextValues"}},
			{Strength: Documented, Profiles: on(wp81, w81, w1511), Source: appendixBEnroll + ", <31>, <32>; the order is a model", Proofs: []string{device + "TestContext"}},
			{Strength: Model, Source: "the items of 19043", Proofs: []string{device + "TestContext"}}}},
		{"RST, attestation", []Claim{
			{Strength: Seen, Profiles: on(w25h2), Source: reportOf26200, Proofs: []string{device + "TestContext"}},
			{Strength: Documented, Profiles: on(w10, w11, w24h2), Source: "MS-MDE2 3.4.4.1.1.1; the layout of claim and token is a model", Proofs: []string{device + "TestContext"}},
			{Strength: Absent, Source: appendixBEnroll}}},
		{"CSR", []Claim{
			captured(of19043+", but for key and signature", bodiesTest, on(w10), "win10-19043-03-rst.xml", csrFile),
			{Strength: Model, Source: "the structure of 19043"}}},
		{"package 1", []Claim{
			captured(of19043, bodiesTest, on(w10), "win10-19043-04-package1.xml"),
			captured(of26200, sessions, on(w25h2), "win11-26200-package1-user.xml"),
			{Strength: Seen, Profiles: on(w11), Source: mattrax + "; its sixth item of DevInfo is the quirk hwdevid-item", Proofs: []string{device + "TestHWDevIDItem"}},
			{Strength: Model, Source: sameShape}}},
		{"package 1 after a challenge, with its digest", []Claim{
			captured(of26200, sessions, on(w25h2), "win11-26200-package1-digest.xml"),
			{Strength: Seen, Profiles: on(w11), Source: mattrax + ": LocName", Proofs: []string{sessions}},
			{Strength: Model, Source: "as 26200; Learn names LocName"}}},
		{"answers to commands", []Claim{
			captured(of19043, bodiesTest, on(w10), "win10-19043-05-package3.xml"),
			captured(of26200, sessions, on(w25h2), "win11-26200-results-md5.xml"),
			{Strength: Documented, Source: "MS-MDM 2.2.6.1, 2.2.7.8", Proofs: []string{device + "TestAnyMessageKeepsTheRules"}}}},
		{"abort of a session", []Claim{
			captured(of26200, sessions, on(w25h2), "win11-26200-large-result-abort.xml"),
			{Strength: Absent, Profiles: on(w81), Source: appendixB + ": ignores MaxMsgSize"},
			{Strength: Model, Source: "as 26200"}}},
		{"the user disconnects", []Claim{
			captured(of19043, device+"TestUnenrollEqualsCapture", on(w10), "win10-19043-06-unenroll.xml"),
			captured(of26200, sessions, on(w25h2), "win11-26200-unenroll-1226.xml"),
			{Strength: Model, Source: "Mark critical on Windows 11, none before"}}},
		{"WBXML", []Claim{{Strength: Documented, Source: "Learn, DMAcc CSP; OMA SyncML RepPro section 8", Proofs: []string{device + "TestWBXMLSession"}}}},
	}
}

// olderThan lists the profiles before a build.
func olderThan(build int) (out []string) {
	for _, p := range dmclient.Profiles() {
		if p.Build < build {
			out = append(out, p.Name)
		}
	}
	return out
}

func headers() []Part {
	return []Part{
		{"enrollment: User-Agent, Content-Type; the GET before Discover", []Claim{
			captured(of19043, bodiesTest, on(w10), headersFile), {Strength: Model, Source: "as 19043"}}},
		{"sessions: User-Agent", []Claim{
			captured(of19043, bodiesTest, on(w10), headersFile),
			{Strength: Documented, Profiles: on(w81), Source: appendixB, Proofs: []string{device + "TestOldProfiles"}},
			{Strength: Model, Source: "as 19043"}}},
		{"sessions: Content-Type, Accept, Accept-Charset", []Claim{captured(of19043, bodiesTest, on(w10), headersFile), {Strength: Model, Source: "as 19043"}}},
		{"sessions: mode and Platform in the query", []Claim{
			captured(of19043, bodiesTest, on(w10), headersFile),
			{Strength: Documented, Source: "MS-MDM 2.1; " + appendixB + ": no mode on 8.1", Proofs: []string{device + "TestOldProfiles"}}}},
		{"sessions: MS-CV, client-request-id", []Claim{
			captured(of19043+"; "+appendixB+" excludes them there, the capture decides", bodiesTest, on(w10), headersFile),
			{Strength: Absent, Profiles: olderThan(19043), Source: appendixB + "; of phones a model", Proofs: []string{device + "TestOldProfiles"}},
			{Strength: Documented, Source: "MS-MDM 2.1", Proofs: []string{device + "TestEveryProfile"}}}},
		{"UserAgentOrigin", []Claim{
			{Strength: Absent, Profiles: olderThan(19041), Source: "SyncApplicationVersion 4.0"},
			{Strength: Documented, Source: "MS-MDM 3.1.7.2", Proofs: []string{device + "TestSyncApplicationVersion"}}}},
		{"MDM-GenericAlert", []Claim{
			{Strength: Absent, Profiles: olderThan(10586), Source: "Learn, what's new in MDM enrollment"},
			{Strength: Documented, Source: "MS-MDM 2.1 note 5", Proofs: []string{device + "TestGenericAlertHeader"}}}},
		{"Authorization: Bearer and the AADUserToken alert, of a directory's devices", []Claim{
			{Strength: Documented, Source: "Learn, Microsoft Entra integration", Proofs: []string{device + "TestEntraSessions"}}}},
		{"DeviceToken", []Claim{
			{Strength: Absent, Profiles: olderThan(19042), Source: "DDF of DMClient", Proofs: []string{device + "TestForceAadTokenByProfile"}},
			{Strength: Documented, Source: "DDF of DMClient; MS-MDM 2.1 note 9", Proofs: []string{device + "TestDeviceTokens"}}}},
		{"MS-Signature", []Claim{{Strength: Documented, Source: "Learn, DMClient CSP", Proofs: []string{device + "TestSignedMessages"}}}},
		{"Retry-After after 429", []Claim{
			{Strength: Absent, Profiles: olderThan(19043), Source: appendixB, Proofs: []string{device + "TestOldProfiles"}},
			{Strength: Documented, Source: "MS-MDM 3.1.6", Proofs: []string{device + "TestRetries"}}}},
	}
}
