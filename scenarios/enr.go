package scenarios

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// enrollment are the ENR scenarios.
var enrollment = []Scenario{
	{ID: "ENR-01", Level: report.Must, Title: "GET on the discovery URL answers 200",
		Rule:    "Before it discovers, a device sends a GET to the discovery URL to see whether the server is there; the server answers 200.",
		Source:  "MS-MDE2 3.1.4.1",
		Fix:     "Serve GET on the discovery path with 200 and an empty body, beside POST.",
		Mutants: []string{"enr-get-404"},
		Run: func(t *T) {
			ex := exchangeOf(t.Enrollee(), enroll.StepReach)
			t.Expect(ex.Status, "HTTP status of GET %s", ex.URL).To(Equal(200))
		}},
	{ID: "ENR-02", Level: report.Must, Title: "enrollment replies are SOAP with a Content-Length",
		Rule:    "Discover, GetPolicies and RST are answered with 200, application/soap+xml and a Content-Length; chunked transfer is not supported by the enrollment client.",
		Source:  "MS-MDE2 3.1.4.1, 3.3.4.1, 3.4.4.1; Learn, \"On-premises authentication device enrollment\"",
		Fix:     "Write the whole SOAP body into memory, set Content-Length and application/soap+xml, and do not flush before.",
		Mutants: []string{"enr-chunked", "enr-policies-panic"},
		Run: func(t *T) {
			d := t.Enrollee()
			for _, step := range []string{enroll.StepDiscover, enroll.StepPolicies, enroll.StepToken} {
				ex := exchangeOf(d, step)
				t.Expect(ex.Status, "HTTP status of the %s reply", step).To(Equal(200))
				t.Expect(ex.Reply.Get("Content-Type"), "Content-Type of the %s reply", step).To(HavePrefix("application/soap+xml"))
				t.Expect(ex.Chunked, "the %s reply being chunked", step).To(BeFalse())
				t.Expect(ex.ContentLength, "Content-Length of the %s reply", step).To(Equal(int64(len(ex.Response))))
			}
		}},
	{ID: "ENR-03", Level: report.Must, Title: "RelatesTo echoes MessageID",
		Rule:    "Each reply's a:RelatesTo is the a:MessageID of its request.",
		Source:  "MS-MDE2 3.1.4.1.1.2; WS-Addressing 1.0 Core 3.1",
		Fix:     "Copy a:MessageID of the request into a:RelatesTo of the reply, in all three services.",
		Mutants: []string{"enr-relates-to"},
		Run: func(t *T) {
			d := t.Enrollee()
			for _, step := range []string{enroll.StepDiscover, enroll.StepPolicies, enroll.StepToken} {
				sent, got := envelopesOf(d, step)
				t.Expect(got.RelatesTo, "RelatesTo of the %s reply", step).To(Equal(sent.MessageID))
			}
		}},
	{ID: "ENR-05", Level: report.Must, Title: "service URLs are absolute https and answer",
		Rule:    "EnrollmentPolicyServiceUrl and EnrollmentServiceUrl in the Discover reply are absolute https URLs of services that answer.",
		Source:  "MS-MDE2 3.1.4.1.3.2",
		Fix:     "Build both service URLs from the server's public base URL, with scheme and host.",
		Mutants: []string{"enr-url-relative"},
		Run: func(t *T) {
			d := t.Enrollee()
			exchangeOf(d, enroll.StepDiscover)
			r := d.Discovered()
			if r == nil {
				t.Fail("a Discover reply that names the services", "none that can be read")
			}
			for _, n := range [][2]string{{"EnrollmentPolicyServiceUrl", r.PolicyURL}, {"EnrollmentServiceUrl", r.EnrollmentURL}} {
				u, err := url.Parse(n[1])
				if err != nil || u.Scheme != "https" || u.Host == "" {
					t.Fail(n[0]+" to be an absolute https URL", suite.Show(n[1]))
				}
			}
			for _, step := range []string{enroll.StepPolicies, enroll.StepToken} {
				ex := exchangeOf(d, step)
				t.Expect(ex.Status, "HTTP status of %s at %s", step, ex.URL).To(And(BeNumerically(">=", 200), Not(Equal(404))))
			}
		}},
	{ID: "ENR-09", Level: report.Must, Title: "the CSR as Windows encodes it is accepted",
		Rule:    "A PKCS#10 request whose common name is a PrintableString with \"!\" and NUL, signed with sha1WithRSA, is accepted: Windows sends no other. Strict ASN.1 parsers, Go's among them, refuse it.",
		Source:  "MS-MDE2 3.4.4.1.1.1; seen on Windows 10 19043",
		Fix:     "Read the PKCS#10 request with a parser that does not check the subject's string type, and verify sha1WithRSA yourself.",
		Mutants: []string{"enr-strict-csr"},
		Run: func(t *T) {
			d := t.Device()
			err := d.EnrollWith(dmclient.EnrollOptions{IgnorePolicies: t.Lab.Leniency().IgnorePolicies})
			var e *enroll.Error
			if errors.As(err, &e) && e.Step != enroll.StepToken {
				t.NotApplicable("the enrollment did not get as far as the CSR: %v", err)
			}
			if err != nil && d.Provisioning() == nil {
				t.Fail("RST with the Windows CSR to be answered with a provisioning document", err.Error())
			}
		}},
	{ID: "ENR-11", Level: report.Must, Title: "provisioning document is well-formed, version 1.1, base64",
		Rule:    "The RSTR carries, in base64, a well-formed wap-provisioningdoc of version 1.1.",
		Source:  "MS-MDE2 3.4.4.1.1, 2.2.9.1",
		Fix:     "Set version=\"1.1\" on wap-provisioningdoc, and encode the whole document in standard base64.",
		Mutants: []string{"enr-doc-version"},
		Run: func(t *T) {
			ex := exchangeOf(t.Enrollee(), enroll.StepToken)
			e, err := enroll.ReadEnvelope(ex.Response)
			t.Expect(err, "error reading the RST reply").To(Not(HaveOccurred()))
			r, err := e.TokenResponse()
			t.Expect(err, "error reading the BinarySecurityToken").To(Not(HaveOccurred()))
			doc, err := enroll.ReadProvisioning(r.Provisioning)
			t.Expect(err, "error reading the provisioning document").To(Not(HaveOccurred()))
			t.Expect(doc.Version, "version of wap-provisioningdoc").To(Equal("1.1"))
		}},
	{ID: "ENR-12", Level: report.Must, Title: "client certificate is for the CSR's key and chains to the delivered root",
		Rule:    "The certificate in CertificateStore/My certifies the key of the CSR and is signed, directly or through delivered authorities, by a root in CertificateStore/Root.",
		Source:  "MS-MDE2 2.2.9.1, 3.4.4.1",
		Fix:     "Issue the certificate for the public key of this request, and deliver the CA that signed it in CertificateStore/Root.",
		Mutants: []string{"enr-wrong-key", "enr-wrong-root"},
		Run:     clientCertificate},
	{ID: "ENR-14", Level: report.Must, Title: "APPLICATION w7 has APPID, PROVIDER-ID, NAME, ADDR",
		Rule:    "The APPLICATION characteristic has APPID w7, PROVIDER-ID, NAME and ADDR.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"w7 APPLICATION CSP\"",
		Fix:     "Write APPID w7, PROVIDER-ID, NAME and ADDR into the APPLICATION characteristic.",
		Mutants: []string{"enr-no-name"},
		Run: func(t *T) {
			app := t.Document().App
			t.Expect(app.AppID, "APPID").To(Equal("w7"))
			t.Expect(app.ProviderID, "PROVIDER-ID").To(Not(BeEmpty()))
			t.Expect(app.Name, "NAME").To(Not(BeEmpty()))
			t.Expect(app.Addr, "ADDR").To(HavePrefix("https://"))
		}},
	{ID: "ENR-18", Level: report.Must, Title: "a wrong password is refused with a SOAP fault",
		Rule:    "A request whose UsernameToken does not verify is answered with a SOAP fault, not with a certificate and not by a crash.",
		Source:  "MS-MDE2 3.4.4.1, 2.2.9.1 (fault codes)",
		Fix:     "Answer a credential that does not verify with a SOAP fault whose subcode is Authentication.",
		Mutants: []string{"enr-password-panic", "enr-password-any"},
		Run: func(t *T) {
			d := t.Device()
			err := d.EnrollWith(dmclient.EnrollOptions{Credential: &enroll.Credential{Username: t.Lab.Config.Target.Username, Password: "not the password"}})
			exs := d.EnrollExchanges()
			last := exs[len(exs)-1]
			t.Evidence("last request: %s %s -> %d", last.Method, last.URL, last.Status)
			if err == nil {
				t.Fail("enrollment with a wrong password to be refused", "it succeeded")
			}
			var f *enroll.Fault
			if !strings.HasPrefix(last.URL, "https://") {
				t.NotApplicable("the server's URL is no absolute https URL (see ENR-05)")
			}
			if !errors.As(err, &f) {
				t.Fail("a SOAP fault", err.Error())
			}
		}},
	{ID: "ENR-24", Level: report.Must, Title: "certificate serial numbers are unique",
		Rule:    "An issuer never gives two certificates the same serial number.",
		Source:  "RFC 5280 4.1.2.2",
		Fix:     "Draw serial numbers at random, 64 bits or more, or count them in a store.",
		Mutants: []string{"enr-serial-constant"},
		Run: func(t *T) {
			seen := map[string]bool{}
			for range 2 {
				cert := certOf(t.EnrolledOnly())
				k := string(cert.Issuer) + cert.SerialNumber
				t.Expect(seen[k], "serial number %s being used twice by one issuer", cert.SerialNumber).To(BeFalse())
				seen[k] = true
			}
		}},
	{ID: "ENR-36", Level: report.Must, Title: "a device enrolls",
		Rule:    "A device whose user has the right credential is taken in: Discover, GetPolicies and RST are answered, and the last reply is a provisioning document.",
		Source:  "MS-MDE2 1.3, 3.1 to 3.4",
		Fix:     "Look at the server's log for the step that is named here.",
		Mutants: []string{"enr-policy-lies"},
		Decides: []suite.Premise{suite.Enrolls},
		Run: func(t *T) {
			d := t.Device()
			if err := d.Enroll(); err != nil {
				t.FailBy("no device can enroll: "+err.Error(), "a provisioning document at the end of the enrollment", err.Error())
			}
		}},
	{ID: "ENR-29", Level: report.Must, Title: "GetPolicies and RST without or with a wrong token are refused",
		Rule:    "The policy and the enrollment service serve nobody who does not prove who he is.",
		Source:  "MS-MDE2 3.3.4.1, 3.4.4.1; MS-XCEP 3.1.4.1",
		Fix:     "Check the credential in GetPolicies and in RST before anything else is done.",
		Mutants: []string{"enr-password-any", "enr-token-optional"},
		Run:     unauthenticated},
}

