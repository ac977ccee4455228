// Package facts lists what this project holds to be true of the protocol, how
// well each is known, and the test or scenario that proves that the project
// does so. The list becomes harness/docs/facts.md.
package facts

import (
	"fmt"
	"strings"
)

// Strength says how well a fact is known.
type Strength string

// The strengths.
const (
	Doc   Strength = "doc"   // published by Microsoft or OMA
	Seen  Strength = "seen"  // observed on real devices or the real service
	Model Strength = "model" // an assumption, and a switch
)

// Fact is one of them.
type Fact struct {
	Strength Strength
	Says     string
	Source   string
	// Proofs are tests, "package.TestName" with the package's folder below the
	// root, or ids of scenarios.
	Proofs []string
}

// Section groups facts.
type Section struct {
	Title string
	Facts []Fact
}

const (
	dm   = "simulator/dmclient."
	tree = "simulator/csp."
	sml  = "simulator/syncml."
	enr  = "simulator/enroll."
	wns  = "fakewns."
)

// All are the facts by section.
func All() []Section {
	return []Section{
		{"The push path", []Fact{
			{Doc, "the server writes the PFN into DMClient, the device registers it and answers with a channel URI in the same session", "Learn, push notification support", []string{dm + "Example", "PFN-01", "PFN-09"}},
			{Doc, "a raw notification to the channel wakes the device, which opens a session", "Learn, push notification support", []string{"PSH-01", dm + "TestRunOnTheClock"}},
			{Doc, "polling goes on beside push", "Learn, push notification support", []string{"PSH-06", dm + "TestPollSchedule"}},
			{Doc, "the channel lives 30 days, is renewed with 15 left, and a session follows; a failed renewal is tried again in 4 ± 1 hours, an expired one in a day ± 4 hours", "Learn, push notification support", []string{dm + "TestChannelLife"}},
			{Doc, "battery saver and data limits close the WNS connection; Push/Status is 7 then", "Learn, push notification support; DMClient CSP", []string{dm + "TestRunOnTheClock"}},
			{Seen, "an empty notification wakes nobody (0x80070057)", "reports of real devices", []string{dm + "TestEmptyPushWakesNobody", "WNS-06"}},
		}},
		{"PFN", []Fact{
			{Doc, "a family name is Name_PublisherHash; the hash has 13 characters of a base32 without i, l, o, u", "Learn, package identity", []string{dm + "TestPFNCauses", "PFN-04"}},
			{Seen, "a package full name, or one that is not lower-cased, is refused by Windows Phone 8.1", "the first reports, 2014", []string{dm + "TestPFNCauses", "PFN-02", "PFN-03"}},
			{Seen, "Add of Push or PFN that is there answers 418", "the first reports, 2014", []string{dm + "TestPFNCauses", "ERR-01", "ERR-02"}},
			{Model, "wp81 answers 500 where a PFN cannot be registered, Windows 10 and later 200 and Push/Status", "quirk pfn-errors", []string{dm + "TestPFNCauses", "ERR-03", "ERR-04"}},
			{Doc, "Add and Replace of one node in one Atomic fails with 507", "Learn, OMA DM protocol support", []string{dm + "TestPFNCauses"}},
			{Doc, "ChannelURI is empty while no valid PFN is set", "Learn, DMClient CSP", []string{tree + "TestOperations", "CHN-03"}},
		}},
		{"Sessions", []Fact{
			{Seen, "package 1 is Alert 1201, Alert 1224 LoginStatus, Replace of DevInfo; its CmdIDs begin with 2", "captures of Windows 10 19043", []string{dm + "TestBodiesEqualCaptures"}},
			{Seen, "the device writes compact XML without a declaration", "captures of Windows 10 19043", []string{sml + "TestCapturesRoundTrip"}},
			{Seen, "a user who disconnects sends Alert 1226 as CmdID 4 of package 1", "captures of Windows 10 19043", []string{dm + "TestUnenrollEqualsCapture", dm + "TestLeaving"}},
			{Doc, "SessionID is decimal, two-byte hexadecimal once SyncApplicationVersion is 2.0 or more", "Learn, DMClient CSP", []string{dm + "TestSyncApplicationVersion"}},
			{Doc, "UserAgentOrigin is sent once it is 4.0 or more; a list where sessions were batched", "MS-MDM 3.1.7.2", []string{dm + "TestSyncApplicationVersion"}},
			{Doc, "msft:originalerror is sent once it is 3.0 or more", "MS-MDM 2.2.5.1", []string{dm + "TestSyncApplicationVersion", sml + "TestOriginalError"}},
			{Doc, "every command gets one Status, in order, that of SyncHdr first; one per Item where they differ, with TargetRef", "MS-MDM 2.2.6.1", []string{dm + "TestAnyMessageKeepsTheRules", "SES-08", "SES-09", "SES-10"}},
			{Doc, "Get answers Status, then Results only with 200; an interior node lists its children, encoded and joined by slashes", "MS-MDM 3.1.5.1.6; Learn", []string{dm + "TestAnyMessageKeepsTheRules", tree + "TestOperations"}},
			{Doc, "an Atomic is done as a whole or not at all: 507, 216 or 516, 215; a Get or an Atomic inside is 500", "Learn, OMA DM protocol support", []string{dm + "TestAnyMessageKeepsTheRules", dm + "TestExecutor", dm + "TestRollbackFails"}},
			{Doc, "an unknown element is 400, a command without CmdID 400 with an empty CmdRef, a bad LocURI 400", "Learn, OMA DM protocol support", []string{dm + "TestExecutor", tree + "TestOperations"}},
			{Doc, "missing parents of an Add come into being", "Learn, OMA DM protocol support", []string{tree + "TestOperations"}},
			{Doc, "a user-scope command answers 405 while the user is not logged in", "Learn, OMA DM protocol support", []string{dm + "TestLoginStatus"}},
			{Doc, "a large object comes in chunks: 213, 424 where the size is wrong, 1225 where it never ends", "OMA SyncML RepPro 1.2.2 section 5.4", []string{dm + "TestChunkedCommand", dm + "TestAssemble"}},
			{Doc, "a message of several parts: Alert 1222 asks for the next", "OMA DM Protocol 1.2.1 section 6.2", []string{dm + "TestMaxMsgSize"}},
			{Seen, "a result that exceeds MaxMsgSize aborts the session (1223), because LrgObj is false", "reports of real devices", []string{dm + "TestMaxMsgSize"}},
			{Doc, "429 is waited out as Retry-After says", "MS-MDM 3.1.6", []string{dm + "TestRetries"}},
			{Doc, "a failed connection is tried again CONNRETRYFREQ times, INITIALBACKOFFTIME doubling", "Learn, DMAcc CSP", []string{dm + "TestRetries"}},
			{Doc, "WBXML is spoken where DEFAULTENCODING asks for it", "Learn, DMAcc CSP; OMA SyncML RepPro section 8", []string{dm + "TestWBXMLSession", sml + "TestWBXMLBytes"}},
			{Seen, "HTTP/2 is spoken with servers that offer it", "reports of real devices", []string{dm + "TestEveryProfile"}},
			{Seen, "the device goes on after a reply that is shorter than declared", "captures of Windows 10 19043", []string{"SES-36"}},
			{Doc, "a command that takes its time answers 202, its result comes as Alert 1226", "Learn, enterprise app management", []string{dm + "TestAsyncResult", tree + "TestApps"}},
			{Doc, "the poll schedule has three sets; a count of 0 is endless, and without an endless set a day is", "Learn, DMClient CSP", []string{dm + "TestPollSchedule", dm + "TestPollLimits"}},
		}},
		{"Authentication", []Fact{
			{Doc, "the digest is B64(MD5(B64(MD5(name:secret)):nonce))", "OMA DM Security 1.2.1 section 5.3", []string{dm + "TestDigest"}},
			{Doc, "407 and 401 carry a challenge, 212 ends it for the session, a nonce is used once", "OMA DM Security 1.2.1 section 5.3", []string{dm + "TestAuth", dm + "TestAuthStaleNonceAndLoop"}},
			{Seen, "Windows Phone 8.1 sends its credential unasked, Windows 10 waits for a challenge", "reports of real devices", []string{dm + "TestAuth"}},
			{Model, "a server's credential that is wrong is refused; one that is missing by a quirk only", "quirk demands-cred", []string{dm + "TestServerCred"}},
			{Doc, "MS-Signature is a detached CMS signature by the client certificate", "Learn, DMClient CSP", []string{dm + "TestSignedMessages"}},
		}},
		{"Enrollment", []Fact{
			{Seen, "Discover, GetPolicies and RST are written as in the captures", "captures of Windows 10 19043", []string{dm + "TestBodiesEqualCaptures"}},
			{Seen, "the CSR has a PrintableString with ! and NUL and a sha1WithRSA signature", "captures of Windows 10 19043", []string{enr + "TestWindowsCSR", dm + "TestBodiesEqualCaptures", "ENR-09"}},
			{Doc, "Federated: the page posts wresult to appru; it is sent base64-encoded", "Learn, federated authentication", []string{enr + "TestSignIn", dm + "TestFederated"}},
			{Doc, "Entra: a JWT whose signature, iss, aud, tid and exp the server checks", "Learn, Microsoft Entra integration", []string{dm + "TestEntra", "simulator/entra.TestTokens"}},
			{Doc, "Certificate: the request is signed by a certificate", "Learn, certificate authentication", []string{dm + "TestByCertificate", enr + "TestSignedRequest"}},
			{Doc, "renewal is a PKCS#7 around the CSR by the old key, over mutual TLS; an expired certificate is not renewed", "Learn, certificate renewal", []string{dm + "TestRenewal", dm + "TestForgedRenewal"}},
			{Seen, "25H2 refuses an APPAUTH without AAUTHDATA (0x80070057)", "reports of real devices", []string{dm + "TestDeviceEnrollmentAndQuirks"}},
			{Doc, "Windows names the errors 0x8018....", "Learn, MDM enrollment error constants", []string{enr + "TestHResults"}},
			{Doc, "a server is found by the domain of the user's address", "MS-MDE2 3.1.4.1", []string{enr + "TestDiscoveryURL"}},
		}},
		{"WNS: tokens", []Fact{
			{Doc, "a token is asked for by form at login.live.com; its errors are OAuth's; it lives 24 hours and is not stored", "Learn, WNS", []string{wns + "TestTokenAnswers", wns + "TestTokensExpireAndAreRevoked", "TOK-01", "TOK-02"}},
			{Seen, "new identities are refused there and sent to login.microsoftonline.com", "the real service, 2026", []string{wns + "TestEntraRefusals"}},
			{Doc, "Entra gives a JWT for https://wns.windows.com/.default; its errors are AADSTS and a number", "Learn, OAuth 2.0 client credentials flow; Entra error codes", []string{wns + "TestEntraTokens", wns + "TestEntraRefusals"}},
			{Model, "which of AADSTS9002331 and 9002346 an app for personal accounts gets at which endpoint", "fakewns/entra.go", []string{wns + "TestEntraRefusals"}},
			{Doc, "a token of another app is answered 403", "Learn, WNS request and response headers", []string{wns + "TestNotificationAnswers", wns + "TestEntraTokens"}},
		}},
		{"WNS: notifications", []Fact{
			{Doc, "a notification's headers and its size are checked: 400, 401, 403, 404, 405, 410, 413", "Learn, WNS request and response headers", []string{wns + "TestNotificationAnswers", "WNS-01", "WNS-07"}},
			{Model, "the order of these checks where several fail; which wrong headers are 400", "fakewns/notify.go, fakewns/rules.go", []string{wns + "TestNotificationAnswers"}},
			{Doc, "200 does not mean delivered: dropped and channelthrottled are 200, too", "Learn, WNS request and response headers", []string{wns + "TestOfflineDevice", wns + "TestThrottles", "PSH-06"}},
			{Doc, "a raw notification to a device that is offline is kept on request only, one for a channel, until its TTL", "Learn, WNS request and response headers", []string{wns + "TestOfflineDevice", wns + "TestCachedNotificationExpires", "WNS-09"}},
			{Doc, "X-WNS-RequestForStatus asks for X-WNS-DeviceConnectionStatus", "Learn, WNS request and response headers", []string{wns + "TestOfflineDevice"}},
			{Doc, "DELETE with X-WNS-Match takes toasts back", "Learn, WNS request and response headers", []string{wns + "TestDeleteTakesToastsBack"}},
			{Doc, "over its limit an app is answered 406 with Retry-After", "Learn, WNS request and response headers", []string{wns + "TestThrottles", wns + "TestFaults"}},
			{Model, "how much is too much", "Config.AppRate and ChannelRate", []string{wns + "TestThrottles"}},
			{Seen, "header names are written in upper case, and the older X-WNS-NotificationStatus is read by some", "the real service; npm wns", []string{wns + "TestHeaderNamesAsWritten"}},
			{Seen, "HTTP/1.1, without chunks and compression; Expect: 100-continue works", "the real service", []string{wns + "TestWire"}},
			{Doc, "percent-encodings in upper case are the same URI", "RFC 3986 section 6.2.2.1; Python requests writes them", []string{wns + "TestNotificationAnswers"}},
			{Seen, "unmodified senders get their token, send, and the device wakes", "curl, Node, npm wns 0.5.4, Python, Java", []string{"harness/lab.TestUnmodifiedSenders"}},
		}},
		{"WNS: channels", []Fact{
			{Doc, "a channel lives 30 days; then, and once it is revoked, its answer is 410", "Learn, push notification support", []string{wns + "TestTokensExpireAndAreRevoked", wns + "TestAppStates", "CHN-01"}},
			{Doc, "410 is also for an app that is blocked", "Learn, WNS request and response headers", []string{wns + "TestAppStates"}},
			{Seen, "the host of a channel has one label before notify.windows.com", "the real service", []string{wns + "TestRegistration"}},
			{Model, "how devices and WNS speak; what a link says when it is cut", "fakewns/link", []string{"fakewns/link.TestNothingIsLost", "fakewns/link.TestSlowLink"}},
		}},
	}
}

// Markdown is the list as a page.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# What this project holds to be true, and what proves it\n\n" +
		"Written by `make facts`. **doc**: published by Microsoft or OMA. **seen**: observed on real devices or the real service. **model**: an assumption, and a switch.\n" +
		"A proof is a test of this project, or a scenario, which passes on the reference server and fails on a server that breaks the rule.\n")
	for _, s := range All() {
		fmt.Fprintf(&b, "\n## %s\n\n| | fact | source | proof |\n|---|---|---|---|\n", s.Title)
		for _, f := range s.Facts {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Strength, f.Says, f.Source, strings.Join(f.Proofs, ", "))
		}
	}
	return b.String() + rules()
}
