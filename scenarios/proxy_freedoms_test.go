package scenarios

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// proxyFreedoms are what proxies and servers may do: nothing fails.
var proxyFreedoms = []struct {
	name string
	proxy
}{
	{"nothing", proxy{}},
	// HTTP
	{"HTTP/1.0", proxy{wire: wire("HTTP/1.0 %d OK", strings.ToUpper)}},
	{"headers in lower case, no reason", proxy{wire: wire("HTTP/1.1 %d ", strings.ToLower)}},
	{"early hints", proxy{wire: wire("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 %d OK", strings.ToLower)}},
	{"a parameter with quotes", edit(header("Content-Type", `Application/SOAP+xml; charset="UTF-8"; action="reply"`))},
	{"headers of its own", edit(func(x *relayed) {
		for _, h := range []string{"Via", "Server", "X-Cache", "Set-Cookie", "Strict-Transport-Security", "Alt-Svc"} {
			x.Header.Set(h, "example=1")
		}
	})},
	{"discovery moved by a slash, 301", proxy{answer: moved(http.StatusMovedPermanently)}},
	{"discovery moved by a slash, 302", proxy{answer: moved(http.StatusFound)}},
	{"discovery moved by a slash, 307", proxy{answer: moved(http.StatusTemporaryRedirect)}},
	{"discovery moved by a slash, 308", proxy{answer: moved(http.StatusPermanentRedirect)}},
	// XML
	{"a byte order mark", edit(func(x *relayed) { prefixed(x, "\xef\xbb\xbf") })},
	{"a byte order mark in the document", edit(document(func(raw []byte) []byte { return append([]byte("\xef\xbb\xbf"), raw...) }))},
	{"a declaration, comments and white space around", edit(func(x *relayed) {
		prefixed(x, "<?xml version='1.0' encoding='utf-8' standalone='yes'?>\r\n<!-- a comment -->\r\n<?target data?>\r\n")
		if x.isSOAP() {
			x.body = append(x.body, "\r\n<!-- the end -->\r\n"...)
		}
	})},
	{"quotes of the other kind", edit(matched(`="([^"'<]*)"`, `='$1'`))},
	{"quotes of the other kind in the document", edit(inDocument(`="([^"'<]*)"`, `='$1'`))},
	{"references to characters", edit(inDocument(`=(")`, "=$1", `%`, "&#37;", `https://`, "http&#x73;://"))},
	{"attributes of parameters in another order", edit(inDocument(`<parm (name="[^"]*") (value="[^"]*")`, "<parm $2 $1"))},
	{"CDATA", edit(matched(`(<(?:AuthPolicy|EnrollmentServiceUrl|policySchema|minimalKeyLength|TokenType)>)([^<]*)`, "$1<![CDATA[$2]]>"))},
	{"CDATA of the token", edit(matched(`(<[a-z:]*BinarySecurityToken[^>]*>)([^<]*)`, "$1<![CDATA[$2]]>"))},
	{"comments within text", edit(matched(`(<(?:AuthPolicy|EnrollmentServiceUrl|policySchema|minimalKeyLength)>)([^<])`, "$1<!-- here -->$2"))},
	{"a comment before the token", edit(matched(`(<[a-z:]*BinarySecurityToken[^>]*>)([^<]*)`, "$1<!-- the document -->$2"))},
	{"xml:lang and xml:space", edit(matched(`(<(?:GetPoliciesResponse|DiscoverResponse|RequestSecurityTokenResponse) )`, `${1}xml:lang="en-US" xml:space="preserve" `))},
	{"white space around values", edit(matched(`(<(?:AuthPolicy|Enrollment\w+|policySchema|minimalKeyLength|TokenType)>)([^<]*)(</)`, "$1\r\n   $2\r\n   $3"))},
	{"white space in the header", edit(matched(`(<a:(?:Action|RelatesTo)[^>]*>)([^<]*)(</)`, "$1\n      $2\n    $3"))}, // as MS-MDE 4.1.2
	{"the header in another order", edit(soap(func(doc *etree.Document) {
		h := doc.FindElement("/Envelope/Header")
		slices.Reverse(h.Child)
	}))},
	{"two kinds of relationship", edit(matched(`(<a:RelatesTo)([^<]*</a:RelatesTo>)`,
		`${1} RelationshipType="urn:example:other">urn:uuid:00000000-0000-0000-0000-000000000000</a:RelatesTo>${1} RelationshipType="http://www.w3.org/2005/08/addressing/reply"$2`))},
	{"the token in lines", edit(soap(func(doc *etree.Document) {
		if token := doc.FindElement("//RequestedSecurityToken/BinarySecurityToken"); token != nil {
			token.SetText("\r\n" + regexp.MustCompile(`.{76}`).ReplaceAllString(token.Text(), "$0\r\n") + "\r\n")
		}
	}))},
	{"a prefix before the attributes of the token", edit(matched(` (ValueType|EncodingType)=`, ` wsse:$1=`, `<BinarySecurityToken `, `<BinarySecurityToken xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" `))},
	// Discover, policy
	{"a version without a point", edit(matched(`<EnrollmentVersion>4.0<`, `<EnrollmentVersion> 4 <`))},
	{"a policy without attestation", edit(matched(`</attributes>`, `<AttestationFailureBehavior xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/></attributes>`))},
	// document
	{"criteria as in MS-MDE 3.6", edit(inDocument(`%3D`, "%3d", `Stores=My`, "Stores=MY"))},
	{"criteria in another order, of two stores", edit(inDocument(`(Subject=[^&]*)&amp;(Stores=[^"&]*)`, "$2%EF%80%80My%5CSystem&amp;$1"))},
	{"criteria with quotes", edit(inDocument(`CN%3D([^"&]*)&`, "CN%3D%22$1%22&"))},
	{"a thumbprint in lower case", edit(thumbprint(strings.ToLower))},
	{"two CertificateStores, as in MS-MDE2 2.2.9.1", edit(inDocument(`(</characteristic>)(<characteristic type="My">)`, `$1</characteristic><characteristic type="CertificateStore">$2`))},
	{"no AAUTHTYPE", edit(inDocument(`<parm name="AAUTHTYPE" value="DIGEST"/>`, ""))},
	{"no nonce beside a password, as in MS-MDE2 2.2.9.1", proxy{more: "ENR-34", edit: inDocument(
		`<parm name="AAUTHTYPE" value="DIGEST"/>(<parm name="AAUTHNAME"[^>]*><parm name="AAUTHSECRET"[^>]*>)<parm name="AAUTHDATA"[^>]*>`, `<parm name="AAUTHTYPE" value="BASIC"/>$1`)}},
	{"a renewed certificate alone", proxy{more: "ENR-21", edit: renewed(func(root *etree.Element) { remove(root.FindElement("characteristic[@type='APPLICATION']")) })}},
	{"a renewed certificate with the settings of renewal", proxy{more: "ENR-21", edit: renewed(func(root *etree.Element) {
		renew := root.FindElement(".//characteristic[@type='My']").CreateElement("characteristic")
		renew.CreateAttr("type", "WSTEP")
		renew = renew.CreateElement("characteristic")
		renew.CreateAttr("type", "Renew")
		p := renew.CreateElement("parm")
		p.CreateAttr("name", "ROBOSupport")
		p.CreateAttr("value", "true")
		p.CreateAttr("datatype", "boolean")
	})}},
	// certificates
	{"a CA with Ed25519", proxy{server: caKey(func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err })}},
	{"a CA with P-521", proxy{server: caKey(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) })}},
	{"a CA with RSA", proxy{server: caKey(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })}},
	{"a CA with RSA-PSS", proxy{server: func(c *mdmserver.Config) {
		caKey(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })(c)
		c.Tamper.Certify = append(c.Tamper.Certify, func(c *mdmserver.Certification) { c.Template.SignatureAlgorithm = x509.SHA256WithRSAPSS })
	}}},
	{"serial numbers of 20 bytes", proxy{server: certified(func(c *x509.Certificate) {
		c.SerialNumber = new(big.Int).Add(c.SerialNumber, new(big.Int).Lsh(big.NewInt(1), 158))
	})}},
	{"further extensions, and a critical extKeyUsage", proxy{server: certified(func(c *x509.Certificate) {
		c.ExtKeyUsage = nil
		c.ExtraExtensions = []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 2}},
			{Id: asn1.ObjectIdentifier{1, 2, 840, 113556, 5, 6}, Value: []byte("example")},
		}
	})}},
	{"a subject of several attributes", proxy{server: certified(func(c *x509.Certificate) {
		c.Subject.Organization, c.Subject.Country = []string{`Contoso, "Ltd" + Söhne`}, []string{"DE"}
	})}},
	{"a wresult that is not signed as a whole", proxy{server: func(c *mdmserver.Config) { c.AuthPolicy = mdmserver.Federated }, more: "ENR-06 ENR-44 ENR-45", edit: wrapped, answer: unwrapped}},
	{"a user who is locked after five wrong passwords in a row", proxy{server: locksOut, more: "ENR-18 ENR-29 ENR-48 ENR-59 ENR-60 ENR-61"}},
}

