package scenarios

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// enrollmentServices are the ENR scenarios about the three services and what
// they ask of each other.
var enrollmentServices = []Scenario{
	{ID: "ENR-04", Level: report.Must, Title: "the AuthPolicy is one that the client offered",
		Rule:    "AuthPolicy in the Discover reply is one of the AuthPolicies of the request: a client cannot enroll by another.",
		Source:  "MS-MDE2 3.1.4.1.3.1, 3.1.4.1.3.2",
		Fix:     "Choose AuthPolicy from the AuthPolicies that the request lists.",
		Mutants: []string{"enr-policy-unoffered"},
		Run: func(t *T) {
			r := discoveredBy(t.Enrollee())
			offered := t.Profile().AuthPolicies
			if t.Lab.Config.Target.Certificate.Cert != "" {
				offered = []string{"Certificate"}
			}
			t.Expect(slices.Contains(offered, r.AuthPolicy), "AuthPolicy %s being one of those offered, %v", suite.Show(r.AuthPolicy), offered).To(BeTrue())
		}},
	{ID: "ENR-06", Level: report.Must, On: "federated", Title: "Federated: the sign-in page returns wresult to appru",
		Rule:    "A server that answers Federated names an AuthenticationServiceUrl; the page there ends in a form that posts wresult to the address that appru names.",
		Source:  "MS-MDE2 3.1.4.1.3.2; Learn, \"Federated authentication device enrollment\"",
		Fix:     "Name AuthenticationServiceUrl, and let the page end in a form that posts wresult to the address in appru.",
		Mutants: []string{"enr-no-auth-url", "enr-appru-fixed"},
		Run: func(t *T) {
			d := t.Enrollee()
			r := discoveredBy(d)
			if r.AuthPolicy != "Federated" {
				t.NotApplicable("the server answers AuthPolicy %s", suite.Show(r.AuthPolicy))
			}
			t.Expect(r.AuthenticationURL, "AuthenticationServiceUrl").To(HavePrefix("https://"))
			if hasDirectory(t) {
				t.NotApplicable("devices bring tokens of a directory here, and no page is opened")
			}
			if _, err := signIn(d, r).Token(t.Context()); err != nil {
				t.Fail("a page that returns wresult to "+enroll.AppRU, err.Error())
			}
		}},
	{ID: "ENR-07", Level: report.Must, Title: "the policy that is advertised is the one that is accepted",
		Rule:    "What Discover's AuthPolicy says is what GetPolicies and RST take: a UsernameToken where it says OnPremise.",
		Source:  "MS-MDE2 3.1.4.1.3.2, 3.3.4.1, 3.4.4.1; fleet issue 46387",
		Fix:     "Let GetPolicies and RST check the kind of credential that Discover advertises; mostly the check is missing in one of the two.",
		Mutants: []string{"enr-policy-lies"},
		Run: func(t *T) {
			d := t.Device()
			err := d.Enroll()
			var e *enroll.Error
			switch {
			case err == nil || d.Provisioning() != nil:
			case errors.As(err, &e) && e.Refused() && (e.Step == enroll.StepPolicies || e.Step == enroll.StepToken):
				t.Fail("a credential of the kind that Discover asks for, "+d.Discovered().AuthPolicy+", to be accepted by "+e.Step, err.Error())
			default:
				t.NotApplicable("the enrollment ended for another reason: %v", err)
			}
		}},
	{ID: "ENR-08", Level: report.Must, Title: "GetPoliciesResponse is well-formed and carries a policy",
		Rule:    "The reply to GetPolicies is well-formed XML in which every prefix is bound, and names a certificate policy. (Windows was seen to overlook an unbound prefix; other clients and parsers do not.)",
		Source:  "MS-XCEP 3.1.4.1.1.2; Namespaces in XML 1.0 section 5",
		Fix:     "Bind every prefix on the element that uses it or above, and return one policy with its attributes.",
		Mutants: []string{"enr-policies-unbound", "enr-policies-none"},
		Run: func(t *T) {
			d := t.Enrollee()
			r := policiesOf(d)
			unbound, err := syncml.UnboundPrefixes(exchangeOf(d, enroll.StepPolicies).Response)
			t.Expect(err, "error reading the reply to GetPolicies").To(Not(HaveOccurred()))
			t.Expect(unbound, "unbound prefixes in the reply to GetPolicies").To(BeEmpty())
			t.Expect(r.Policies, "certificate policies in the reply").To(BeNumerically(">", 0))
		}},
	{ID: "ENR-19", Level: report.Must, Title: "malformed SOAP gets a fault or 4xx",
		Rule:    "What is no SOAP message is answered with a SOAP fault or HTTP 4xx: no dropped connection, and no error page of a crash.",
		Source:  "SOAP 1.2 part 1, section 5.4; RFC 9110 15.5",
		Fix:     "Catch what the XML reader says, and answer a SOAP fault with subcode MessageFormat.",
		Mutants: []string{"enr-soap-panic"},
		Run: func(t *T) {
			d := t.Enrollee()
			r := discoveredBy(d)
			for _, to := range [][2]string{{"the discovery service", t.Lab.Config.Target.DiscoveryURL()}, {"the policy service", r.PolicyURL}, {"the enrollment service", r.EnrollmentURL}} {
				for _, body := range []string{"", "hello, server", "<s:Envelope", "<Envelope/>"} {
					soapError(d, to[0], to[1], body)
				}
			}
		}},
	{ID: "ENR-21", Level: report.Should, Title: "a certificate is renewed",
		Rule:    "A device whose document says ROBOSupport asks for a new certificate by an RST of type Renew, signed by the old key, over TLS with the old certificate; the server issues it, and sessions go on with it.",
		Source:  "MS-MDE2 3.8; Learn, \"Certificate renewal\"",
		Fix:     "Accept RequestType Renew with a PKCS#7 request over TLS with the old certificate, and answer with the new one.",
		Mutants: []string{"enr-renew-refused"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			old := renewable(d)
			if err := d.Renew(t.Context()); err != nil {
				t.Fail("a renewed certificate", err.Error())
			}
			t.Expect(bytes.Equal(d.Certificate().Certificate[0], old), "the new certificate being the old one").To(BeFalse())
			d.Survived(t.Managed(d.Sync(dmclient.SyncOptions{})), "the renewal of the certificate")
		}},
	{ID: "ENR-23", Level: report.Info, Title: "the PFN in the provisioning document",
		Rule:    "Push/PFN is written in a session: MS-MDE2 lists it as not configurable in the provisioning document, and Windows ignores it there.",
		Source:  "MS-MDE2 2.2.9.3",
		Fix:     "Leave Push/PFN out of the document and set it in the first session.",
		Mutants: []string{"enr-pfn-document"},
		Run: func(t *T) {
			t.Expect(t.Document().Provider.Node("Push/PFN"), "Push/PFN in the provisioning document").To(BeEmpty())
		}},
	{ID: "ENR-26", Level: report.Should, Title: "timestamps are of now, ActivityIds of their own",
		Rule:    "The WS-Security timestamp of a reply is of the time of the reply, and every reply has an ActivityId of its own, by which it is found in logs.",
		Source:  "WS-Security 1.1 section 10; MS-MDE2 3.1.4.1.1.2, 3.4.4.1.1.2",
		Fix:     "Write the time of the reply into the timestamp, and a new UUID into ActivityId.",
		Mutants: []string{"enr-timestamp-old", "enr-activity-constant"},
		Run:     stamps},
	{ID: "ENR-27", Level: report.Must, Title: "each reply has its Action",
		Rule:    "The SOAP header of a reply names its Action, the whole URI.",
		Source:  "MS-MDE2 3.1.4.1.1.2, 3.3.4.1.1.2, 3.4.4.1.1.2; WS-Addressing 1.0 SOAP binding",
		Fix:     "Write the whole URI of the operation's response into a:Action.",
		Mutants: []string{"enr-action-short"},
		Run: func(t *T) {
			d := t.Enrollee()
			for _, p := range [][2]string{{enroll.StepDiscover, enroll.ActionDiscoverResponse}, {enroll.StepPolicies, enroll.ActionGetPoliciesResponse}, {enroll.StepToken, enroll.ActionRequestTokenReply}} {
				_, got := envelopesOf(d, p[0])
				t.Expect(got.Action, "Action of the %s reply", p[0]).To(Equal(p[1]))
			}
		}},
	{ID: "ENR-28", Level: report.Must, Title: "references of the certificate policy resolve",
		Rule:    "policySchema is 3, and hashAlgorithmOIDReference is the id of an OID of the same reply whose group is 1, the hash algorithms.",
		Source:  "MS-XCEP 3.1.4.1.3.1, 3.1.4.1.3.16",
		Fix:     "Set policySchema 3, and let hashAlgorithmOIDReference name the oIDReferenceID of an OID with group 1.",
		Mutants: []string{"enr-oid-dangling", "enr-policy-schema"},
		Run: func(t *T) {
			r := policiesOf(t.Enrollee())
			if r.Policies == 0 {
				t.NotApplicable("there is no policy (see ENR-08)")
			}
			t.Expect(r.Schema, "policySchema").To(Equal("3"))
			t.Expect(r.HashGroup, "group of the OID that hashAlgorithmOIDReference %s leads to", suite.Show(r.HashReference)).To(Equal("1"))
		}},
	{ID: "ENR-30", Level: report.Should, Title: "SOAP is XML: white space, prefixes, order of attributes",
		Rule:    "A request that is indented, has other prefixes and its attributes in another order is the same request.",
		Source:  "XML 1.0; Namespaces in XML 1.0",
		Fix:     "Read SOAP with an XML parser and match elements by namespace and local name, not by text.",
		Mutants: []string{"enr-soap-strict"},
		Run: func(t *T) {
			d := t.Enrollee()
			r := discoveredBy(d)
			for _, p := range [][2]string{{enroll.StepDiscover, t.Lab.Config.Target.DiscoveryURL()}, {enroll.StepPolicies, r.PolicyURL}} {
				other, err := enroll.Reform(exchangeOf(d, p[0]).Request)
				if err != nil || t.Lab.Config.Target.Certificate.Cert != "" {
					t.NotApplicable("a signed request cannot be written in another form")
				}
				if _, err := d.EnrollmentClient(dmclient.EnrollOptions{}).Send(t.Context(), p[1], other); err != nil {
					t.Fail(p[0]+" in another form of the same XML to be answered", err.Error())
				}
			}
		}},
	{ID: "ENR-31", Level: report.Should, Title: "a key that is too short is refused",
		Rule:    "The enrollment service does not certify a key shorter than the minimalKeyLength of its own policy.",
		Source:  "MS-XCEP 3.1.4.1.3.20; MS-WSTEP 3.1.4.1",
		Fix:     "Compare the key of the request with minimalKeyLength before it is certified.",
		Mutants: []string{"enr-any-key"},
		Run: func(t *T) {
			if n := policiesOf(t.Enrollee()).MinimalKeyLength; n <= 1024 {
				t.NotApplicable("the policy's minimalKeyLength is %d (see ENR-33)", n)
			}
			d := t.DeviceWith(func(c *dmclient.Config) {
				c.Key = func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 1024) } //nolint:gosec // that is the case
			})
			turnedDown(t, d, t.Lab.Leniency(), "a request for a key of 1024 bits")
		}},
	{ID: "ENR-32", Level: report.Should, Title: "URLs of the provisioning document answer",
		Rule:    "Every URL of the server itself that the provisioning document names is one that answers.",
		Source:  "Learn, \"w7 APPLICATION CSP\" (ADDR); Learn, \"DMClient CSP\" (HelpWebsite, and others)",
		Fix:     "Serve the URLs that the document names, or take them out.",
		Mutants: []string{"enr-help-404"},
		Run: func(t *T) {
			doc := t.Document()
			d := t.Devices()[0]
			urls := []string{doc.App.Addr}
			for _, n := range doc.Provider.Nodes {
				urls = append(urls, n.Value)
			}
			own, err := url.Parse(t.Lab.Config.Target.DiscoveryURL())
			if err != nil {
				t.NotApplicable("%v", err)
			}
			for _, at := range urls {
				if u, err := url.Parse(at); err != nil || u.Scheme != "https" || u.Hostname() != own.Hostname() {
					continue
				}
				_, status, err := (&enroll.SignIn{HTTP: d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP, URL: at}).Open(t.Context())
				t.Expect(err, "error of GET %s", at).To(Not(HaveOccurred()))
				t.Expect(status, "HTTP status of GET %s", at).To(And(Not(Equal(http.StatusNotFound)), BeNumerically("<", 500)))
			}
		}},
	{ID: "ENR-33", Level: report.Should, Title: "the policy asks for keys of 2048 bits",
		Rule:    "minimalKeyLength of the certificate policy is 2048 at least.",
		Source:  "MS-XCEP 3.1.4.1.3.20; NIST SP 800-131A",
		Fix:     "Set minimalKeyLength to 2048.",
		Mutants: []string{"enr-key-length"},
		Run: func(t *T) {
			r := policiesOf(t.Enrollee())
			if r.Policies == 0 {
				t.NotApplicable("there is no policy (see ENR-08)")
			}
			t.Expect(r.MinimalKeyLength, "minimalKeyLength").To(BeNumerically(">=", 2048))
		}},
	{ID: "ENR-34", Level: report.Should, Title: "AAUTHDATA is there, and differs between enrollments",
		Rule:    "Each APPAUTH carries a first nonce, without which a 25H2 device refuses the enrollment, and neither nonce nor secret is the same for two devices.",
		Source:  "Learn, \"w7 APPLICATION CSP\"; OMA DM Security 1.2.1 section 5.3; seen on Windows 11 25H2 (0x80070057)",
		Fix:     "Draw nonce and secret for each enrollment, and write the nonce into AAUTHDATA of both APPAUTHs.",
		Mutants: []string{"enr-nonce-same"},
		Run: func(t *T) {
			seen := map[string]string{}
			for range 2 {
				auth := t.Document().App.Auth
				if len(auth) == 0 {
					t.NotApplicable("there is no APPAUTH (see ENR-15)")
				}
				for _, a := range auth {
					t.Expect(a.Data, "AAUTHDATA of APPAUTH %s", a.Level).To(Not(BeEmpty()))
					for what, v := range map[string]string{"AAUTHDATA": a.Data, "AAUTHSECRET": a.Secret} {
						k := what + " of APPAUTH " + a.Level
						if v != "" && seen[k] == v {
							t.Fail(k+" to differ between two devices", "the same one for both")
						}
						seen[k] = v
					}
				}
			}
		}},
	{ID: "ENR-35", Level: report.Should, Title: "polling goes on, but not every minute",
		Rule:    "The schedule that goes on for good, the last set whose count is 0, asks for a poll every 15 minutes at most: what cannot wait is pushed.",
		Source:  "Learn, \"DMClient CSP\", Poll; " + learnPush + "; fleet issue 46481; the bound is ours",
		Fix:     "Raise IntervalForRemainingScheduledRetries to hours, and push what cannot wait.",
		Mutants: []string{"enr-poll-minute"},
		Run: func(t *T) {
			p := t.Document().Provider
			count, interval := p.Node("Poll/NumberOfRemainingScheduledRetries"), p.Node("Poll/IntervalForRemainingScheduledRetries")
			minutes, err := strconv.Atoi(interval)
			if count != "0" || err != nil {
				t.NotApplicable("the document sets no schedule that goes on for good")
			}
			t.Expect(minutes, "IntervalForRemainingScheduledRetries, in minutes, which goes on for good").To(BeNumerically(">=", 15))
		}},
}

