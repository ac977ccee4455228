package scenarios

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// requestedIdentities are the ENR scenarios about what a device says of itself, and
// what the server makes of it.
var requestedIdentities = []Scenario{
	{
		ID: "ENR-91", Level: report.Should, Title: "a CSR does not decide what its certificate is good for",
		Rule:    "The server decides which extensions a certificate has. A device that asks for a CA's certificate, for one of a TLS server or for the host name of the server does not get it.",
		Source:  "MS-WSTEP 3.1.4.2.1.1; RFC 5280 4.2.1.9; CWE-295",
		Fix:     "Take only the key out of the CSR, and the extensions from your own template.",
		Mutants: []*mutants.Mutant{mutants.EnrCSRExtensions},
		Run:     asksForMore,
	},
	{
		ID: "ENR-92", Level: report.Should, Title: "two devices with one DeviceName enroll",
		Rule:    "DeviceName is what the user calls a device, and DeviceID what identifies it. Two devices may have the same name.",
		Source:  "MS-MDE2 3.4.4.1.1.1 (DeviceName and DeviceID are two items); seen",
		Fix:     "Do not make the name of a device unique in the database.",
		Mutants: []*mutants.Mutant{mutants.EnrNameTwice},
		Run: func(t *T) {
			first := t.EnrolledOnly()
			second := t.DeviceWith(func(c *dmclient.Config) { c.Identity.Name = first.Identity().Name })
			err := second.EnrollWith(t.Lab.Leniency())
			if err == nil || second.Provisioning() != nil {
				return
			}
			keepLast(second, "the last step of the second enrollment")
			t.Excused(err)
			if other := t.Device().Enroll(); other != nil {
				t.Blocked(suite.By(suite.Enrolls), "a device with another name is refused as well: %v", other)
			}
			t.Fail("a provisioning document for a second device named "+first.Identity().Name, said(err))
		},
	},
}

// askedHost is the host name that the CSR asks for.
const askedHost = "mdm.example"

// serverAuth is the OID of TLS servers, in DER.
var serverAuth = []byte{0x2b, 6, 1, 5, 5, 7, 3, 1}

// asksForMore enrolls with a CSR that asks for extensions. A refusal is as good as
// another certificate.
func asksForMore(t *T) {
	usual := readClient(t.Specimen())
	csr := ambitiousCSR(t)
	err := requested(t, "RST with a CSR that asks for extensions", func(env *etree.Element) {
		requestIn(env).SelectElement("BinarySecurityToken").SetText(base64.StdEncoding.EncodeToString(csr))
	})
	if err != nil {
		t.Evidence("%v", err)
		return
	}
	made := t.Devices()
	c := readClient(made[len(made)-1])
	added := func(id string) bool {
		e := c.extension(id)
		return e != nil && (usual.extension(id) == nil || string(usual.extension(id).value) != string(e.value)) // else ENR-89 judges it
	}
	t.Try("cA", func() {
		if added(basicConstraints) {
			b, err := c.extension(basicConstraints).constraints()
			t.Check(err == nil && !b.CA, "no cA", "cA, as the CSR asks")
		}
	})
	t.Try("keyCertSign", func() {
		t.Check(!added(keyUsage) || !c.extension(keyUsage).allows(keyCertSign), "no keyCertSign", "keyCertSign, as the CSR asks")
	})
	t.Try("serverAuth", func() {
		t.Check(!added(extKeyUsage) || !bytes.Contains(c.extension(extKeyUsage).value, serverAuth), "no serverAuth", "serverAuth, as the CSR asks")
	})
	t.Try("host name", func() {
		t.Check(!added(subjectAltName) || !bytes.Contains(c.extension(subjectAltName).value, []byte(askedHost)), "no subjectAltName "+askedHost, askedHost+", as the CSR asks")
	})
}

// ambitiousCSR asks for all that a device has no use for.
func ambitiousCSR(t *T) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Error("no key could be made: %v", err)
	}
	extension := func(critical bool, value any, id ...int) pkix.Extension {
		der, err := asn1.Marshal(value)
		if err != nil {
			t.Error("no CSR could be made: %v", err)
		}
		return pkix.Extension{Id: id, Critical: critical, Value: der}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: t.Specimen().Identity().DeviceID}, DNSNames: []string{askedHost},
		ExtraExtensions: []pkix.Extension{
			extension(true, struct{ CA bool }{true}, 2, 5, 29, 19),
			extension(true, asn1.BitString{Bytes: []byte{0x84}, BitLength: 6}, 2, 5, 29, 15), // digitalSignature, keyCertSign
			extension(false, []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 1}, {1, 3, 6, 1, 5, 5, 7, 3, 2}}, 2, 5, 29, 37),
		},
	}, key)
	if err != nil {
		t.Error("no CSR could be made: %v", err)
	}
	return csr
}
