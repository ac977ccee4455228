package mutants

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"html"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of the enrollment services: discovery, policies, certificates.
var (
	EnrGet404 = &Mutant{"enr-get-404", "answers the GET of enrollment services with 404", func(t *tamper) {
		hook.Before(t, "", func(x *hook.Exchange) int {
			if x.Method == http.MethodGet && strings.HasSuffix(x.URL.Path, ".svc") {
				return http.StatusNotFound
			}
			return 0
		})
	}}
	EnrChunked = &Mutant{"enr-chunked", "sends enrollment replies chunked, without Content-Length", func(t *tamper) {
		hook.AfterSOAP(t, func(x *hook.Exchange) { x.Length = hook.Chunked })
	}}
	EnrPoliciesPanic = &Mutant{"enr-policies-panic", "crashes on GetPolicies", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.PolicyPath, func(x *hook.Exchange) {
			if x.Status == http.StatusOK {
				panic("mutant enr-policies-panic")
			}
		})
	}}
	EnrRelatesTo = &Mutant{"enr-relates-to", "writes a constant RelatesTo", func(t *tamper) {
		hook.Respell(t, `(<a:RelatesTo>)[^<]*`, "${1}urn:uuid:00000000-0000-0000-0000-000000000000")
	}}
	EnrURLRelative = &Mutant{"enr-url-relative", "advertises relative service URLs", func(t *tamper) {
		hook.Respell(t, `(ServiceUrl>)https?://[^/<]*`, "${1}")
	}}
	EnrURLPlain = &Mutant{"enr-url-plain", "advertises its services without TLS", func(t *tamper) {
		hook.Respell(t, `(ServiceUrl>)https:`, "${1}http:")
	}}
	EnrPolicyUnoffered = &Mutant{"enr-policy-unoffered", "answers with an AuthPolicy that the device did not offer", func(t *tamper) {
		hook.Respell(t, `(<AuthPolicy>)[^<]*`, "${1}Kerberos")
	}}
	EnrNoAuthURL = &Mutant{"enr-no-auth-url", "leaves AuthenticationServiceUrl out", func(t *tamper) {
		hook.Respell(t, `<AuthenticationServiceUrl>[^<]*</AuthenticationServiceUrl>`, "")
	}}
	EnrPoliciesUnbound = &Mutant{"enr-policies-unbound", "uses an unbound prefix in GetPoliciesResponse", func(t *tamper) {
		hook.Respell(t, `<policyFriendlyName `, `<policyFriendlyName xx:y="" `)
	}}
	EnrPolicySchema = &Mutant{"enr-policy-schema", "writes policySchema 2", func(t *tamper) {
		hook.Respell(t, `<policySchema>3<`, "<policySchema>2<")
	}}
	EnrOIDDangling = &Mutant{"enr-oid-dangling", "refers to a hash algorithm that it does not list", func(t *tamper) {
		hook.Respell(t, `<oIDReferenceID>0<`, "<oIDReferenceID>7<")
	}}
	EnrPoliciesNone = &Mutant{"enr-policies-none", "answers GetPolicies without a policy", func(t *tamper) {
		hook.Respell(t, `<policies>.*</policies>`, "<policies/>")
	}}
	EnrKeyLength = &Mutant{"enr-key-length", "asks for keys of 1024 bits", func(t *tamper) {
		hook.Respell(t, `(<minimalKeyLength>)[^<]*`, "${1}1024")
	}}
	EnrActionShort = &Mutant{"enr-action-short", "writes the SOAP Action without its namespace", func(t *tamper) {
		hook.Respell(t, `(<a:Action[^>]*>)[^<]*/([^<]*)`, "$1$2")
	}}
	EnrActivityConstant = &Mutant{"enr-activity-constant", "gives every reply the same ActivityId", func(t *tamper) {
		hook.Respell(t, `(<ActivityId CorrelationId=")[^"]*("[^>]*>)[^<]*`, "${1}0${2}d9eb2fdd-e38a-46ee-bd93-aea9dc86a3b8")
	}}
	EnrTimestampOld = &Mutant{"enr-timestamp-old", "stamps its replies with a time years ago", func(t *tamper) {
		hook.Respell(t, `(<u:(?:Created|Expires)>)\d{4}`, "${1}2014")
	}}
	EnrSOAPPanic = &Mutant{"enr-soap-panic", "crashes on malformed SOAP", func(t *tamper) {
		reads(t, func(body []byte) bool {
			_, err := enroll.ReadEnvelope(body)
			return err != nil
		})
	}}
	EnrSOAPStrict = &Mutant{"enr-soap-strict", "reads SOAP by its first bytes", func(t *tamper) {
		reads(t, func(body []byte) bool { return !bytes.HasPrefix(body, []byte("<s:Envelope")) })
	}}
	EnrHelp404 = &Mutant{"enr-help-404", "names a help page that does not exist", func(t *tamper) {
		hook.Before(t, mdmserver.HelpPath, func(*hook.Exchange) int { return http.StatusNotFound })
	}}
	EnrAppruFixed = &Mutant{"enr-appru-fixed", "returns every sign-in to the same address", func(t *tamper) {
		action := regexp.MustCompile(`action="[^"]*"`)
		hook.After(t, http.MethodPost, mdmserver.SignInPath, func(x *hook.Exchange) {
			x.Reply = action.ReplaceAll(x.Reply, []byte(`action="ms-app://another.app"`))
		})
	}}

	EnrPasswordPanic = &Mutant{"enr-password-panic", "crashes on a wrong password", func(t *tamper) {
		onPassword(t, func(x *mdmserver.Enrollment) {
			if x.Envelope.HasUsername && x.Fault != nil {
				panic("mutant enr-password-panic")
			}
		})
	}}
	EnrPasswordAny = &Mutant{"enr-password-any", "accepts any password", func(t *tamper) {
		onPassword(t, func(x *mdmserver.Enrollment) {
			if x.Envelope.HasUsername {
				x.Fault = nil
			}
		})
	}}
	EnrTokenOptional = &Mutant{"enr-token-optional", "accepts requests without a security token", func(t *tamper) {
		onPassword(t, func(x *mdmserver.Enrollment) {
			if !x.Envelope.HasUsername {
				x.Fault = nil
			}
		})
	}}
	EnrPolicyLies = &Mutant{"enr-policy-lies", "advertises OnPremise and refuses UsernameToken", func(t *tamper) {
		onPassword(t, func(x *mdmserver.Enrollment) {
			if x.Envelope.HasUsername && x.Envelope.BodyName() == "RequestSecurityToken" {
				x.Fault = &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "a BinarySecurityToken is required"}
			}
		})
	}}

	EnrStrictCSR = &Mutant{"enr-strict-csr", "refuses a CSR that a strict parser refuses", func(t *tamper) {
		onRequest(t, func(c *mdmserver.Certification) error {
			_, err := x509.ParseCertificateRequest(c.CSR)
			return err
		})
	}}
	EnrSHA1Only = &Mutant{"enr-sha1-only", "refuses a CSR with SHA-256", func(t *tamper) {
		onRequest(t, func(c *mdmserver.Certification) error {
			return when(bytes.Contains(c.CSR, sha256WithRSA), "signature algorithm")
		})
	}}
	EnrAgainRefused = &Mutant{"enr-again-refused", "refuses a device that it knows", func(t *tamper) {
		onRequest(t, func(c *mdmserver.Certification) error { return when(c.Known, "the device is enrolled already") })
	}}
	EnrAnyKey = &Mutant{"enr-any-key", "accepts keys of any length", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			if errors.Is(c.Refusal, mdmserver.ErrShortKey) {
				c.Refusal = nil
			}
		})
	}}
	EnrNoEKU = &Mutant{"enr-no-eku", "certifies for anything but client authentication", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			c.Template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		})
	}}
	EnrSerialConstant = &Mutant{"enr-serial-constant", "gives every certificate the same serial number", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.SerialNumber = big.NewInt(1) })
	}}
	EnrWrongKey = &Mutant{"enr-wrong-key", "certifies another key than the CSR's", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				c.Refusal = err
				return
			}
			c.Key = key.Public()
		})
	}}
	EnrCAExpired = &Mutant{"enr-ca-expired", "has a CA whose certificate expired", func(t *tamper) {
		t.Certify = append(t.Certify, func(c *mdmserver.Certification) {
			if c.Template.IsCA {
				c.Template.NotAfter = time.Now().Add(-time.Minute)
			}
		})
	}}
	SecCSR = &Mutant{"sec-csr", "certifies the name that the CSR asks for", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			c.Template.Subject.CommonName = commonName(c.CSR, c.Template.Subject.CommonName)
		})
	}}
	SecName = &Mutant{"sec-name", "fails at a quote in a device's name", func(t *tamper) {
		onRequest(t, func(c *mdmserver.Certification) error {
			return when(strings.Contains(c.Request.Item("DeviceName"), "'"), "SQL: unrecognized token")
		})
	}}
	EnrActionBare = &Mutant{"enr-action-bare", "writes the Action of a reply to RST in no namespace", func(t *tamper) {
		action := regexp.MustCompile(`<a:Action[^>]*>([^<]*)</a:Action>`)
		hook.After(t, http.MethodPost, mdmserver.EnrollmentPath, func(x *hook.Exchange) {
			x.Reply = action.ReplaceAll(x.Reply, []byte("<Action>$1</Action>"))
		})
	}}
	EnrRelatesRaw = &Mutant{"enr-relates-raw", "writes MessageID into its replies as text that is not escaped", func(t *tamper) {
		hook.AfterSOAP(t, func(x *hook.Exchange) { x.Reply = relatesTo.ReplaceAllFunc(x.Reply, unescaped) })
	}}
	EnrRelatesRawRST = &Mutant{"enr-relates-raw-rst", "writes MessageID into its replies to RST as text that is not escaped", func(t *tamper) {
		hook.AfterSOAP(t, func(x *hook.Exchange) {
			if x.URL.Path == mdmserver.EnrollmentPath {
				x.Reply = relatesTo.ReplaceAllFunc(x.Reply, unescaped)
			}
		})
	}}
	EnrPasswordEmpty = &Mutant{"enr-password-empty", "accepts a user without a password", func(t *tamper) {
		onPassword(t, func(x *mdmserver.Enrollment) {
			if x.Envelope.HasUsername && x.Envelope.Password == "" {
				x.Fault = nil
			}
		})
	}}
	EnrTokenAny = &Mutant{"enr-token-any", "accepts any token where it asks for a password", func(t *tamper) {
		onPassword(t, func(x *mdmserver.Enrollment) {
			if x.Envelope.Token != nil {
				x.Fault = nil
			}
		})
	}}
	EnrKeyLong = &Mutant{"enr-key-long", "asks for keys of 4096 bits and certifies shorter ones", func(t *tamper) {
		hook.Respell(t, `(<minimalKeyLength>)[^<]*`, "${1}4096")
	}}
	EnrCSRExtensions = &Mutant{"enr-csr-extensions", "issues certificates with the extensions that the CSR asks for", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			if asked, err := x509.ParseCertificateRequest(c.CSR); err == nil {
				c.Template.ExtraExtensions = append(c.Template.ExtraExtensions, asked.Extensions...)
			}
		})
	}}
)