// directory tells whether devices bring tokens of a directory.
func hasDirectory(t *T) bool { return t.Lab.Directory != nil || t.Lab.Config.Target.Hooks.Token != nil }

// discovered is the server's answer to Discover.
func discoveredBy(d *Device) *enroll.DiscoverResponse {
	exchangeOf(d, enroll.StepDiscover)
	r := d.Discovered()
	if r == nil {
		d.T.NotApplicable("the Discover reply cannot be read (see ENR-02)")
	}
	return r
}

// policies is the server's answer to GetPolicies.
func policiesOf(d *Device) *enroll.PolicyResponse {
	_, got := envelopesOf(d, enroll.StepPolicies)
	r, err := got.PolicyResponse()
	if err != nil {
		d.T.Fail("a GetPoliciesResponse", err.Error())
	}
	return r
}

func signIn(d *Device, r *enroll.DiscoverResponse) *enroll.SignIn {
	t := &d.T.Lab.Config.Target
	return &enroll.SignIn{HTTP: d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP, URL: r.AuthenticationURL,
		LoginHint: t.Username, Username: t.Username, Password: t.Password.Value()}
}

// soapError fails unless a body is answered with a SOAP fault or 4xx.
func soapError(d *Device, what, to, body string) {
	t := d.T
	if !strings.HasPrefix(to, "https://") {
		t.NotApplicable("the URL of %s is no absolute https URL (see ENR-05)", what)
	}
	_, err := d.EnrollmentClient(dmclient.EnrollOptions{}).Send(t.Context(), to, []byte(body))
	var e *enroll.Error
	var f *enroll.Fault
	want := "a SOAP fault or 4xx from " + what + " in answer to " + fmt.Sprintf("%q", body)
	switch {
	case err == nil:
		t.Fail(want, "it was answered as if it were a request")
	case errors.As(err, &f):
	case errors.As(err, &e) && e.Status >= 400 && e.Status < 500:
	default:
		t.Fail(want, err.Error())
	}
}