// TestProxyFreedoms: a proxy, or a server, that differs where the documents leave
// freedom breaks no rule.
func TestProxyFreedoms(t *testing.T) {
	t.Parallel()
	for _, c := range proxyFreedoms {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			judged(t, c.start(t), c.more, nil)
		})
	}
}

// wire writes replies with a status line and headers of its own form.
func wire(line string, form func(string) string) func(io.Writer, int, http.Header, []byte) {
	return func(to io.Writer, status int, h http.Header, body []byte) {
		out := fmt.Sprintf(line+"\r\n", status)
		for name, values := range h {
			out += form(name) + ": " + values[0] + "\r\n"
		}
		io.WriteString(to, out+form("Connection")+": close\r\n\r\n"+string(body))
	}
}

// moved redirects discovery to its path with a slash, and serves it there.
func moved(status int) func(http.ResponseWriter, *http.Request, string) bool {
	return func(w http.ResponseWriter, r *http.Request, _ string) bool {
		switch r.URL.Path {
		case mdmserver.DiscoveryPath:
			http.Redirect(w, r, mdmserver.DiscoveryPath+"/", status)
			return true
		case mdmserver.DiscoveryPath + "/":
			r.URL.Path = mdmserver.DiscoveryPath
		}
		return false
	}
}

func prefixed(x *relayed, text string) {
	if x.isSOAP() {
		x.body = append([]byte(text), x.body...)
	}
}

