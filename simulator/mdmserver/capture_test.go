package mdmserver

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

func capture(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "captures", name))
	if err != nil {
		t.Skipf("NOT RUN: the captures of a real device are not beside this checkout: %v", err)
	}
	return string(b)
}

// TestAcceptsCaptures: what a real device sent is answered as it should be.
func TestAcceptsCaptures(t *testing.T) {
	s, err := New(Config{BaseURL: "https://mdmwindows.com", Username: "demo@mdmwindows.com", Password: "demo", PFN: "a.b_t6e9vsyjkrw9w"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	// The private key of the captured certificate request is not known, so the
	// certificate that was issued for it is put where TLS would put it.
	send := func(path, body string, cert *x509.Certificate) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.TLS = &tls.ConnectionState{}
		if cert != nil {
			r.TLS.PeerCertificates = []*x509.Certificate{cert}
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s answered %d: %s", path, w.Code, w.Body)
		}
		return w
	}
	soap := func(path, body string) *enroll.Envelope {
		e, err := enroll.ReadEnvelope(send(path, body, nil).Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if _, err := soap(DiscoveryPath, capture(t, "win10-19043-01-discover.xml")).DiscoverResponse(); err != nil {
		t.Error(err)
	}
	if _, err := soap(PolicyPath, capture(t, "win10-19043-02-getpolicies.xml")).PolicyResponse(); err != nil {
		t.Error(err)
	}
	rst := capture(t, "win10-19043-03-rst.xml")
	certOf := func(body string) *x509.Certificate {
		r, err := soap(EnrollmentPath, body).TokenResponse()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := enroll.ReadProvisioning(r.Provisioning)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(doc.ClientCert)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	cert := certOf(rst)
	// The device of the second log enrolled in the same way; only its DeviceID
	// is known.
	const other = "B5B954E81FBCB94EB79BD08BE625F4EE"
	cert2 := certOf(strings.Replace(rst, "<ac:Value>1E08C6E95D8BB843B1278FF45BC60CC6<", "<ac:Value>"+other+"<", 1))
	for _, c := range []struct {
		name    string
		cert    *x509.Certificate
		answers int // Statuses that the reply must have
	}{
		{"win10-19043-04-package1.xml", cert, 4}, {"win10-19043-05-package3.xml", cert, 1}, {"win10-19043-06-unenroll.xml", cert2, 5},
	} {
		m, err := syncml.Read(send(ManagementPath+"?mode=Maintenance&Platform=WoA", capture(t, c.name), c.cert).Body.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		n := 0
		for _, k := range m.Body {
			if k.Verb == syncml.Status && k.Code() == syncml.OK {
				n++
			}
		}
		if n != c.answers {
			t.Errorf("%s is answered with %d successful Statuses, want %d", c.name, n, c.answers)
		}
	}
	if s.devices[other].Active {
		t.Error("the device is active after its user disconnected it")
	}
}