// renewable gives the certificate that is to be renewed, where the server said
// that it can be.
func renewable(d *Device) []byte {
	doc := d.Provisioning()
	if doc != nil && !slices.ContainsFunc(doc.Renew, func(n enroll.ProviderNode) bool {
		return strings.EqualFold(n.Path, "ROBOSupport") && strings.EqualFold(n.Value, "true")
	}) {
		d.T.NotApplicable("the document does not say ROBOSupport (see ENR-17)")
	}
	return d.Certificate().Certificate[0]
}

// turnedDown fails if a device that should not be enrolled is.
func turnedDown(t *T, d *Device, o dmclient.EnrollOptions, what string) {
	err := d.EnrollWith(o)
	var e *enroll.Error
	switch {
	case err == nil || d.Provisioning() != nil:
		t.Fail(what+" to be refused", "a certificate was issued")
	case errors.As(err, &e) && e.Status == 0 && e.Step != enroll.StepSignIn:
		t.NotApplicable("the enrollment ended without an answer: %v", err)
	}
	t.Evidence("%v", err)
}

func stamps(t *T) {
	d := t.Enrollee()
	seen := map[string]bool{}
	found := false
	for _, step := range []string{enroll.StepDiscover, enroll.StepPolicies, enroll.StepToken} {
		_, got := envelopesOf(d, step)
		if id := got.ActivityID; id != "" {
			found = true
			t.Expect(seen[id], "ActivityId %s of the %s reply being that of another reply", id, step).To(BeFalse())
			seen[id] = true
		}
		if got.Created == "" {
			continue
		}
		found = true
		at, err := time.Parse(time.RFC3339, got.Created)
		t.Expect(err, "error reading Created of the %s reply's timestamp", step).To(Not(HaveOccurred()))
		t.Expect(time.Since(at).Abs() < 10*time.Minute, "the timestamp of the %s reply, %s, being within ten minutes of now", step, got.Created).To(BeTrue())
	}
	if !found {
		t.NotApplicable("no reply has a timestamp or an ActivityId")
	}
}
