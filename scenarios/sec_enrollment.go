package scenarios

import (
	"bytes"
	"context"
	"errors"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// enrollmentSecurity are the SEC scenarios about enrollment.
var enrollmentSecurity = []Scenario{
	{ID: "SEC-07", Level: report.Must, On: "entra", Title: "bad directory tokens are refused",
		Rule:    "An Entra token enrolls a device only if it is signed with the directory's key, is for this application, from this issuer and tenant, unmodified, and currently valid.",
		Source:  "Learn, \"Microsoft Entra integration with MDM\"; RFC 8725; CVE-2026-24899",
		Fix:     "Verify the JWT with the directory's keys: RS256 only, aud, iss, tid, exp and nbf.",
		Mutants: []*mutants.Mutant{mutants.SecJWTAlg, mutants.SecJWTKey, mutants.SecJWTAud, mutants.SecJWTIss, mutants.SecJWTTid, mutants.SecJWTExp},
		Run:     badTokens},
	{ID: "SEC-08", Level: report.Should, On: "federated", Stranger: true, Title: "the sign-in page reflects no markup",
		Rule:    "appru and login_hint appear in the page only as text, or the page rejects them: they never become markup.",
		Source:  "CWE-79; Learn, \"Federated authentication device enrollment\"",
		Fix:     "Escape appru and login_hint in the page, and accept appru only with the scheme ms-app.",
		Mutants: []*mutants.Mutant{mutants.SecPage},
		Run:     reflected},
	{ID: "SEC-12", Level: report.Must, Uses: []Need{NeedWork}, Title: "a CSR for another device's identity",
		Rule:    "If a user who may enroll asks for a certificate that names another device, the server refuses, or binds the certificate to the device that enrolls. The certificate opens no session of the other device.",
		Source:  "MS-WSTEP 3.1.4.1.2; CWE-295; fleet issues 14626, 46197",
		Fix:     "Put the identity that the enrollment proved into the certificate, not the one in the CSR.",
		Mutants: []*mutants.Mutant{mutants.SecCSR, mutants.SecChallengeAny},
		Under:   []string{"SEC-01"},
		Run:     othersName,
	},
}

// badTokens tries every kind of token that a server must refuse.
func badTokens(t *T) {
	p := t.Lab.Directory
	if p == nil {
		if policy := discoveredBy(t.Enrollee()).AuthPolicy; policy != "Federated" {
			t.NotApplicable("the server answers AuthPolicy %s, so devices do not use directory tokens", suite.Show(policy))
		}
		if t.Lab.Config.Target.Hooks.Token == nil {
			t.NotApplicable("devices sign in at the server's own page; if it takes tokens of Entra, too, set target.directory, for example {listen: '127.0.0.1:7090'}, and let the server trust its keys")
		}
		t.Skip("there is no directory to issue bad tokens: set target.directory, for example {listen: '127.0.0.1:7090'}, and let the server trust its keys")
	}
	user := t.Lab.Config.Target.Username
	bring := func(kind entra.Kind) *Device {
		token, err := p.Issue(kind, entra.Who{UPN: user})
		if err != nil {
			t.Error("the directory issued no token: %v", err)
		}
		return t.DeviceWith(func(c *dmclient.Config) {
			c.EntraToken = func(context.Context) (string, error) { return token, nil }
		})
	}
	good := bring(entra.Good)
	good.MustEnroll()
	if policy := good.Discovered().AuthPolicy; policy != "Federated" {
		t.NotApplicable("the server answers AuthPolicy %s, so devices do not use directory tokens", suite.Show(policy))
	}
	for _, kind := range entra.BadKinds() {
		t.Try(string(kind), func() {
			refused := func(o dmclient.EnrollOptions) {
				d := bring(kind)
				defer keepsEnrollment(d, "the last step of the enrollment with the token "+string(kind))
				turnedDown(t, d, o, "an enrollment with a bad token")
			}
			o := t.Lab.Leniency()
			refused(o)
			if t.Lab.Config.Target.TermsOfUse != "" && !o.IgnoreTerms {
				o.IgnoreTerms = true // a server may refuse what the terms told, and not the token
				refused(o)
			}
		})
	}
}

// reflected opens the sign-in page with markup in its parameters.
func reflected(t *T) {
	d := t.Device()
	r := discoveredBy(d)
	if r.AuthPolicy != "Federated" {
		t.NotApplicable("the server answers AuthPolicy %s, so there is no sign-in page", suite.Show(r.AuthPolicy))
	}
	const markup = `"><script>dmwake('x')</script><b a='`
	for _, in := range []struct {
		name string
		page enroll.SignIn
	}{
		{"login_hint", enroll.SignIn{LoginHint: "a" + markup + "@mdm.example"}},
		{"appru", enroll.SignIn{AppRU: enroll.AppRU + "/" + markup}},
	} {
		t.Try("markup in "+in.name, func() {
			in.page.HTTP, in.page.URL = d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP, r.AuthenticationURL
			before := len(d.EnrollExchanges())
			body, status, err := in.page.Open(t.Context())
			made := d.EnrollExchanges()[before:]
			for _, ex := range made {
				t.Keep(d, "the sign-in page with markup in "+in.name, ex)
			}
			switch {
			case err != nil && len(made) == 0:
				t.Blocked(suite.By("ENR-06"), "the sign-in page cannot be opened: %v", err)
			case err != nil:
				t.Fail("an answer from the sign-in page", unanswered(t, err))
			}
			t.Evidence("markup in %s: HTTP status %d", in.name, status)
			t.Check(!bytes.Contains(body, []byte("<script>dmwake(")), "markup passed to the sign-in page is escaped, or rejected", "the page has a script element from "+in.name)
		})
	}
}

// othersName enrolls a device with a CSR that names another device.
func othersName(t *T) {
	a := soundDevice(t)
	b := t.Device()
	defer keepsEnrollment(b, "the last step of the enrollment with a CSR that names another device")
	if err := enrollAs(b, a.Identity().DeviceID); err != nil {
		ours(t, err)
		t.Excused(err)
		var e *enroll.Error
		if errors.As(err, &e) && e.Status == 0 {
			t.Fail("a SOAP fault for a CSR that names another device, or a certificate for the device that enrolls", unanswered(t, err))
		}
		t.Evidence("the CSR was refused: %v", err)
		return
	}
	b.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // the first one is another scenario's
	if s := a.Sync(dmclient.SyncOptions{}); suite.Broken(s) != nil {
		t.Exchanges(s)
		t.Fail("sessions of device A still complete after another device enrolled with a CSR that names A", broke(t, s))
	}
	for _, in := range []struct{ what, source string }{
		{"the Source of device A", a.Identity().DeviceID},
		{"its own Source", b.Identity().DeviceID},
	} {
		t.Try(in.what, func() {
			if in.source != a.Identity().DeviceID && !names(b, a.Identity().DeviceID) {
				t.Evidence("the issued certificate does not name device A")
				return
			}
			turnsAwayFrom(t, a, visitor{who: "device B, with a certificate issued for a CSR that names device A", by: in.what, device: b, managed: true,
				as: dmclient.SyncOptions{Source: in.source}})
		})
	}
}

// names reports whether a device's certificate contains an id, in any of the
// encodings of certificate names.
func names(d *Device, id string) bool { return namesIn(d.Certificate().Certificate[0], id) }

// namesIn is names for the DER of a certificate.
func namesIn(cert []byte, id string) bool {
	var wide []byte // BMPString
	for _, c := range []byte(id) {
		wide = append(wide, 0, c)
	}
	der := bytes.ToLower(cert)
	return bytes.Contains(der, bytes.ToLower([]byte(id))) || bytes.Contains(der, bytes.ToLower(wide))
}

// enrollAs enrolls a device with a CSR that names another device, in both forms
// that servers accept: if both are refused, the form is not the reason.
func enrollAs(d *Device, other string) error {
	o := d.T.Lab.Leniency()
	o.CSRDeviceID = other
	err := d.EnrollWith(o)
	if err != nil && !o.PlainCSR {
		o.PlainCSR = true
		if d.EnrollWith(o) == nil {
			return nil
		}
	}
	return err
}

// keepsEnrollment keeps the last exchange of a device's enrollment as evidence.
func keepsEnrollment(d *Device, what string) {
	if all := d.EnrollExchanges(); len(all) > 0 {
		d.T.Keep(d, what, all[len(all)-1])
	}
}