var enrollment = []*Mutant{
	EnrGet404, EnrChunked, EnrPoliciesPanic, EnrRelatesTo, EnrURLRelative, EnrURLPlain, EnrPolicyUnoffered, EnrNoAuthURL, EnrPoliciesUnbound, EnrPolicySchema,
	EnrOIDDangling, EnrPoliciesNone, EnrKeyLength, EnrActionShort, EnrActivityConstant, EnrTimestampOld, EnrSOAPPanic, EnrSOAPStrict, EnrHelp404,
	EnrAppruFixed, EnrPasswordPanic, EnrPasswordAny, EnrTokenOptional, EnrPolicyLies, EnrStrictCSR, EnrSHA1Only, EnrAgainRefused,
	EnrAnyKey, EnrNoEKU, EnrSerialConstant, EnrWrongKey, EnrCAExpired,
	EnrActionBare, EnrRelatesRaw, EnrRelatesRawRST, EnrPasswordEmpty, EnrTokenAny, EnrKeyLong, EnrCSRExtensions,
}

var relatesTo = regexp.MustCompile(`<a:RelatesTo>[^<]*`)

// unescaped is text without the escapes of XML.
func unescaped(text []byte) []byte { return []byte(html.UnescapeString(string(text))) }

// sha256WithRSA is the OID of the signature algorithm, in DER.
var sha256WithRSA = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}

