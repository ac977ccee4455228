package enroll

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// signedRequest is a request with a signature over its body.
func signedRequest(t testing.TB) (raw string, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := (&TokenRequest{To: "https://m", CSR: []byte("csr"), Credential: &Credential{Certificate: []byte("certificate"), Key: key}}).Write()
	if err != nil {
		t.Fatal(err)
	}
	return string(b), key
}

// TestSignatureWithComments: the canonical form has no comments, so that a
// signature holds however many stand in the body.
func TestSignatureWithComments(t *testing.T) {
	raw, key := signedRequest(t)
	raw = strings.Replace(raw, "<wst:RequestType>", strings.Repeat("<!-- a --><!---->", 50)+"<wst:RequestType>", 1)
	raw = strings.Replace(raw, "</s:Body>", "<!-- b --></s:Body>", 1)
	e, err := ReadEnvelope([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Signature.Verify(key.Public()); err != nil {
		t.Error(err)
	}
}

// TestSignatureBounds: what would cost the canonical form seconds is refused.
func TestSignatureBounds(t *testing.T) {
	raw, _ := signedRequest(t)
	for name, attr := range map[string]string{"declarations": ` xmlns:n%d="u"`, "attributes": ` n%d="u"`} {
		for n, refused := range map[int]bool{50: false, 101: true} {
			var list strings.Builder
			for i := range n {
				fmt.Fprintf(&list, attr, i)
			}
			_, err := ReadEnvelope([]byte(strings.Replace(raw, "<wst:RequestType", "<wst:RequestType"+list.String(), 1)))
			if (err != nil) != refused {
				t.Errorf("%d %s: %v", n, name, err)
			}
		}
	}
}

// TestProvisioningPaths: long names around many values are refused.
func TestProvisioningPaths(t *testing.T) {
	document := func(name string) []byte {
		return []byte(`<wap-provisioningdoc version="1.1"><characteristic type="DMClient"><characteristic type="Provider"><characteristic type="P">` +
			`<characteristic type="` + name + `"><parm name="a" value="b"/></characteristic></characteristic></characteristic></characteristic></wap-provisioningdoc>`)
	}
	p, err := ReadProvisioning(document(strings.Repeat("x", 1000)))
	if err != nil || len(p.Provider.Nodes) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := ReadProvisioning(document(strings.Repeat("x", 3000))); err == nil || !strings.Contains(err.Error(), "2048 bytes") {
		t.Errorf("a path of 3,000 bytes: %v", err)
	}
}

// hostile are replies that grow with n, in bytes, and readers of them.
var hostile = []struct {
	name string
	make func(n int) string
	read func([]byte) error
}{
	{"envelope: attributes, then elements with two", func(n int) string {
		return `<Envelope><Body` + numbered(n/2, ` a%d=""`) + `/>` + strings.Repeat(`<a b="" c=""/>`, n/2/14) + `</Envelope>`
	}, func(b []byte) error { _, err := ReadEnvelope(b); return err }},
	{"envelope: CDATA pieces", func(n int) string {
		return `<Envelope><Header><Action>` + strings.Repeat("<![CDATA[x]]>", n/13) + `</Action></Header><Body/></Envelope>`
	}, func(b []byte) error { _, err := ReadEnvelope(b); return err }},
	{"envelope: comments in a signed body", func(n int) string {
		return `<Envelope><Header><Security><Signature><SignedInfo/></Signature></Security></Header><Body>` + strings.Repeat("<!---->", n/7) + `</Body></Envelope>`
	}, func(b []byte) error { _, err := ReadEnvelope(b); return err }},
	{"provisioning: values", func(n int) string {
		return `<wap-provisioningdoc><characteristic type="DMClient"><characteristic type="Provider"><characteristic type="P"><characteristic type="` + strings.Repeat("x", 1000) + `">` +
			strings.Repeat(`<parm name="a" value="b"/>`, n/26) + `</characteristic></characteristic></characteristic></characteristic></wap-provisioningdoc>`
	}, func(b []byte) error { _, err := ReadProvisioning(b); return err }},
	{"fault: elements", func(n int) string {
		return `<Envelope><Body><Fault><Code/><Detail>` + strings.Repeat("<a/>", n/4) + `</Detail></Fault></Body></Envelope>`
	}, func(b []byte) error { ReadFault(b); return nil }},
}

func numbered(n int, form string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, form, i)
	}
	return b.String()
}

// TestHostileMemory counts bytes: twice the reply takes twice the memory.
func TestHostileMemory(t *testing.T) {
	for _, h := range hostile {
		taken := func(n int) uint64 {
			b := []byte(h.make(n))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := h.read(b); err != nil {
				t.Fatalf("%s: %v", h.name, err)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		const n = 128 << 10
		if once, twice := taken(n), taken(2*n); twice > 3*once+1<<20 {
			t.Errorf("%s: %d bytes of XML take %d, twice as many %d", h.name, n, once, twice)
		}
	}
}
