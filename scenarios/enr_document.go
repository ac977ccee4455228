package scenarios

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// provisioningDocument are the ENR scenarios about the provisioning document
// itself, and the account that it sets up.
var provisioningDocument = []Scenario{
	{
		ID: "ENR-11", Level: report.Must, Title: "provisioning document is well-formed, in base64",
		Rule:    "The RSTR carries a well-formed wap-provisioningdoc, in base64.",
		Source:  "MS-MDE2 3.4.4.1.1, 2.2.9.1",
		Fix:     "Encode the whole document, as one well-formed wap-provisioningdoc, in standard base64.",
		Mutants: []*mutants.Mutant{mutants.EnrDocCut},
		Run: func(t *T) {
			e, err := enroll.ReadEnvelope(exchangeOf(t.Specimen(), enroll.StepToken).Response)
			if err != nil {
				t.Fail("a SOAP envelope in reply to RST", err.Error())
			}
			r, err := e.TokenResponse()
			if err != nil {
				t.Fail("a provisioning document in base64 in reply to RST", err.Error())
			}
			if _, err := enroll.ReadProvisioning(r.Provisioning); err != nil {
				t.Fail("a well-formed wap-provisioningdoc", err.Error())
			}
		},
	},
	{
		ID: "ENR-14", Level: report.Must, Title: "APPLICATION w7 has APPID, PROVIDER-ID, ADDR",
		Rule:    "The APPLICATION characteristic has APPID w7, PROVIDER-ID, and an https URL in ADDR.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"w7 APPLICATION CSP\"",
		Fix:     "Write APPID w7, PROVIDER-ID and ADDR into the APPLICATION characteristic.",
		Mutants: []*mutants.Mutant{mutants.EnrAppIDCase},
		Run: func(t *T) {
			app := documentOf(t.Specimen()).App
			t.Try("APPID", func() { t.Expect(app.AppID, "APPID").To(Equal("w7")) })
			t.Try("PROVIDER-ID", func() { t.Expect(app.ProviderID, "PROVIDER-ID").To(Not(BeEmpty())) })
			t.Try("ADDR", func() { t.Expect(app.Addr, "ADDR").To(HavePrefix("https://")) })
		},
	},
	{
		ID: "ENR-15", Level: report.Must, Title: "both APPAUTH CLIENT and APPSRV",
		Rule:    "The APPLICATION characteristic has an APPAUTH for each side. The server authenticates with CLIENT, the device with APPSRV.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"w7 APPLICATION CSP\"",
		Fix:     "Write two APPAUTH characteristics, AAUTHLEVEL CLIENT and APPSRV.",
		Mutants: []*mutants.Mutant{mutants.EnrNoAppsrv},
		Run: func(t *T) {
			var levels []string
			for _, a := range documentOf(t.Specimen()).App.Auth {
				levels = append(levels, strings.ToUpper(a.Level))
			}
			for _, want := range []string{"CLIENT", "APPSRV"} {
				t.Try(want, func() { t.Check(slices.Contains(levels, want), "an APPAUTH of level "+want, suite.Show(levels)) })
			}
		},
	},
	{
		ID: "ENR-16", Level: report.Should, Title: "AAUTHDATA is base64",
		Rule:    "AAUTHDATA, if present, holds the first nonce in base64. (Windows 11 25H2 rejects APPAUTHs of type DIGEST without it. The sample of MS-MDE 3.6, the first version of the protocol, has a word instead.)",
		Source:  "MS-MDE2 2.2.9.5; Learn, \"w7 APPLICATION CSP\"; OMA DM Security 1.2.1 section 5.3",
		Fix:     "Base64-encode the nonce in AAUTHDATA.",
		Mutants: []*mutants.Mutant{mutants.EnrNoncePlain},
		Run: func(t *T) {
			for _, a := range appAuths(t.Specimen()) {
				t.Try("APPAUTH "+a.Level, func() {
					switch {
					case a.Data == "" && !digest(a):
						return
					case a.Data == "":
						t.Blocked(suite.By("ENR-34"), "this APPAUTH has no AAUTHDATA")
					}
					_, err := base64.StdEncoding.DecodeString(a.Data)
					t.Check(err == nil, "base64 in AAUTHDATA", suite.Show(err))
				})
			}
		},
	},
	{
		ID: "ENR-17", Level: report.Should, Title: "renewal is set up: ROBOSupport and RenewPeriod",
		Rule:    "Management of a device ends when its certificate expires, unless it is renewed. So the document sets ROBOSupport to true and RenewPeriod to a number of days.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"Certificate renewal\"",
		Fix:     "Set ROBOSupport to true and RenewPeriod to a number of days under CertificateStore/My/WSTEP/Renew.",
		Mutants: []*mutants.Mutant{mutants.EnrNoROBO},
		Run: func(t *T) {
			list := documentOf(t.Specimen()).Renew
			t.Try("ROBOSupport", func() {
				t.Expect(strings.ToLower(valueOf(renewNode(list, "ROBOSupport"))), "ROBOSupport").To(Equal("true"))
			})
			t.Try("RenewPeriod", func() {
				n := renewNode(list, "RenewPeriod")
				t.Check(n != nil && daysIn(n) > 0, "RenewPeriod: a number of days", suite.Show(valueOf(n)))
			})
		},
	},
	{
		ID: "ENR-23", Level: report.Should, Title: "Push is not in the provisioning document",
		Rule:    "Push, and so its PFN, is set in a session. MS-MDE2 lists it as not configurable in the provisioning document, and Windows ignores it there.",
		Source:  "MS-MDE2 2.2.9.3",
		Fix:     "Leave Push out of the document, and set the PFN in the first session.",
		Mutants: []*mutants.Mutant{mutants.EnrPFNDocument},
		Run: func(t *T) {
			for _, n := range documentOf(t.Specimen()).Provider.Nodes {
				t.Check(!strings.HasPrefix(strings.ToLower(n.Path), "push/"), "no Push in the provisioning document", n.Path)
			}
		},
	},
	{
		ID: "ENR-32", Level: report.Should, Title: "pages named in the provisioning document exist",
		Rule:    "Every page on the server itself that the provisioning document names can be opened.",
		Source:  "Learn, \"DMClient CSP\" (HelpWebsite, and others)",
		Fix:     "Serve the pages that the document names, or remove them from it.",
		Mutants: []*mutants.Mutant{mutants.EnrHelp404},
		Run: func(t *T) {
			own, err := url.Parse(t.Lab.Config.Target.DiscoveryURL())
			if err != nil {
				t.Error("target.discovery: %v", err)
			}
			named := pagesOf(documentOf(t.Specimen()), own.Hostname())
			for _, n := range named {
				t.Try(n.Path, func() { opens(t, n.Path, n.Value) })
			}
		},
	},
	{
		ID: "ENR-34", Level: report.Should, Title: "nonces and secrets are present, long and random",
		Rule:    "Each APPAUTH of type DIGEST carries a first nonce: Windows 11 25H2 rejects the enrollment without it. No two devices share a nonce or a secret, and each has 16 bytes at least. (The sample of MS-MDE 3.6 has the same words in all. That of MS-MDE2 2.2.9.1 has type BASIC at level APPSRV, and no nonce there.)",
		Source:  "Learn, \"w7 APPLICATION CSP\"; OMA DM Security 1.2.1 sections 5.1, 5.3; seen on Windows 11 25H2 (0x80070057)",
		Fix:     "Generate 16 random bytes or more as nonce and as secret for each enrollment, and write the nonce into AAUTHDATA of each APPAUTH.",
		Mutants: []*mutants.Mutant{mutants.EnrNonceSame, mutants.EnrSecretShort},
		Run: func(t *T) {
			first, second := appAuths(t.Specimen()), appAuths(t.Device())
			for _, a := range first {
				t.Try("APPAUTH "+a.Level, func() {
					t.Check(a.Data != "" || !digest(a), "AAUTHDATA", "none")
					t.Check(a.Secret == "" || len(a.Secret) >= randomBytes, "16 characters or more in AAUTHSECRET", strconv.Itoa(len(a.Secret)))
					nonce, err := base64Text(a.Data)
					t.Check(err != nil || a.Data == "" || len(nonce) >= randomBytes, "16 bytes or more in AAUTHDATA", strconv.Itoa(len(nonce)))
					for _, b := range second {
						if strings.EqualFold(a.Level, b.Level) {
							t.Check(a.Data == "" || a.Data != b.Data, "a different AAUTHDATA for each device", "the same for two devices")
							t.Check(a.Secret == "" || a.Secret != b.Secret, "a different AAUTHSECRET for each device", "the same for two devices")
						}
					}
				})
			}
		},
	},
}

