package enroll

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
)

func TestRepliesRoundTrip(t *testing.T) {
	read := func(b []byte, err error) *Envelope {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		e, err := ReadEnvelope(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if e.RelatesTo != "urn:uuid:1" {
			t.Errorf("RelatesTo %q in\n%s", e.RelatesTo, b)
		}
		return e
	}
	d := &DiscoverResponse{AuthPolicy: "Federated", EnrollmentVersion: "4.0", PolicyURL: "https://a/?x=1&y=2", EnrollmentURL: "https://b", AuthenticationURL: "https://c"}
	got, err := read(d.Write("urn:uuid:1", "act")).DiscoverResponse()
	if err != nil || *got != *d {
		t.Errorf("Discover: %+v, %v", got, err)
	}
	p := &PolicyResponse{Policies: 1, MinimalKeyLength: 2048, HashOID: "1.2.3", ValiditySeconds: 7, RenewalSeconds: 3, Schema: "3", HashReference: "0", HashGroup: "1"}
	gotP, err := read(p.Write("urn:uuid:1", "act")).PolicyResponse()
	if err != nil || *gotP != *p {
		t.Errorf("GetPolicies: %+v, %v", gotP, err)
	}
	none, err := read((&PolicyResponse{None: true}).Write("urn:uuid:1", "act")).PolicyResponse()
	if err != nil || none.Policies != 0 {
		t.Errorf("GetPolicies without a policy: %+v, %v", none, err)
	}
	tok := &TokenResponse{Provisioning: []byte("<wap-provisioningdoc/>")}
	gotT, err := read(tok.Write("urn:uuid:1", "act")).TokenResponse()
	if err != nil || string(gotT.Provisioning) != string(tok.Provisioning) {
		t.Errorf("RST: %+v, %v", gotT, err)
	}
	f := &Fault{Code: "Receiver", Subcode: FaultAuthentication, Reason: "no & never", ErrorType: "X", Message: "no & never", TraceID: "act"}
	gotF := read(f.Write("urn:uuid:1", "act")).Fault()
	if gotF == nil || *gotF != *f {
		t.Errorf("Fault: %+v", gotF)
	}
	if f.HResult() != "0x80180002" {
		t.Errorf("Windows shows %s", f.HResult())
	}
}

// TestReadIsTolerant: a device goes on where Windows was seen to.
func TestReadIsTolerant(t *testing.T) {
	const odd = `<?xml version="1.0"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">
  <s:Header><q:RelatesTo> urn:1 </q:RelatesTo></s:Header>
  <s:Body><GetPoliciesResponse><response><policies><policy><attributes><zz:privateKeyAttributes><minimalKeyLength>1024</minimalKeyLength></zz:privateKeyAttributes></attributes></policy></policies></response></GetPoliciesResponse></s:Body>
</s:Envelope>`
	e, err := ReadEnvelope([]byte(odd))
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.PolicyResponse()
	if err != nil || e.RelatesTo != "urn:1" || p.MinimalKeyLength != 1024 {
		t.Errorf("%+v %+v %v", e.Header, p, err)
	}
	for _, bad := range []string{"", "x", "<a/>", "<Envelope/>", strings.Repeat(" ", MaxMessage+1)} {
		if _, err := ReadEnvelope([]byte(bad)); !errors.Is(err, ErrNotSOAP) {
			t.Errorf("ReadEnvelope(%.10q): %v", bad, err)
		}
	}
	if _, err := e.TokenResponse(); err == nil {
		t.Error("a policy reply was read as a token reply")
	}
}

// TestReadCertTakesTheWindowsSubject: a server may copy the subject that Go's
// x509 refuses; the key and the signature can be checked all the same.
func TestReadCertTakesTheWindowsSubject(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	// A PrintableString with "!", as Windows writes it.
	subject := []byte{0x30, 0x0e, 0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 0x03, 'a', '!', 0}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(0x1234), RawSubject: subject}, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(leaf); err == nil {
		t.Error("Go parses it now: ReadCert may not be needed any more")
	}
	c, err := ReadCert(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if c.SerialNumber != "1234" || !key.PublicKey.Equal(c.PublicKey) {
		t.Errorf("%+v", c)
	}
	if err := c.SignedBy(root); err != nil {
		t.Errorf("signature: %v", err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := x509.CreateCertificate(rand.Reader, ca, ca, other.Public(), other)
	if err != nil {
		t.Fatal(err)
	}
	root2, err := x509.ParseCertificate(stranger)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SignedBy(root2); err == nil {
		t.Error("another CA's key verifies the signature")
	}
}

// TestRefused tells wrong credentials from everything else that goes wrong.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want bool
	}{
		{Error{Status: 500, Err: &Fault{Subcode: FaultAuthentication}}, true},
		{Error{Status: 500, Err: &Fault{Subcode: FaultCertificate}}, false},
		{Error{Status: 401, Err: errors.New("no fault")}, true},
		{Error{Status: 403, Err: errors.New("no fault")}, true},
		{Error{Status: 404, Err: errors.New("no fault")}, false},
		{Error{Err: errors.New("no reply")}, false},
	} {
		if got := c.e.Refused(); got != c.want {
			t.Errorf("%d %v: %v", c.e.Status, c.e.Err, got)
		}
	}
}

func TestWindowsCSR(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := WindowsCSR(key, "BA405A5D-B1C7-4737-81C8-8F379A2C4D11", "1E08C6E95D8BB843B1278FF45BC60CC6")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificateRequest(der); err == nil {
		t.Error("a strict parser takes it: it is not the Windows form")
	}
	if _, err := WindowsCSR(key, "short", "x"); err == nil {
		t.Error("a short GUID must be refused")
	}
	plain, err := PlainCSR(key, "D")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificateRequest(plain); err != nil {
		t.Errorf("the plain CSR: %v", err)
	}
}

func TestReadProvisioning(t *testing.T) {
	cert := base64.StdEncoding.EncodeToString([]byte("client"))
	doc := `<?xml version="1.0"?><wap-provisioningdoc version="1.1">
 <characteristic type="certificatestore"><characteristic type="Root"><characteristic type="System"><characteristic type="AA"><parm name="EncodedCertificate" value="cm9v
 dA=="/></characteristic></characteristic></characteristic>
 <characteristic type="My"><characteristic type="System"><characteristic type="BB"><parm name="EncodedCertificate" value="` + cert + `"/></characteristic></characteristic></characteristic></characteristic>
 <characteristic type="APPLICATION"><parm name="appid" value="w7"/><parm name="PROVIDER-ID" value="P 1"/><parm name="ADDR" value="https://x"/>
  <characteristic type="APPAUTH"><parm name="AAUTHLEVEL" value="CLIENT"/><parm name="AAUTHTYPE" value="DIGEST"/></characteristic></characteristic>
 <characteristic type="DMClient"><characteristic type="Provider"><characteristic type="P 1"><parm name="EntDMID" value="e" datatype="string"/>
  <characteristic type="Poll"><parm name="NumberOfFirstRetries" value="8"/></characteristic></characteristic></characteristic></characteristic>
</wap-provisioningdoc>`
	p, err := ReadProvisioning([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if p.Version != "1.1" || len(p.Roots) != 1 || string(p.Roots[0]) != "root" || string(p.ClientCert) != "client" || p.Store != "System" {
		t.Errorf("store: %+v", p)
	}
	if p.App.AppID != "w7" || p.App.ProviderID != "P 1" || len(p.App.Auth) != 1 || p.App.Auth[0].Type != "DIGEST" {
		t.Errorf("application: %+v", p.App)
	}
	if p.Provider.ID != "P 1" || p.Provider.Node("entdmid") != "e" || p.Provider.Node("Poll/NumberOfFirstRetries") != "8" {
		t.Errorf("provider: %+v", p.Provider)
	}
	for _, bad := range []string{"", "x", "<other/>", strings.Replace(doc, cert, "!!", 1)} {
		if _, err := ReadProvisioning([]byte(bad)); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}

func FuzzReadEnvelope(f *testing.F) {
	b, err := (&PolicyRequest{To: "x", Credential: &Credential{Username: "u", Password: "p"}}).Write()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("<Envelope><Body><Fault/></Body></Envelope>"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		e, err := ReadEnvelope(b)
		if err != nil {
			return
		}
		e.Fault()
		e.BodyName()
		e.DiscoverRequest()
		e.DiscoverResponse()
		e.PolicyResponse()
		e.TokenRequest()
		e.TokenResponse()
	})
}