func clientCertificate(t *T) {
	d := t.EnrolledOnly()
	cert := certOf(d)
	pub, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || !pub.Equal(d.PublicKey()) {
		t.Fail("the certificate's key to be the CSR's", "another key")
	}
	roots := d.Provisioning().Roots
	t.Expect(len(roots), "certificates in CertificateStore/Root").To(BeNumerically(">", 0))
	var last error
	for _, der := range roots {
		root, err := x509.ParseCertificate(der)
		if err != nil {
			last = err
			continue
		}
		if last = cert.SignedBy(root); last == nil {
			return
		}
	}
	t.Fail("the client certificate to be signed by a delivered root", "no root verifies it: "+last.Error())
}

// unauthenticated tries both services with no credential and a wrong one.
func unauthenticated(t *T) {
	wrong := &enroll.Credential{Username: t.Lab.Config.Target.Username, Password: "not the password"}
	for _, try := range []struct {
		what string
		opts dmclient.EnrollOptions
	}{
		{"no security token", dmclient.EnrollOptions{NoCredential: true}}, {"a wrong password", dmclient.EnrollOptions{Credential: wrong}},
	} {
		what, opts := try.what, try.opts
		d := t.Device()
		exchangeOf(d, enroll.StepDiscover)
		r := d.Discovered()
		if r == nil {
			t.NotApplicable("the Discover reply names no services (see ENR-05)")
		}
		c := d.EnrollmentClient(opts)
		if _, err := c.Policies(t.Context(), r.PolicyURL); err == nil {
			t.Fail("GetPolicies with "+what+" to be refused", "it was answered")
		}
		csr, err := d.CSR(t.Lab.Leniency().PlainCSR)
		if err != nil {
			t.NotApplicable("no CSR could be made: %v", err)
		}
		if _, err := c.Token(t.Context(), r.EnrollmentURL, csr, d.Context()); err == nil {
			t.Fail("RST with "+what+" to be refused", "a certificate was issued")
		}
	}
}

