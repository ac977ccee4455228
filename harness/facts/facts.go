// Package facts lists the facts of the protocol that this project relies on, how
// well each is known, and the test or scenario that proves that the project follows
// it. The list becomes harness/docs/facts.md.
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
	Model Strength = "model" // an assumption that can be switched
)

// Fact is one fact of the protocol.
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
	dm        = "simulator/dmclient."
	tree      = "simulator/csp."
	tables    = "simulator/csp/ddf."
	sml       = "simulator/syncml."
	enr       = "simulator/enroll."
	wns       = "fakewns."
	wnsFaults = "fakewns/faults."
)

// All returns the facts by section.
func All() []Section {
	return []Section{
		{"The push path", []Fact{
			{Doc, "the server writes the PFN to DMClient; the device registers it and answers with a channel URI in the same session", "Learn, push notification support", []string{dm + "Example", "PFN-01", "PFN-09"}},
			{Doc, "a raw notification to the channel wakes the device, which opens a session", "Learn, push notification support", []string{"PSH-01", dm + "TestRunOnTheClock"}},
			{Doc, "polling continues alongside push", "Learn, push notification support", []string{"PSH-06", dm + "TestPollSchedule"}},
			{Doc, "the channel lives 30 days and is renewed with 15 left, followed by a session; a failed renewal is retried after 4 ± 1 hours, an expired channel after a day ± 4 hours", "Learn, push notification support", []string{dm + "TestChannelLife"}},
			{Doc, "battery saver and data limits close the WNS connection", "Learn, push notification support", []string{dm + "TestPowerClosesTheConnection"}},
			{Doc, "a push that arrives although power or connectivity allow no session is told as Push/Status 7", "Learn, DMClient CSP", []string{dm + "TestRunOnTheClock"}},
			{Seen, "an empty notification wakes nobody (0x80070057)", "reports of real devices", []string{dm + "TestEmptyPushWakesNobody", "WNS-06"}},
		}},
		{"PFN", []Fact{
			{Doc, "a family name is Name_PublisherHash; the hash has 13 characters of base32 without i, l, o, u", "Learn, package identity", []string{dm + "TestPFNCauses", "PFN-04"}},
			{Seen, "Windows Phone 8.1 rejects a package full name, and a name that is not in lower case", "the first reports, 2014", []string{dm + "TestPFNCauses", "PFN-02", "PFN-03"}},
			{Seen, "Add of an existing Push or PFN answers 418", "the first reports, 2014", []string{dm + "TestPFNCauses", "ERR-01", "ERR-02"}},
			{Model, "if a PFN cannot be registered, wp81 answers 500; Windows 10 and later answer 200 and set Push/Status", "quirk pfn-errors", []string{dm + "TestPFNCauses", "ERR-03", "ERR-04"}},
			{Doc, "Add and Replace of the same node in one Atomic fail with 507", "Learn, OMA DM protocol support", []string{dm + "TestPFNCauses"}},
			{Doc, "ChannelURI is empty while no valid PFN is set", "Learn, DMClient CSP", []string{tree + "TestOperations", "CHN-03"}},
		}},
		{"Sessions", []Fact{
			{Seen, "package 1 is Alert 1201, Alert 1224 LoginStatus, Replace of DevInfo; its CmdIDs start at 2", "captures of Windows 10 19043", []string{dm + "TestBodiesEqualCaptures"}},
			{Seen, "the device writes compact XML without a declaration", "captures of Windows 10 19043", []string{sml + "TestCapturesRoundTrip"}},
			{Seen, "a user who disconnects sends Alert 1226 as CmdID 4 of package 1; Windows 11 marks it critical, Windows 10 does not", "captures of 19043 and 26200; quirk unenroll-critical", []string{dm + "TestUnenrollEqualsCapture", dm + "TestSessionsEqualCaptures", dm + "TestLeaving"}},
			{Doc, "every message of a session that a critical or fatal alert started has the MDM-GenericAlert header, from Windows 10 1511 on", "MS-MDM 2.1 note 5; Learn, what's new in MDM enrollment", []string{dm + "TestGenericAlertHeader"}},
			{Seen, "one device of build 22621 ended the Replace of package 1 with DMClient/HWDevID; those of 19043 and 26200 did not", "test data of mattrax/Mattrax; quirk hwdevid-item", []string{dm + "TestHWDevIDItem"}},
			{Doc, "Windows 8.1 sends User-Agent Enrollment and no mode, and ignores MaxMsgSize; builds up to 2004 take 429 as a refusal", "MS-MDM appendix B", []string{dm + "TestOldProfiles"}},
			{Seen, "MS-CV is the same in all messages of a session, and its last number counts sessions", "two logs of Windows 10 19043 in fleetdm/fleet, tools/mdm/windows/poc-mdm-server", []string{dm + "TestVector"}},
			{Seen, "builds before 19043 send neither MS-CV nor client-request-id; MS-MDM appendix B says so of 19043, too, but it sent both", "captures of Windows 10 19043; quirk no-tracing", []string{dm + "TestOldProfiles", dm + "TestBodiesEqualCaptures"}},
			{Seen, "Windows 8.1 stops without a word at a reply with white space between elements", "Microsoft's support blog for Windows 8.1; quirk silent-on-space", []string{dm + "TestOldProfiles"}},
			{Doc, "SessionID is decimal, or two-byte hexadecimal from SyncApplicationVersion 2.0 on", "Learn, DMClient CSP", []string{dm + "TestSyncApplicationVersion"}},
			{Doc, "UserAgentOrigin is sent from SyncApplicationVersion 4.0 on; it is a list if sessions were batched", "MS-MDM 3.1.7.2", []string{dm + "TestSyncApplicationVersion"}},
			{Doc, "msft:originalerror is sent from SyncApplicationVersion 3.0 on", "MS-MDM 2.2.5.1", []string{dm + "TestSyncApplicationVersion", sml + "TestOriginalError"}},
			{Doc, "every command gets one Status, in order, SyncHdr first; one per Item with TargetRef if the Items differ", "MS-MDM 2.2.6.1", []string{dm + "TestAnyMessageKeepsTheRules", "SES-08", "SES-09", "SES-10"}},
			{Doc, "Get is answered with Status, and with Results only after 200; an interior node lists its children, encoded and joined by slashes", "MS-MDM 3.1.5.1.6; Learn", []string{dm + "TestAnyMessageKeepsTheRules", tree + "TestOperations"}},
			{Doc, "an Atomic is executed completely or not at all: 507, 216 or 516, 215; a Get or an Atomic inside is 500", "Learn, OMA DM protocol support", []string{dm + "TestAnyMessageKeepsTheRules", dm + "TestExecutor", dm + "TestRollbackFails"}},
			{Doc, "an unknown element is 400, a command without CmdID 400 with an empty CmdRef, a bad LocURI 400", "Learn, OMA DM protocol support", []string{dm + "TestExecutor", tree + "TestOperations"}},
			{Doc, "Add creates missing parents", "Learn, OMA DM protocol support", []string{tree + "TestOperations"}},
			{Doc, "a user-scope command answers 405 while the user is not logged in", "Learn, OMA DM protocol support", []string{dm + "TestLoginStatus"}},
			{Doc, "a large object comes in chunks: 213, 424 if the size is wrong, 1225 if it never ends", "OMA SyncML RepPro 1.2.2 section 5.4", []string{dm + "TestChunkedCommand", dm + "TestAssemble"}},
			{Doc, "in a package of several messages, Alert 1222 asks for the next", "OMA DM Protocol 1.2.1 section 6.2", []string{dm + "TestMaxMsgSize"}},
			{Doc, "a session ends once the server asks nothing and the device has nothing left to send", "OMA DM Protocol 1.2.1 sections 8.2 and 8.3", []string{dm + "TestSessionEnds", "SES-13", "SES-14"}},
			{Seen, "so it does without Final", "reports of real devices", []string{dm + "TestSessionEnds"}},
			{Seen, "a result that exceeds MaxMsgSize aborts the session (1223) at once, because LrgObj is false", "captures of Windows 11 26200", []string{dm + "TestSessionsEqualCaptures", dm + "TestMaxMsgSize"}},
			{Doc, "after 429 the device waits as long as Retry-After says", "MS-MDM 3.1.6", []string{dm + "TestRetries"}},
			{Doc, "a failed connection is retried CONNRETRYFREQ times, doubling INITIALBACKOFFTIME", "Learn, DMAcc CSP", []string{dm + "TestRetries"}},
			{Doc, "the device uses WBXML if DEFAULTENCODING asks for it", "Learn, DMAcc CSP; OMA SyncML RepPro section 8", []string{dm + "TestWBXMLSession", sml + "TestWBXMLBytes"}},
			{Seen, "the device uses HTTP/2 with servers that offer it", "reports of real devices", []string{dm + "TestEveryProfile"}},
			{Seen, "the device continues after a reply that is shorter than declared", "captures of Windows 10 19043", []string{"SES-36"}},
			{Doc, "a long-running command answers 202, and its result comes as Alert 1226", "Learn, enterprise app management", []string{dm + "TestAsyncResult", tree + "TestApps"}},
			{Doc, "an app is installed by Add of its package family name and Exec of HostedInstall; once it is installed, that node is gone", "Learn, enterprise app management", []string{tree + "TestAppInstallationAsLearnShowsIt", "PSH-10"}},
			{Seen, "a certificate request (SCEP) is answered with 200 at once, and no alert tells how it ended", "DDF of ClientCertificateInstall; fleet issue 45550", []string{dm + "TestWorkThatGoesWrong"}},
			{Seen, "a device whose recovery environment is off answers 500 to a wipe", "fleet issues 34994, 42230", []string{dm + "TestWipeFails"}},
			{Doc, "a slow device sends Alert 1224 requestpending, if EnableOmaDmKeepAliveMessage is true", "Learn, DMClient CSP; MS-MDE2 2.2.9.3", []string{dm + "TestKeepAlive"}},
			{Doc, "AllUsersPollOnFirstLogin starts a session at the first login of each user", "Learn, DMClient CSP", []string{dm + "TestFirstLogins"}},
			{Doc, "of two endless poll sets only the first counts: the third interval then reads 0", "MS-MDE2 2.2.9.3", []string{tree + "TestDocumentedRefusals"}},
			{Doc, "the poll schedule has three sets; a count of 0 is endless, and without an endless set the device polls daily", "Learn, DMClient CSP", []string{dm + "TestPollSchedule", dm + "TestPollLimits"}},
		}},
		{"The tree", []Fact{
			{Seen, "CSPVersions is XML with one line for each CSP; desktops list RemoteLock", "captures of Windows 11 26200; AADInternals, 18363", []string{tree + "TestCSPVersions", tree + "TestRemoteLockOnDesktops"}},
			{Seen, "FirstSyncStatus of the device is there from the start", "fleet PR 49250, 26200", []string{tree + "TestDocumentedRefusals", dm + "TestStatusPage"}},
			{Seen, "on a device that was enrolled before its user signed in, ./User answers 405 until one session after the sign-in", "fleet issue 49250, 26200", []string{dm + "TestStatusPage"}},
			{Doc, "ServerHasFinishedProvisioning cannot be taken back, IsSyncDone cannot be set again, WasDeviceSuccessfullyProvisioned is final", "DDF of DMClient", []string{dm + "TestStatusPage", tree + "TestDocumentedRefusals"}},
			{Model, "the refusals of the Enrollment Status Page's nodes are 405; the page is shown if the first session sets SkipDeviceStatusPage to false", "simulator/dmclient, statuspage.go", []string{dm + "TestStatusPage", dm + "TestStatusPageTooLate"}},
			{Seen, "a forced failure and ExpectedPolicies do not change the page on 26200, though the DDF says that they do", "fleet issues 43776, 51816", []string{dm + "TestStatusPageEnds"}},
			{Doc, "WSTEP/Renew/Status: 1 in progress, 2 succeeded, 3 failed; RetryInterval may not exceed RenewPeriod", "DDF of CertificateStore; MS-MDE2 2.2.9.2", []string{dm + "TestRenewal", tree + "TestDocumentedRefusals"}},
			{Doc, "ROBOSupport false, or its Delete, answers 405 on a device that enrolled with AuthPolicy Federated", "DDF of CertificateStore", []string{dm + "TestROBOSupportOfFederated"}},
			{Doc, "a node is there from the builds that its DDF names, updates included; the operations, format and values are the DDF's, by part of the tree", "DDF v2 of February 2025", []string{tables + "TestDeviceAnswersForTheTable", tables + "TestPolicies"}},
			{Seen, "CSPVersions of 26200 lists 44 CSPs that are simulated; those of which the DDF names no released build are there: CloudDesktop, DevicePreparation, LanguagePackManagement", "deploymenttheory/go-microsoft-dm, 26200.9278; AADInternals, 18363", []string{tables + "TestCSPVersionsOf25H2", tables + "TestListedCSPsAnswer"}},
			{Model, "a value that the DDF does not allow is refused with 500, an unknown area or policy with 404", "quirks any-value, any-policy", []string{tables + "TestPolicies", tables + "TestEveryKindOfValue"}},
			{Model, "what occurs once and cannot be added is there from the start, as is what has a default; Replace creates what could be added", "simulator/csp/ddf, base.go", []string{tables + "TestDeviceAnswersForTheTable"}},
			{Doc, "an ingested ADMX file makes its policies addresses, App~Policy~Category/Name, by class for the device or the user; it may not write to keys of Windows", "Learn, Win32 and Desktop Bridge app ADMX policy Ingestion", []string{tables + "TestIngestedPolicies", "simulator/csp/admx.TestProtected"}},
			{Seen, "an enabled policy of an ingested file needs a <data> for each of its elements; else 500 and event 856", "sgp-go/jamf, a Windows 11 24H2", []string{tables + "TestIngestedPolicies"}},
			{Doc, "the policies of Edge can be ingested from MSEdge.admx, although they are below Software\\Policies\\Microsoft", "Learn, Configure Microsoft Edge using Mobile Device Management", []string{"simulator/csp/admx.TestProtected"}},
			{Doc, "Update and Accounts are on Windows 10 and 11, though no DDF v2 file has them; an update is approved by Add of its node", "Learn, Update CSP and Accounts CSP", []string{tree + "TestUpdate", tree + "TestAccounts"}},
			{Seen, "a MsiInstallJob is taken as chr, too, though the DDF says xml", "sgp-go/jamf, a Windows 11 24H2", []string{tables + "TestCheck", "CSP-03"}},
			{Doc, "LocURIs begin with ./Device, ./User, ./Vendor, an object of OMA or ./cimv2; ./Camera/AllowCamera is no policy", "Learn, OMA DM protocol support", []string{tables + "TestCheck", "CSP-05"}},
			{Doc, "MDMWinsOverGP: with 1 the server's value is in force, with 0 or after its Delete that of Group Policy; 1803 neither deletes it nor sets it back", "Learn, Policy CSP - ControlPolicyConflict", []string{tables + "TestPolicyConflict"}},
			{Doc, "a Get of a RemoteWipe command answers 405: it takes Exec alone", "DDF of RemoteWipe", []string{tree + "TestOperationsOfTheDDF"}},
			{Model, "Poll and Push/PFN can be deleted on Windows 11, as the DDF lists, and not on earlier builds, as MS-MDE2 2.2.9.3 lists", "simulator/csp, dmclient.go", []string{tree + "TestDeletePushAndPoll"}},
			{Doc, "a node's operations, format and values are those of the DDF or of MS-MDE2 2.2.9; each difference from the DDF has its reason in the description", "DDF v2 of February 2025; MS-MDE2 2.2.9", []string{tree + "TestOperationsOfTheDDF", "simulator/csp/ddf.TestDifferences"}},
			{Model, "signed or encrypted messages (SecurityMode 1 to 3) are refused with 406: no source shows them", "simulator/csp, dmclient.go", []string{tree + "TestDocumentedRefusals"}},
		}},
		{"Authentication", []Fact{
			{Doc, "the digest is B64(MD5(B64(MD5(name:secret)):nonce))", "OMA DM Security 1.2.1 section 5.3", []string{dm + "TestDigest"}},
			{Doc, "407 and 401 carry a challenge, 212 ends it for the session, a nonce is used once", "OMA DM Security 1.2.1 section 5.3", []string{dm + "TestAuth", dm + "TestAuthStaleNonceAndLoop"}},
			{Seen, "with auth-md5, LocName is the user name of APPAUTH in every message with a Cred", "Learn, OMA DM protocol support; captures of Windows 11 26200", []string{dm + "TestSessionsEqualCaptures"}},
			{Seen, "the message resent after a challenge begins with the Status for SyncHdr", "captures of Windows 11 26200", []string{dm + "TestSessionsEqualCaptures", dm + "TestResendAgain"}},
			{Seen, "Windows Phone 8.1 sends its credential unasked; Windows 10 waits for a challenge", "reports of real devices", []string{dm + "TestAuth"}},
			{Model, "the device rejects a server's wrong credential; it rejects a missing one only with a quirk", "quirk demands-cred", []string{dm + "TestServerCred"}},
			{Doc, "MS-Signature is a detached CMS signature made with the client certificate", "Learn, DMClient CSP", []string{dm + "TestSignedMessages"}},
		}},
		{"Sessions of a directory's devices", []Fact{
			{Doc, "while an Entra user is logged in, a session carries the user's token: Authorization: Bearer in every message, and Alert 1224 AADUserToken in package 1; not in the first session after a join, not with a guest", "Learn, Microsoft Entra integration", []string{dm + "TestEntraSessions"}},
			{Doc, "ForceAadToken 1 sends the device's own token in the header DeviceToken; 2 and 8 are reserved", "DDF of DMClient; MS-MDM 2.1 note 9", []string{dm + "TestDeviceTokens"}},
			{Doc, "AADSendDeviceToken sends the device's token if there is no user's; AADResourceID is the audience", "DDF of DMClient", []string{dm + "TestDeviceTokens"}},
			{Model, "ForceAadToken 4 does what it replaces, AADSendDeviceToken; with a quirk it replaces the user's token", "quirk device-bearer", []string{dm + "TestDeviceTokens"}},
			{Doc, "ForceAadToken came with 22621 and with updates of 19042 and 22000", "DDF of DMClient", []string{dm + "TestForceAadTokenByProfile"}},
			{Model, "no message renews a token: a session has the current one, 401 ends it, and the next session has a new one", "simulator/dmclient, directory.go", []string{dm + "TestExpiredToken", "harness/lab.TestHookTokens"}},
			{Model, "an AADUserToken that does not verify gets Status 401 and counts for nothing", "the reference server", []string{dm + "TestForgedAlert"}},
			{Doc, "devices that enrolled in another way send none of these tokens", "Learn, Microsoft Entra integration", []string{dm + "TestOthersSendNoToken", dm + "TestBodiesEqualCaptures"}},
		}},
		{"Linked enrollment and declared configuration", []Fact{
			{Doc, "LinkedEnrollment came with 22621, and with updates of 22000 (.918) and 19042 to 19044 (.2193); DiscoveryEndpoint is there unset, and empty; Priority is in no DDF", "DDF of DMClient; Learn, DMClient CSP", []string{dm + "TestLinkedEnrollmentNodes"}},
			{Doc, "Enroll without DiscoveryEndpoint leaves no task, and LastError is 0x80070002; that its status is 500 is a model", "Learn, DMClient CSP and declared configuration enrollment", []string{dm + "TestLinkedEnrollmentNodes", "MSG-25"}},
			{Model, "Enroll answers 200 at once; EnrollStatus is then 2, and 4 or 3 when the task has run; for Unenroll 6, and 8 or 7", "simulator/csp, declared.go; the values are those of Learn, DMClient CSP", []string{dm + "TestLinkedEnrollment", dm + "TestLinkedEnrollmentNodes", dm + "TestDeclaredSettingsAreHeld"}},
			{Doc, "the linked discovery is a POST of JSON; UPNRequired asks for it again with upn, and Retry-After is waited for", "Learn, declared configuration discovery", []string{dm + "TestLinkedDiscovery", "WDC-01"}},
			{Doc, "then GetPolicies and RST follow, with the device's token of its directory or signed by its MDM certificate; EmmDeviceId is the primary's EntDMID", "Learn, declared configuration enrollment; MS-MDE2", []string{dm + "TestLinkedEnrollment", dm + "TestLinkedJoined", "WDC-02"}},
			{Seen, "the linked enrollment has an account and a certificate of its own", "registry of a real device (StaleMdmEnrollment)", []string{dm + "TestLinkedEnrollment", "WDC-02"}},
			{Model, "a device whose user did not join it to a directory asks as a registered one; the linked enrollment has no push, and ends with the primary one", "simulator/dmclient, linked.go", []string{dm + "TestLinkedDiscovery", dm + "TestLinkedEndsWithThePrimary"}},
			{Seen, "a document may have ReflectedProperties, and a DeclaredConfigurationUrl has its settings at an address; that the device takes one without them is a model", "Intune, for Endpoint Privilege Management", []string{tree + "TestDocumentsAsIntuneSendsThem", "WDC-05"}},
			{Doc, "a syntax error fails the document in its session; the rest is processed later", "Learn, Windows declared configuration protocol", []string{dm + "TestDeclaredRefusals"}},
			{Doc, "an id that is not the node's, a context of the other scope and a URI that does not exist are refused; that the status is 500 is a model", "Learn, DeclaredConfiguration CSP", []string{dm + "TestDeclaredRefusals", "WDC-04"}},
			{Doc, "every message of a linked enrollment tells the states of all documents in an Alert 1224; the server then reads the results", "Learn, Windows declared configuration protocol", []string{dm + "TestLinkedEnrollment", dm + "TestDeclaredRefusals", "WDC-03", "WDC-07"}},
			{Model, "the alert's XML is escaped; there is none without documents; a removed document is told once, with state 70", "simulator/dmclient, declared.go", []string{dm + "TestDeclaredRefusals"}},
			{Doc, "a new checksum replaces a document's settings; Delete leaves them; Abandoned 1 gives them back to the primary server, which gets 0x86000031 before; Unenroll takes all back", "Learn, DeclaredConfiguration CSP and DMClient CSP", []string{dm + "TestDeclaredRefusals", dm + "TestDeclaredSettingsAreHeld"}},
			{Model, "a setting that a document drops leaves its other settings under the same node; a document under an abandoned id is applied once; Delete of a node above documents removes them", "simulator/dmclient, declared.go and declared_apply.go", []string{dm + "TestDeclaredSettingIsDropped", dm + "TestDeclaredUnderAbandonedID", dm + "TestDeclaredRemovedFromAbove"}},
			{Model, "an Enroll or Unenroll that comes while the task of the linked enrollment runs is done after it; a document that waits outlives a restart", "simulator/dmclient, linked.go", []string{dm + "TestLinkedTaskIsAskedForAgain", dm + "TestDeclaredAcrossRestart"}},
			{Doc, "every RefreshInterval, by default 240 minutes, the device repairs what was changed", "Learn, DeclaredConfiguration CSP", []string{dm + "TestDeclaredSettingsAreHeld"}},
			{Seen, "in a primary enrollment 26200 answers 406 to Get of RefreshInterval, BulkTemplate and the root of ./User; for the other nodes it is a model", "go-microsoft-dm", []string{dm + "TestDeclaredOnPrimary", "WDC-09"}},
		}},
		{"Enrollment", []Fact{
			{Seen, "Discover, GetPolicies and RST look as in the captures", "captures of Windows 10 19043", []string{dm + "TestBodiesEqualCaptures"}},
			{Seen, "the CSR has a PrintableString with ! and NUL and a sha1WithRSA signature", "captures of Windows 10 19043", []string{enr + "TestWindowsCSR", dm + "TestBodiesEqualCaptures", "ENR-09"}},
			{Doc, "Federated: the page posts wresult to appru; the device sends it base64-encoded", "Learn, federated authentication", []string{enr + "TestSignIn", dm + "TestFederated"}},
			{Doc, "Entra: a JWT whose signature, iss, aud, tid and exp the server checks", "Learn, Microsoft Entra integration", []string{dm + "TestEntra", "simulator/entra.TestTokens"}},
			{Doc, "a device of a directory opens the terms of use first, with a token that names no device; an accepted page redirects with IsAccepted=true and OpaqueBlob, which comes back as EnrollmentData; IsAccepted=false or an error ends the enrollment", "Learn, Microsoft Entra integration", []string{dm + "TestTermsOfUse", enr + "TestTermsPages", enr + "TestTermsParameters"}},
			{Seen, "EnrollmentData follows TargetedUserLoggedIn in the RST", "AADInternals and pytune, clients that a public server accepts", []string{dm + "TestTermsOfUse"}},
			{Model, "the redirect_uri is ms-appx-web://dmwake/ToUResponse; only the page's own host gets the token, until there is a page", "simulator/enroll, terms.go", []string{enr + "TestTermsParameters", enr + "TestTermsTokenStaysAtHome"}},
			{Doc, "a v2.0 token's audience is the application's id and its issuer ends in /v2.0; azp and preferred_username replace appid, upn and unique_name", "Learn, access token claims reference", []string{"simulator/entra.TestVersions"}},
			{Doc, "Certificate: the request is signed with a certificate", "Learn, certificate authentication", []string{dm + "TestByCertificate", enr + "TestSignedRequest"}},
			{Doc, "renewal sends the CSR in a PKCS#7 signed with the old key, over mutual TLS; an expired certificate is not renewed", "Learn, certificate renewal", []string{dm + "TestRenewal", dm + "TestForgedRenewal"}},
			{Doc, "renewal starts at Renew/ServerURL, or else at the discovery URL, and goes on where Discover says", "Learn, CertificateStore CSP", []string{dm + "TestRenewal", dm + "TestRenewalElsewhere"}},
			{Model, "renewal leaves out GetPolicies", "no source", []string{dm + "TestRenewal"}},
			{Seen, "25H2 rejects APPAUTHs of type DIGEST without AAUTHDATA (0x80070057)", "a report on Windows 11 26200.9278", []string{dm + "TestDeviceEnrollmentAndQuirks"}},
			{Doc, "Windows shows errors as 0x8018....", "Learn, MDM enrollment error constants", []string{enr + "TestHResults"}},
			{Seen, "if discovery fails, Windows shows 0x80190000 and the HTTP status: 0x80190190 for 400, 0x801900c8 for 200 without SOAP or with a fault", "reports of real devices", []string{enr + "TestDiscoveryCodes"}},
			{Doc, "at discovery, a server certificate that expired is 0x8018000d; AuthPolicy Certificate on a device without one is 0x80180028", "Learn, MDM registration constants", []string{enr + "TestHResults", dm + "TestByCertificate"}},
			{Model, "a service URL that begins with http: is 0x8018001a, \"the server requested HTTP rather than HTTPS\"", "Learn, MDM registration constants, for redirects", []string{dm + "TestNoPasswordInClear", enr + "TestClientSendsNothingInClear"}},
			{Model, "a device has no session at an address of http: that its server sets", "the provisioning document must name https, MS-MDE2 2.2.9.5", []string{dm + "TestNoSessionInClear"}},
			{Doc, "every code that Windows shows is known to explain, in each spelling, and every paste of a corpus gets its answer", "harness/explain/testdata/corpus.txt, with a page or thread for each", []string{"harness/explain.TestCorpus", "harness/explain.TestSpellings", "harness/cli.TestPrintedCodes", "harness/cli.TestShownCodes"}},
			{Seen, "25H2 adds Manufacturer, DeviceModel, SerialNumber and RequestVersion to the RST, and says that it does not attest; if Discover answers EnrollmentVersion 5.0 it attests by AIKPub and AIKAttestationClaim. MS-MDE2 does not name the first three", "a report on Windows 11 26200.9278", []string{dm + "TestContext", dm + "TestContextValues"}},
			{Doc, "up to Windows 10 1511 the RST has no HWDevID, Locale and NotInOobe", "MS-MDE2 appendix B, <31>, <32>", []string{dm + "TestContext"}},
			{Doc, "RequestVersion is 5.0 on 19045 since 2023, 6.0 on 22621 and 22631; 26200 sends 9.0, which MS-MDE2 does not know yet", "MS-MDE2 appendix B, <20>, <21>; captures", []string{dm + "TestRequestVersions"}},
			{Doc, "AzureAttestationBlob replaces the AIK items from 6.0 on if GetPolicies asks for it", "MS-MDE2 3.3.4.1.1.2, 3.4.4.1.1.1", []string{dm + "TestContext"}},
			{Model, "the inner layout of claim and token, their order in 6.0 to 8.0, and the status items of 7.0 and 8.0", "Config.Attestation", []string{enr + "TestAttestationClaim", dm + "TestAttestationKinds"}},
			{Doc, "an enrolled device refuses to enroll: 0x8018000a, before Windows 10 0x8019000a", "Learn, MDM registration constants", []string{dm + "TestEnrollsOnce"}},
			{Doc, "the services that Discover names are https", "MS-MDE2 3.1.4.1.3.2", []string{dm + "TestNoPasswordInClear", "ENR-05"}},
			{Doc, "SSLCLIENTCERTSEARCHCRITERIA finds the client certificate by Subject and Stores", "Learn, w7 APPLICATION CSP", []string{enr + "TestCriteria", dm + "TestFindCertificate", "ENR-37"}},
			{Seen, "a device goes on if the criteria find nothing", "published servers with a placeholder; quirk strict-criteria", []string{dm + "TestFindCertificate"}},
			{Doc, "a certificate's characteristic is its SHA-1", "MS-MDE2 2.2.9.2", []string{enr + "TestThumbprints", "ENR-38"}},
			{Doc, "the device finds the server by the domain of the user's address", "MS-MDE2 3.1.4.1", []string{enr + "TestDiscoveryURL"}},
		}},
		{"WNS: tokens", []Fact{
			{Doc, "a token is requested with a form at login.live.com; errors are OAuth's; a token lives 24 hours and is not stored", "Learn, WNS", []string{wns + "TestTokenAnswers", wns + "TestTokensExpireAndAreRevoked", "TOK-01", "TOK-02"}},
			{Seen, "new identities are refused there and sent to login.microsoftonline.com", "the real service, 2026", []string{wns + "TestEntraRefusals"}},
			{Doc, "Entra issues a JWT for https://wns.windows.com/.default; its errors are AADSTS and a number", "Learn, OAuth 2.0 client credentials flow; Entra error codes", []string{wns + "TestEntraTokens", wns + "TestEntraRefusals"}},
			{Model, "which of AADSTS9002331 and 9002346 an app for personal accounts gets at which endpoint", "fakewns/entra.go", []string{wns + "TestEntraRefusals"}},
			{Doc, "a token for another app is answered with 403", "Learn, WNS request and response headers", []string{wns + "TestNotificationAnswers", wns + "TestEntraTokens"}},
		}},
		{"WNS: notifications", []Fact{
			{Doc, "WNS checks a notification's headers and size: 400, 401, 403, 404, 405, 410, 413", "Learn, WNS request and response headers", []string{wns + "TestNotificationAnswers", "WNS-01", "WNS-07"}},
			{Model, "the order of these checks if several fail; which wrong headers give 400", "fakewns/notify.go, fakewns/rules.go", []string{wns + "TestNotificationAnswers"}},
			{Doc, "200 does not mean delivered: dropped and channelthrottled are 200, too", "Learn, WNS request and response headers", []string{wns + "TestOfflineDevice", wns + "TestThrottles", "PSH-06"}},
			{Doc, "WNS keeps a raw notification for an offline device only on request, one per channel, until its TTL", "Learn, WNS request and response headers", []string{wns + "TestOfflineDevice", wns + "TestCachedNotificationExpires", "WNS-09"}},
			{Doc, "X-WNS-RequestForStatus asks for X-WNS-DeviceConnectionStatus", "Learn, WNS request and response headers", []string{wns + "TestOfflineDevice"}},
			{Doc, "DELETE with X-WNS-Match withdraws toasts", "Learn, WNS request and response headers", []string{wns + "TestDeleteTakesToastsBack"}},
			{Doc, "an app over its limit gets 406 with Retry-After", "Learn, WNS request and response headers", []string{wns + "TestThrottles", wns + "TestFaults"}},
			{Seen, "the 406 has X-WNS-Status appthrottled, Retry-After 900 and no description; 429 is seen, too", "https://github.com/web-push-libs/web-push-csharp/issues/93; https://github.com/MicrosoftDocs/windows-dev-docs/issues/5238", []string{wns + "TestThrottles", wnsFaults + "TestAnswers", "WER-21", "WER-25"}},
			{Seen, "an Entra app that is not mapped to the PFN gets 403, with a description or without a header of WNS", "https://github.com/microsoft/WindowsAppSDK/issues/6301; https://github.com/MicrosoftDocs/windows-dev-docs/issues/5027", []string{wnsFaults + "TestAnswers", "WER-27"}},
			{Seen, "WNS drops notifications although it says that the device is connected", "https://github.com/MicrosoftDocs/windows-dev-docs/issues/5133", []string{wnsFaults + "TestAnswers", "WER-28"}},
			{Seen, "what is not cached for a device that is offline is dropped with a description", "https://github.com/microsoft/WindowsAppSDK/issues/3677", []string{wnsFaults + "TestAnswers"}},
			{Seen, "hosts of channels are db3, dm3p and the like, or of the form wns2-par02p, whose web push channels have the path /w/; they may change", "https://github.com/MicrosoftDocs/windows-dev-docs/issues/4305", []string{wnsFaults + "TestHosts", "WNS-21"}},
			{Seen, "a TTL that contradicts X-WNS-Cache-Policy is refused with 400: 0 with cache or without a policy, more than 0 with no-cache", "web push senders on /w/ channels, 2025 and 2026", []string{wns + "TestNotificationAnswers"}},
			{Doc, "X-WNS-SuppressPopup on a Windows channel: the notification is dropped, with an error", "Learn, WNS request and response headers", []string{wns + "TestNotificationAnswers"}},
			{Model, "the limits", "Config.AppRate and ChannelRate", []string{wns + "TestThrottles"}},
			{Seen, "header names are in upper case, and some senders read the older X-WNS-NotificationStatus", "the real service; npm wns", []string{wns + "TestHeaderNamesAsWritten"}},
			{Seen, "HTTP/1.1, without chunking and compression; Expect: 100-continue works", "the real service", []string{wns + "TestWire"}},
			{Doc, "percent-encodings in upper case make the same URI", "RFC 3986 section 6.2.2.1; Python requests writes them", []string{wns + "TestNotificationAnswers"}},
			{Seen, "unmodified senders get their token, send, and the device wakes", "curl, Node, npm wns 0.5.4, Python, Java", []string{"harness/lab.TestUnmodifiedSenders"}},
		}},
		{"WNS: channels", []Fact{
			{Doc, "a channel lives 30 days; after that, and once it is revoked, it answers 410", "Learn, push notification support", []string{wns + "TestTokensExpireAndAreRevoked", wns + "TestAppStates", "CHN-01"}},
			{Doc, "410 is also the answer for a blocked app", "Learn, WNS request and response headers", []string{wns + "TestAppStates"}},
			{Seen, "the host of a channel has one label before notify.windows.com", "the real service", []string{wns + "TestRegistration"}},
			{Model, "how devices and WNS talk; what a link says when it breaks", "fakewns/link", []string{"fakewns/link.TestNothingIsLost", "fakewns/link.TestSlowLink"}},
		}},
	}
}

// Markdown returns the list as a page.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Facts that this project relies on, and their proofs\n\n" +
		"Written by `make facts`. **doc**: published by Microsoft or OMA. **seen**: observed on real devices or the real service. **model**: an assumption that can be switched.\n" +
		"A proof is a test of this project, or a scenario that passes on the reference server and fails on a server that breaks the rule.\n")
	for _, s := range All() {
		fmt.Fprintf(&b, "\n## %s\n\n| | fact | source | proof |\n|---|---|---|---|\n", s.Title)
		for _, f := range s.Facts {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Strength, f.Says, f.Source, strings.Join(f.Proofs, ", "))
		}
	}
	return b.String() + codes() + rules() + requirements()
}
