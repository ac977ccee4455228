package scenarios

import (
	"crypto"
	"crypto/tls"
	"time"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// signedRequests are the ENR scenarios about AuthPolicy Certificate, where a
// device signs its requests.
var signedRequests = []Scenario{
	{
		ID: "ENR-68", Level: report.Must, On: "certificate", Title: "Certificate: only a signed RST by a trusted certificate enrolls",
		Rule:    "With AuthPolicy Certificate, the enrollment service verifies the XML signature of the RST with the certificate in it, and that it trusts this certificate for enrollment.",
		Source:  "MS-MDE2 3.4.4.1.1.1.2, 1.5; MS-WSTEP 3.1.4.2; Learn, \"Certificate authentication device enrollment\"",
		Fix:     "Verify the digest of the Body and the value of the ds:Signature with the certificate's key, and the certificate with the CAs that may enroll devices.",
		Mutants: []*mutants.Mutant{mutants.EnrSignedAny, mutants.EnrSignedByAnyone, mutants.EnrSignedIssued},
		Run: func(t *T) {
			known, own := signedDevice(t)
			var issued *tls.Certificate
			stranger, err := forge(known, ofItself)
			if err == nil {
				issued, err = forge(known, ofItsNamesake)
			}
			if err != nil {
				t.Error("no certificate could be made: %v", err)
			}
			t.Try("an RST that was changed after it was signed", func() {
				d := t.DeviceWith(func(c *dmclient.Config) {
					c.EditRST = editor(func(env *etree.Element) { addItem(env, "ExampleFact", "42") })
				})
				defer keepsEnrollment(d, "the changed RST")
				turnedDown(t, d, t.Lab.Leniency(), "an RST that was changed after it was signed")
			})
			for _, in := range []struct {
				what string
				by   *enroll.Credential
			}{
				{"a signature by another key", &enroll.Credential{Certificate: own.Certificate[0], Key: keyOf(t, stranger)}},
				{"a certificate of another CA", &enroll.Credential{Certificate: issued.Certificate[0], Key: keyOf(t, issued)}},
				{"a certificate that nobody trusts", &enroll.Credential{Certificate: stranger.Certificate[0], Key: keyOf(t, stranger)}},
			} {
				t.Try(in.what, func() {
					err := tokenWith(caller(t), "RST with "+in.what, dmclient.EnrollOptions{Credential: in.by}, known.Discovered())
					notServed(t, err, "an RST with "+in.what)
				})
			}
		},
	},
	{
		ID: "ENR-69", Level: report.Should, On: "certificate", Title: "Certificate: an old RST is refused",
		Rule:    "With AuthPolicy Certificate, an RST has a timestamp. Once it has expired, the RST enrolls no device any more.",
		Source:  "MS-MDE2 3.4.4.1.1.1.2; WS-Security 1.1 section 10",
		Fix:     "Compare Expires of the timestamp with the time of the server, with a few minutes of tolerance.",
		Mutants: []*mutants.Mutant{mutants.EnrSignedLongAgo},
		Run: func(t *T) {
			known, own := signedDevice(t)
			yesterday := func() time.Time { return time.Now().Add(-24 * time.Hour) }
			old := &enroll.Credential{Certificate: own.Certificate[0], Key: keyOf(t, own), Now: yesterday}
			err := tokenWith(caller(t), "RST of yesterday", dmclient.EnrollOptions{Credential: old}, known.Discovered())
			notServed(t, err, "an RST of yesterday")
		},
	},
}

// signedDevice returns a device that enrolled with a certificate, and the
// certificate.
func signedDevice(t *T) (*Device, *tls.Certificate) {
	d := t.Specimen()
	if r := discoveredBy(d); r.AuthPolicy != "Certificate" {
		t.NotApplicable("the server answers AuthPolicy %s", suite.Show(r.AuthPolicy))
	}
	t.OneDevice("it needs devices of its own")
	exchangeOf(d, enroll.StepToken)
	if d.Device.Certificate() == nil {
		t.Blocked(suite.By(suite.Enrolls), "no device could be enrolled: %v", d.EnrollError())
	}
	cfg, err := t.Lab.DeviceConfig()
	if err != nil || cfg.EnrollCert == nil {
		t.Error("the certificate for enrollment cannot be read: %v", err)
	}
	return d, cfg.EnrollCert
}

func keyOf(t *T, c *tls.Certificate) crypto.Signer {
	key, ok := c.PrivateKey.(crypto.Signer)
	if !ok {
		t.Error("a key of type %T cannot sign", c.PrivateKey)
	}
	return key
}