// cert is the client certificate the device was given.
func certOf(d *Device) *enroll.Cert {
	c, err := enroll.ReadCert(d.Provisioning().ClientCert)
	if err != nil {
		d.T.NotApplicable("the client certificate cannot be read: %v", err)
	}
	return c
}

// enroll runs an enrollment once and gives the exchange of one step. A crash
// in that step is a failure; a step that was never reached is not applicable.
func exchangeOf(d *Device, step string) *dmclient.Exchange {
	if len(d.EnrollExchanges()) == 0 {
		if err := d.Enroll(); err != nil {
			d.T.Evidence("%v", err)
		}
	}
	actions := map[string]string{enroll.StepDiscover: enroll.ActionDiscover, enroll.StepPolicies: enroll.ActionGetPolicies, enroll.StepToken: enroll.ActionRequestToken}
	var found *dmclient.Exchange
	for _, ex := range d.EnrollExchanges() {
		if step == enroll.StepReach && ex.Method == "GET" || actions[step] != "" && strings.Contains(string(ex.Request), ">"+actions[step]+"<") {
			found = ex // the last one: a plain CSR comes after a refused one
		}
	}
	if found == nil {
		d.T.NotApplicable("the enrollment did not get as far as %s", step)
	}
	if !strings.HasPrefix(found.URL, "https://") {
		d.T.NotApplicable("the server's URL for %s is no absolute https URL (see ENR-05)", step)
	}
	if found.Err != nil {
		d.T.Fail("a reply to "+step, found.Err.Error())
	}
	return found
}

// envelopes are the request and the reply of one step.
func envelopesOf(d *Device, step string) (sent, got *enroll.Envelope) {
	ex := exchangeOf(d, step)
	sent, err := enroll.ReadEnvelope(ex.Request)
	if err != nil {
		d.T.NotApplicable("%v", err)
	}
	if got, err = enroll.ReadEnvelope(ex.Response); err != nil {
		d.T.Fail("the "+step+" reply to be a SOAP envelope", err.Error())
	}
	if p, err := syncml.UnboundPrefixes(ex.Response); err == nil {
		for _, line := range p {
			d.T.Evidence("also: %s", line)
		}
	}
	return sent, got
}