// randomBytes is how long a nonce or a secret is at least.
const randomBytes = 16

// digest reports whether an APPAUTH is for digest authentication, which needs a nonce.
func digest(a enroll.AppAuth) bool { return !strings.EqualFold(a.Type, "BASIC") }

// appAuths returns the APPAUTHs in the document of a device.
func appAuths(d *Device) []enroll.AppAuth {
	list := documentOf(d).App.Auth
	if len(list) == 0 {
		d.T.Blocked(suite.By("ENR-15"), "the document has no APPAUTH")
	}
	return list
}

// pages are the values of the document that name a page to open. Other URLs, such as
// those of ServerList, are not meant for a GET: a management service answers POST only.
var pages = []string{"HelpWebsite", "HyperlinkHref"}

// pagesOf returns the pages on a host that the account (DMClient/Provider) names.
func pagesOf(doc *enroll.Provisioning, host string) (out []enroll.ProviderNode) {
	for _, n := range doc.Provider.Nodes {
		name := n.Path[strings.LastIndex(n.Path, "/")+1:]
		u, err := url.Parse(n.Value)
		if err == nil && u.Scheme == "https" && strings.EqualFold(u.Hostname(), host) && slices.ContainsFunc(pages, func(page string) bool { return strings.EqualFold(name, page) }) {
			out = append(out, n)
		}
	}
	return out
}

// opens fails unless a page can be opened at a URL.
func opens(t *T, what, at string) {
	d := caller(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Error("GET %s: %v", at, err)
	}
	resp, err := d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP.Do(req)
	keepLast(d, "GET of "+what)
	if err != nil {
		t.Fail("a page at "+at, err.Error())
	}
	resp.Body.Close()
	gone := resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone || resp.StatusCode >= 500
	t.Check(!gone, "a page at "+at, "HTTP "+strconv.Itoa(resp.StatusCode))
}

// base64Text decodes base64 that may contain line breaks.
func base64Text(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
}
