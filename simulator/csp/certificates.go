package csp

import (
	"crypto/sha1" //nolint:gosec // the stores name a certificate by its SHA-1
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// decode64 decodes base64 with the line breaks that some servers add.
func decode64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
}

func thumbprint(b []byte) string { return fmt.Sprintf("%X", sha1.Sum(b)) } //nolint:gosec // as above

// storedCertificate adds the handlers of a certificate store: it accepts only
// certificates, and describes them.
func storedCertificate(on map[string]Handler, at string) {
	read := func(f func(*x509.Certificate) string) Handler {
		return Handler{Read: func(c *Call) string {
			der, err := decode64(c.Value("EncodedCertificate"))
			if err != nil {
				return ""
			}
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return "" // a subject that Go cannot parse, like Windows' own
			}
			return f(cert)
		}}
	}
	on[at+"/EncodedCertificate"] = Handler{Write: func(c *Call, v string) int {
		der, err := decode64(v)
		var outer asn1.RawValue
		if err != nil || len(der) == 0 {
			return 500
		}
		if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || outer.Tag != asn1.TagSequence {
			return 500 // not a certificate [model]
		}
		c.Host.Effect(Effect{Kind: EffectInstall, Detail: "certificate " + thumbprint(der), At: c.Host.Now()})
		return 200
	}}
	on[at+"/IssuedBy"] = read(func(c *x509.Certificate) string { return c.Issuer.CommonName })
	on[at+"/IssuedTo"] = read(func(c *x509.Certificate) string { return c.Subject.CommonName })
	on[at+"/ValidFrom"] = read(func(c *x509.Certificate) string { return c.NotBefore.UTC().Format(time.RFC3339) })
	on[at+"/ValidTo"] = read(func(c *x509.Certificate) string { return c.NotAfter.UTC().Format(time.RFC3339) })
}

func rootCATrustedCertificates() CSP {
	on := map[string]Handler{}
	for _, store := range []string{"Root", "CA", "TrustedPublisher", "TrustedPeople", "UntrustedCertificates", "OemEsim"} {
		storedCertificate(on, store+"/{CertHash}")
	}
	return CSP{Name: "RootCATrustedCertificates", Version: "1.1", Newer: []Release{{Build: 22000, Version: "1.2"}}, lists: bothScopes, tree: "rootca.tree", on: on}
}

func certificateStore() CSP {
	on := map[string]Handler{
		"MY/SCEP/{UniqueID}/Install/Enroll": {Run: scepEnroll("CertificateStore", "HashAlgrithm")},
		// The renewal happens after the session (MS-MDE2 3.5: ROBO).
		// "valid values are 1 - 1000 AND =< RenewalPeriod, otherwise it will result in
		// errors" (DDF); the code is a model.
		"MY/WSTEP/Renew/RetryInterval": {Write: func(c *Call, v string) int {
			retry, _ := strconv.Atoi(strings.TrimSpace(v))
			if retry > c.number("RenewPeriod", 42) {
				return 500
			}
			return 200
		}},
		// "If the server sets this node value to be false or delete this node for federated
		// enrolled device, the configuration will fail with OMA DM error code 405" (DDF).
		"MY/WSTEP/Renew/ROBOSupport": {Locked: func(c *Call) bool {
			return c.Verb == Delete && c.Host.Fact("Federated") == "true"
		}, Write: func(c *Call, v string) int {
			if !Truth(v) && c.Host.Fact("Federated") == "true" {
				return 405
			}
			return 200
		}},
		"MY/WSTEP/Renew/RenewNow": {Run: func(c *Call, _ string) int {
			c.Host.Effect(Effect{Kind: EffectRenew, At: c.Host.Now()})
			return 202
		}},
	}
	for _, store := range []string{"ROOT", "ROOT/System", "CA", "CA/System", "MY/User", "MY/System"} {
		storedCertificate(on, store+"/{CertHash}")
	}
	return CSP{Name: "CertificateStore", Version: "1.0", tree: "certificatestore.tree", on: on, finish: scepDone("CertThumbPrint")}
}