// matched changes the replies of the enrollment services: each pattern by the text
// after it.
func matched(pairs ...string) func(*relayed) {
	return func(x *relayed) {
		if x.isSOAP() {
			x.body = respelt(x.body, pairs...)
		}
	}
}

// inDocument changes the provisioning document: each pattern by the text after it.
func inDocument(pairs ...string) func(*relayed) {
	return document(func(raw []byte) []byte { return respelt(raw, pairs...) })
}

func respelt(b []byte, pairs ...string) []byte {
	for i := 0; i < len(pairs); i += 2 {
		b = regexp.MustCompile(pairs[i]).ReplaceAll(b, []byte(pairs[i+1]))
	}
	return b
}

// renewed changes the document in the reply to a renewal.
func renewed(f func(root *etree.Element)) func(*relayed) {
	return written(func(root *etree.Element) {
		if parm(root, "ADDR") == nil {
			f(root)
		}
	})
}

func caKey(f func() (crypto.Signer, error)) func(*mdmserver.Config) {
	return func(c *mdmserver.Config) { c.CAKey = f }
}

// certified changes the certificates of devices.
func certified(f func(*x509.Certificate)) func(*mdmserver.Config) {
	return func(c *mdmserver.Config) {
		c.Tamper.Certify = append(c.Tamper.Certify, func(c *mdmserver.Certification) {
			if c.Request != nil {
				f(c.Template)
			}
		})
	}
}

// locksOut has the server refuse a user for good after five wrong passwords without a
// right one between.
func locksOut(c *mdmserver.Config) {
	var mu sync.Mutex
	wrong := 0
	c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := hook.Read(r)
			mu.Lock()
			locked := wrong >= 5
			switch e, err := enroll.ReadEnvelope(x.In); {
			case locked || err != nil || !e.HasUsername:
			case e.Password == "p":
				wrong = 0
			default:
				wrong++
			}
			mu.Unlock()
			if locked {
				http.Error(w, "locked", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}

// wrapped puts the token of the sign-in page into a document of which the server looks
// at a part only, as at the signed part of a SAML response.
func wrapped(x *relayed) {
	x.body = respelt(x.body, `name="wresult" value="([^"]+)"`, `name="wresult" value="&lt;r&gt;&lt;a&gt;$1&lt;/a&gt;&lt;note&gt;`+strings.Repeat("0", 60)+`&lt;/note&gt;&lt;/r&gt;"`)
}

// unwrapped gives the server the token that it issued.
func unwrapped(_ http.ResponseWriter, r *http.Request, sent string) bool {
	token := regexp.MustCompile(`(<(?:\w+:)?BinarySecurityToken[^>]*>)\s*([^<]*?)\s*(</(?:\w+:)?BinarySecurityToken>)`)
	if at := token.FindStringSubmatchIndex(sent); at != nil {
		raw, err := base64.StdEncoding.DecodeString(sent[at[4]:at[5]])
		if in := regexp.MustCompile(`^<r><a>([^<]*)</a><note>[^<]*</note></r>$`).FindSubmatch(raw); err == nil && in != nil {
			sent = sent[:at[4]] + base64Of(in[1]) + sent[at[5]:]
		}
	}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(sent)), int64(len(sent))
	return false
}
