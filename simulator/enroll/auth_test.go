package enroll

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
)

func identity(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: "device"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestSignedRequest: a request that a certificate stands for verifies, however
// it is laid out, and does not once anything in it is changed.
func TestSignedRequest(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"RSA": rsaKey, "EC": ecKey} {
		cert := identity(t, key)
		raw, err := (&TokenRequest{To: "https://x", Credential: &Credential{Certificate: cert, Key: key}, CSR: []byte("csr"),
			Context: []ContextItem{{"DeviceID", "DEVICE-ONE"}}}).Write()
		if err != nil {
			t.Fatal(err)
		}
		e, err := ReadEnvelope(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		if e.TokenType != X509v3Token || !bytes.Equal(e.Token, cert) || e.Signature == nil {
			t.Fatalf("%s: security header %q, signature %v", name, e.TokenType, e.Signature)
		}
		if err := e.Signature.Verify(key.Public()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for what, change := range map[string][2]string{
			"the body":       {"DEVICE-ONE", "DEVICE-TWO"},
			"the digest":     {"<ds:DigestValue>", "<ds:DigestValue>AAAA"},
			"the signature":  {"<ds:SignatureValue>", "<ds:SignatureValue>AAAA"},
			"what is signed": {"#envelop", "#other"},
		} {
			changed, err := ReadEnvelope([]byte(strings.Replace(string(raw), change[0], change[1], 1)))
			if err != nil {
				t.Fatal(err)
			}
			if changed.Signature.Verify(key.Public()) == nil {
				t.Errorf("%s: %s was changed, and the signature verifies", name, what)
			}
		}
		if e.Signature.Verify(rsaKey.Public()) == nil && name == "EC" || e.Signature.Verify(ecKey.Public()) == nil && name == "RSA" {
			t.Errorf("%s: it verifies with another's key", name)
		}
	}
	if _, err := (&TokenRequest{Credential: &Credential{Certificate: []byte("x")}}).Write(); err == nil {
		t.Error("a certificate without its key cannot sign")
	}
}

func TestTokenCredential(t *testing.T) {
	raw, err := (&PolicyRequest{To: "https://x", Credential: &Credential{Token: []byte("tok<en")}}).Write()
	if err != nil {
		t.Fatal(err)
	}
	e, err := ReadEnvelope(raw)
	if err != nil || e.HasUsername || string(e.Token) != "tok<en" || e.TokenType != UserToken || e.Signature != nil {
		t.Errorf("%v %+v", err, e.Header)
	}
}

func TestRenewalRequest(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := identity(t, key)
	csr, err := WindowsCSR(key, "BA405A5D-B1C7-4737-81C8-8F379A000000", "D1")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := SignedCSR(csr, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := (&TokenRequest{To: "https://x", Renewal: true, CSR: signed}).Write()
	if err != nil {
		t.Fatal(err)
	}
	e, err := ReadEnvelope(raw)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.TokenRequest()
	if err != nil || !r.Renewal {
		t.Fatalf("%v %+v", err, r)
	}
	p7, err := pkcs7.Parse(r.CSR)
	if err != nil {
		t.Fatal(err)
	}
	if err := p7.Verify(); err != nil || !bytes.Equal(p7.Content, csr) || !bytes.Equal(p7.GetOnlySigner().Raw, cert) {
		t.Errorf("%v: content %d bytes", err, len(p7.Content))
	}
	if _, err := SignedCSR(csr, []byte("no certificate"), key); err == nil {
		t.Error("an invalid old certificate was accepted")
	}
}

// signInServer is an authentication page of two steps with a cookie, behind a
// redirect.
func signInServer(t *testing.T, last func(appru string) string) (*http.Client, string) {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			http.Redirect(w, r, "/user?"+r.URL.RawQuery, http.StatusFound)
		case "/user":
			http.SetCookie(w, &http.Cookie{Name: "appru", Value: r.URL.Query().Get("appru"), Secure: true})
			fmt.Fprintf(w, `<html><body><form method="post" action="pw"><input name="login" type="email" value="%s"><input type="hidden" name="csrf" value="7"></form>`,
				html.EscapeString(r.URL.Query().Get("login_hint")))
		case "/pw":
			if r.PostFormValue("login") == "" || r.PostFormValue("csrf") != "7" {
				http.Error(w, "no", http.StatusBadRequest)
				return
			}
			io := `<form method="post" action="/done"><input type=password name=pass><input type=checkbox name=terms><input type=submit></form>`
			fmt.Fprint(w, io)
		case "/done":
			c, err := r.Cookie("appru")
			if err != nil || r.PostFormValue("terms") != "on" {
				http.Error(w, "no cookie, no agreement", http.StatusBadRequest)
				return
			}
			if r.PostFormValue("pass") != "right" {
				fmt.Fprint(w, `<form method="post" action="/done"><input type=password name=pass></form>`)
				return
			}
			fmt.Fprint(w, last(c.Value))
		}
	}))
	t.Cleanup(srv.Close)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, srv.URL
}

