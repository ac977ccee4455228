package enroll

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"
)

// TestProvisioningPlaces: documents differ on where CAs and the address stand.
func TestProvisioningPlaces(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(ca bool) []byte {
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "name"}, NotAfter: time.Now().Add(time.Hour), IsCA: ca, BasicConstraintsValid: ca}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	in := func(of string, der []byte) string {
		return fmt.Sprintf(`<characteristic type="%s"><parm name="EncodedCertificate" value="%s"/></characteristic>`, of, base64.StdEncoding.EncodeToString(der))
	}
	ca, client := issue(true), issue(false)
	const twice = `<wap-provisioningdoc version="1.1"><characteristic type="CertificateStore"><characteristic type="My"><characteristic type="User">%s</characteristic></characteristic>` +
		`<characteristic type="My"><characteristic type="WSTEP"><characteristic type="Renew"><parm name="RenewPeriod" value="41" datatype="integer"/></characteristic></characteristic></characteristic></characteristic></wap-provisioningdoc>`
	if p, err := ReadProvisioning([]byte(fmt.Sprintf(twice, in("1", client)))); err != nil || !slices.Equal(p.ClientCert, client) || len(p.Renew) != 1 || p.Renew[0].Value != "41" {
		t.Errorf("two characteristics My: %+v, %v", p, err)
	}
	for name, mine := range map[string]string{"the CA first": in("1", ca) + in("2", client), "the CA last": in("2", client) + in("1", ca)} {
		p, err := ReadProvisioning([]byte(`<wap-provisioningdoc version="1.1"><characteristic type="CertificateStore"><characteristic type="My"><characteristic type="User">` + mine +
			`</characteristic></characteristic></characteristic><characteristic type="RootCATrustedCertificates"><characteristic type="Root">` + in("1", ca) +
			`</characteristic></characteristic><characteristic type="APPLICATION"><parm name="APPID" value="w7"/><characteristic type="APPADDR"><parm name="ADDR" value="https://m"/>` +
			`</characteristic></characteristic></wap-provisioningdoc>`))
		if err != nil || !slices.Equal(p.ClientCert, client) || len(p.Roots) != 1 || !slices.Equal(p.Roots[0], ca) || len(p.Stored) != 3 || p.App.Addr != "https://m" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}
