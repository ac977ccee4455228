package mdmserver

import (
	"bytes"
	"crypto/tls"
	"encoding/asn1"
	"regexp"
	"strings"
	"time"
)

// soapMutants is where a mutant fails at an enrollment message; err is what
// reading it gave.
func (s *Server) soapMutants(raw []byte, err error) {
	if s.is("enr-soap-panic") && err != nil || s.is("enr-soap-strict") && !bytes.HasPrefix(raw, []byte("<s:Envelope")) {
		panic("mutant of enrollment")
	}
}

var (
	soapAction   = regexp.MustCompile(`(<a:Action[^>]*>)[^<]*/([^<]*)`)
	soapActivity = regexp.MustCompile(`(<ActivityId CorrelationId=")[^"]*("[^>]*>)[^<]*`)
	soapPolicies = regexp.MustCompile(`<policies>.*</policies>`)
)

// spoiltSOAP is an enrollment reply as a mutant writes it.
func (s *Server) spoiltSOAP(body []byte) []byte {
	swap := func(mutant, old, by string) {
		if s.is(mutant) {
			body = bytes.ReplaceAll(body, []byte(old), []byte(by))
		}
	}
	swap("enr-policies-unbound", "<policyFriendlyName ", "<policyFriendlyName xx:y=\"\" ")
	swap("enr-policy-schema", "<policySchema>3<", "<policySchema>2<")
	swap("enr-oid-dangling", "<oIDReferenceID>0<", "<oIDReferenceID>7<")
	if s.is("enr-policies-none") {
		body = soapPolicies.ReplaceAll(body, []byte("<policies/>"))
	}
	if s.is("enr-action-short") {
		body = soapAction.ReplaceAll(body, []byte("$1$2"))
	}
	if s.is("enr-activity-constant") {
		body = soapActivity.ReplaceAll(body, []byte("${1}0${2}d9eb2fdd-e38a-46ee-bd93-aea9dc86a3b8"))
	}
	return body
}

// stamp is the time of a reply.
func (s *Server) stamp() time.Time {
	if s.is("enr-timestamp-old") {
		return time.Date(2014, 6, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Now()
}

// commonName is what a request asks to be called, or the DeviceID where it
// cannot be read.
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

// TLS is the configuration that the server's listener should have, made from
// one that has its certificate.
func (s *Server) TLS(cfg *tls.Config) *tls.Config {
	cfg.ClientAuth = tls.RequestClientCert
	if s.is("sec-tls") {
		cfg.MinVersion = tls.VersionTLS10
	}
	if s.is("sec-rc4") {
		for _, c := range tls.CipherSuites() {
			cfg.CipherSuites = append(cfg.CipherSuites, c.ID)
		}
		cfg.CipherSuites = append(cfg.CipherSuites, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA)
	}
	return cfg
}

// shortest is the length of the shortest key that is certified, in bits.
func (s *Server) shortest() int {
	if s.is("enr-any-key") {
		return 0
	}
	return minKeyBits
}