func TestSignIn(t *testing.T) {
	good := func(appru string) string {
		return `<form method="post" action="` + html.EscapeString(appru) + `"><input type="hidden" name="wresult" value="a &amp; b"></form>`
	}
	for name, c := range map[string]struct {
		password string
		last     func(string) string
		token    string
		want     string
	}{
		"good":           {"right", good, "a & b", ""},
		"wrong password": {"wrong", good, "", "0x80180002"},
		"no form":        {"right", func(string) string { return "<p>hello" }, "", "no form"},
		"empty":          {"right", func(a string) string { return `<form method=post action="` + a + `"><input name=wresult></form>` }, "", "wresult is empty"},
		"elsewhere": {"right", func(string) string {
			return `<form method=post action="https://evil.example"><input name=wresult value=x></form>`
		}, "", "expected the form with wresult to POST to appru"},
		"a script":   {"right", func(string) string { return "<div></div><script>render()</script>" }, "", "a script builds the sign-in page"},
		"by GET":     {"right", func(a string) string { return `<form action="` + a + `"><input name=wresult value=x></form>` }, "", "expected the form with wresult to POST to appru"},
		"endless":    {"right", func(string) string { return `<form action="/user" method="get"><input name=login_hint value=x></form>` }, "", "asks for the password again"},
		"plain http": {"right", func(string) string { return `<form action="http://x/" method="get"><input name=a></form>` }, "", "not https"},
	} {
		client, url := signInServer(t, c.last)
		token, err := (&SignIn{HTTP: client, URL: url + "/", LoginHint: "u@x", Username: "u@x", Password: c.password}).Token(context.Background())
		var e *Error
		switch {
		case c.want == "":
			if err != nil || string(token) != c.token {
				t.Errorf("%s: %q, %v", name, token, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &e) || e.Step != StepSignIn:
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := (&SignIn{HTTP: http.DefaultClient, URL: "http://x/"}).Token(context.Background()); err == nil {
		t.Error("a page that is not https must be refused")
	}
}

func TestHResults(t *testing.T) {
	for want, err := range map[string]*Error{
		"0x80180002": {Step: StepToken, Status: 500, Err: &Fault{Subcode: FaultAuthentication}},
		"0x80180013": {Step: StepToken, Status: 500, Err: &Fault{Subcode: "Authorization", ErrorType: "DeviceCapReached"}},
		"0x80180012": {Step: StepDiscover, Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}},
		"0x8018000d": {Step: StepDiscover, Err: &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}},
		"0x80180032": {Step: StepToken, Status: 500, Err: &Fault{Subcode: "Authorization", ErrorType: "CustomServerError"}},
		"0x80190193": {Step: StepReach, Status: 403, Err: errors.New("no")},
		"0x8018001f": {Step: StepInstall, Err: &CodedError{CodeApplication, errors.New("no ADDR")}},
		"0x8018000f": {Step: StepSignIn, Status: 200, Err: errors.New("no form")},
		"0x80180016": {Step: StepRenew, Status: 403, Err: errors.New("no")},
		"0x80180008": {Step: StepToken, Status: 404, Err: errors.New("no")},
		"0x80190194": {Step: StepDiscover, Status: 404, Err: errors.New("no")},
		"":           {Step: StepDiscover, Err: errors.New("no reply")},
	} {
		if got := err.HResult(); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
		if want != "" && strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q must name %s once", err.Error(), want)
		}
	}
}

// TestDiscoveryCodes: what Windows shows if discovery fails is 0x80190000 and
// the HTTP status, also with 200 [seen].
func TestDiscoveryCodes(t *testing.T) {
	fault, err := (&Fault{Code: "Receiver", Subcode: FaultAuthentication, Reason: "no"}).Write("urn:1", "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{400, "no", "0x80190190"},
		{404, "", "0x80190194"},
		{503, "<html/>", "0x801901f7"},
		{200, "<html/>", "0x801900c8"},
		{200, "", "0x801900c8"},
		{200, `<Envelope><Body><Other/></Body></Envelope>`, "0x801900c8"},
		{200, string(fault), "0x801900c8"},
		{500, string(fault), "0x80180002"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		_, err := (&Client{HTTP: srv.Client(), Discovery: srv.URL}).Discover(t.Context())
		srv.Close()
		var e *Error
		if !errors.As(err, &e) || e.HResult() != c.want {
			t.Errorf("status %d, %q: %v, want %s", c.status, c.body, err, c.want)
		}
	}
}

func TestDiscoveryURL(t *testing.T) {
	if u, err := DiscoveryURL("me@contoso.com"); err != nil || u != "https://enterpriseenrollment.contoso.com/EnrollmentServer/Discovery.svc" {
		t.Errorf("%q %v", u, err)
	}
	for _, bad := range []string{"", "me", "me@", "me@x/y", "a@b@c"} {
		if u, err := DiscoveryURL(bad); err == nil {
			t.Errorf("%q gave %q", bad, u)
		}
	}
}

func FuzzReadProvisioning(f *testing.F) {
	f.Add([]byte(`<wap-provisioningdoc version="1.1"><characteristic type="APPLICATION"><parm name="APPID" value="w7"/><characteristic type="APPAUTH"><parm name="AAUTHLEVEL" value="CLIENT"/></characteristic></characteristic></wap-provisioningdoc>`))
	f.Add([]byte(`<wap-provisioningdoc><characteristic type="CertificateStore"><characteristic type="My"><characteristic type="User"><characteristic type="X"><parm name="EncodedCertificate" value="YQ=="/></characteristic></characteristic></characteristic></characteristic></wap-provisioningdoc>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadProvisioning(b)
		if err == nil && p == nil {
			t.Fatal("neither a document nor an error")
		}
	})
}

func FuzzReadCert(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ReadCert(b); err == nil && c.PublicKey == nil {
			t.Fatal("a certificate without a key")
		}
	})
}