// reads crashes the server at enrollment messages that f picks.
func reads(t *tamper, f func(body []byte) bool) {
	hook.Before(t, "", func(x *hook.Exchange) int {
		if x.Method == http.MethodPost && strings.HasSuffix(x.URL.Path, ".svc") && x.URL.Path != mdmserver.ManagementPath && f(x.In) {
			panic("mutant of enrollment")
		}
		return 0
	})
}

// onPassword lets f decide where devices enroll with a password.
func onPassword(t *tamper, f func(*mdmserver.Enrollment)) {
	t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
		if x.Config.AuthPolicy == mdmserver.OnPremise && !x.Renewal {
			f(x)
		}
	})
}

// certify lets f change the certificates of devices.
func certify(t *tamper, f func(*mdmserver.Certification)) {
	t.Certify = append(t.Certify, func(c *mdmserver.Certification) {
		if !c.Template.IsCA {
			f(c)
		}
	})
}

// onRequest lets f refuse a first certificate.
func onRequest(t *tamper, f func(*mdmserver.Certification) error) {
	certify(t, func(c *mdmserver.Certification) {
		if c.Refusal == nil && !c.Request.Renewal {
			c.Refusal = f(c)
		}
	})
}

func when(is bool, text string) error {
	if !is {
		return nil
	}
	return errors.New(text)
}

// commonName is the name that a request asks for, or id if it cannot be read.
func commonName(csr []byte, id string) string {
	oid, err := asn1.Marshal(asn1.ObjectIdentifier{2, 5, 4, 3})
	if err != nil {
		return id
	}
	_, rest, ok := bytes.Cut(csr, oid)
	if !ok {
		return id
	}
	var v asn1.RawValue
	if _, err := asn1.Unmarshal(rest, &v); err != nil {
		return id
	}
	name := strings.TrimRight(string(v.Bytes), "\x00")
	if i := strings.IndexByte(name, '!'); i >= 0 {
		name = name[i+1:]
	}
	return name
}
