package dmclient_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

func TestFederated(t *testing.T) {
	r := newRig(t, func(c *mdmserver.Config) { c.AuthPolicy = mdmserver.Federated })
	d := r.enrolled(nil)
	if d.Discovered().AuthenticationURL == "" || d.ChannelURI() == "" {
		t.Error("not by the page")
	}
	wrong := r.device(func(c *dmclient.Config) { c.Password = "no" })
	var e *enroll.Error
	if err := wrong.Enroll(r.ctx(), dmclient.EnrollOptions{}); !errors.As(err, &e) || !e.Refused() || e.Step != enroll.StepSignIn {
		t.Errorf("a wrong password: %v", err)
	}
	made := r.device(nil)
	if err := made.Enroll(r.ctx(), dmclient.EnrollOptions{Credential: &enroll.Credential{Token: []byte("made up")}}); !errors.As(err, &e) || !e.Refused() {
		t.Errorf("a token that was made up: %v", err)
	}
}

// TestEntra: the token of the device's own directory enrolls it, and none of
// the bad kinds does.
func TestEntra(t *testing.T) {
	var idp *entra.Provider
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { idp.ServeHTTP(w, r) }))
	t.Cleanup(keys.Close)
	idp, err := entra.New(entra.Config{BaseURL: keys.URL})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *mdmserver.Config) {
		c.AuthPolicy = mdmserver.Federated
		c.Entra = &mdmserver.Entra{Tenant: idp.Tenant(), Issuer: idp.Issuer(), Audience: idp.Audience(), KeysURL: idp.KeysURL()}
	})
	with := func(kind entra.Kind) func(*dmclient.Config) {
		return func(c *dmclient.Config) {
			c.EntraToken = func(context.Context) (string, error) { return idp.Issue(kind, entra.Who{UPN: c.Username}) }
		}
	}
	d := r.enrolled(with(entra.Good))
	if a := d.Sessions()[0].Sent[0].Body[2]; a.Code() != syncml.AlertClientEvent || a.Items[0].Meta.Type != "com.microsoft/MDM/AADUserToken" {
		t.Errorf("package 1 does not show the user's token: %+v", a)
	}
	for _, kind := range entra.BadKinds() {
		var e *enroll.Error
		if err := r.device(with(kind)).Enroll(r.ctx(), dmclient.EnrollOptions{}); !errors.As(err, &e) || !e.Refused() {
			t.Errorf("the %s token: %v", kind, err)
		}
	}
}

// authority issues certificates that may enroll.
func authority(t *testing.T) (*x509.CertPool, func(notAfter time.Time) tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "enrollers"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return pool, func(notAfter time.Time) tls.Certificate {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "enroller"}, NotBefore: time.Now().Add(-47 * time.Hour), NotAfter: notAfter}
		der, err := x509.CreateCertificate(rand.Reader, leaf, root, k.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
	}
}

func TestByCertificate(t *testing.T) {
	roots, issue := authority(t)
	_, stranger := authority(t)
	r := newRig(t, func(c *mdmserver.Config) { c.AuthPolicy, c.EnrollRoots = mdmserver.Certificate, roots })
	good, old, other := issue(time.Now().Add(time.Hour)), issue(time.Now().Add(-time.Hour)), stranger(time.Now().Add(time.Hour))
	d := r.enrolled(func(c *dmclient.Config) { c.EnrollCert = &good })
	if ex := d.EnrollExchanges()[1]; !strings.Contains(string(ex.Request), "<AuthPolicy>Certificate</AuthPolicy>") {
		t.Errorf("offered in Discover: %s", ex.Request)
	}
	for name, cert := range map[string]*tls.Certificate{"expired": &old, "another issuer's": &other} {
		var e *enroll.Error
		if err := r.device(func(c *dmclient.Config) { c.EnrollCert = cert }).Enroll(r.ctx(), dmclient.EnrollOptions{}); !errors.As(err, &e) || !e.Refused() {
			t.Errorf("a certificate that is %s: %v", name, err)
		}
	}
	if err := r.device(nil).Enroll(r.ctx(), dmclient.EnrollOptions{}); err == nil || !strings.Contains(err.Error(), "NotSupported") {
		t.Errorf("a device without one: %v", err)
	}
	r = newRig(t, func(c *mdmserver.Config) {
		c.AuthPolicy, c.EnrollRoots = mdmserver.Certificate, roots
		mutants.EnrOfferIgnored.Break(&c.Tamper)
	})
	if err := r.device(nil).Enroll(r.ctx(), dmclient.EnrollOptions{}); err == nil || !strings.Contains(err.Error(), "EnrollCert") || !strings.Contains(err.Error(), "Windows shows 0x80180028") {
		t.Errorf("a device without one, at a server that ignores what it offers: %v", err)
	}
}

// TestRenewal: a new certificate for the old one, by the server's command, by
// the schedule, and not for one that has expired.
func TestRenewal(t *testing.T) {
	r := newRig(t, nil)
	clock := dmclient.NewVirtualClock(time.Now())
	d := r.enrolled(func(c *dmclient.Config) { c.Clock, c.WNS = clock, nil })
	old := string(d.Certificate().Certificate[0])
	if err := d.Renew(r.ctx()); err != nil {
		t.Fatal(err)
	}
	if string(d.Certificate().Certificate[0]) == old {
		t.Error("the certificate is the old one")
	}
	// A renewal takes the steps of an enrollment (Learn, "CertificateStore CSP",
	// ServerURL), with the old certificate.
	exs := d.EnrollExchanges()
	if n := len(exs); !strings.Contains(string(exs[n-2].Request), "/Discover<") || !strings.Contains(string(exs[n-1].Request), "/Renew<") || !exs[n-1].AskedForCertificate {
		t.Errorf("the renewal sent %s and %s", exs[n-2].Request, exs[n-1].Request)
	}
	r.sync(d)
	// 1 in progress, 2 succeeded, 3 failed (DDF of CertificateStore, MS-MDE2 2.2.9.2).
	status := func(want string) {
		t.Helper()
		if v, _ := d.Tree().Get("./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/Status"); v != want {
			t.Errorf("Renew/Status is %s, want %s", v, want)
		}
	}
	status("2")
	r.queue(d, syncml.Exec, "./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RenewNow", "", "")
	r.sync(d)
	status("1")
	due, _ := d.Next()
	old = string(d.Certificate().Certificate[0])
	if due.What != "certificate" {
		t.Fatalf("after RenewNow next is %+v", due)
	}
	if _, err := d.Act(r.ctx(), due); err != nil || string(d.Certificate().Certificate[0]) == old {
		t.Errorf("renewed by command: %v", err)
	}

	// 60 days before it expires, says the reference server.
	d.Tree().Provision(dmclient.ProviderURI(d.Provider())+"/Poll/IntervalForFirstSetOfRetries", "1000000")
	due, _ = d.Next()
	if left := 365*24*time.Hour - due.At.Sub(clock.Now()); due.What != "certificate" || left < 59*24*time.Hour || left > 61*24*time.Hour {
		t.Errorf("next is %s with %s left", due.What, left)
	}
	r.server.Close()
	r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "no", http.StatusForbidden)
		return true
	}
	if _, err := d.Act(r.ctx(), due); err == nil {
		t.Error("a refused renewal went well")
	}
	status("3")
	clock.Advance(400 * 24 * time.Hour)
	if err := d.Renew(r.ctx()); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("renewing an expired certificate: %v", err)
	}
}

// TestForgedRenewal: the reference server renews only what it issued, for who
// holds it.
func TestForgedRenewal(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.enrolled(nil), r.enrolled(nil)
	csr, err := a.CSR(false)
	if err != nil {
		t.Fatal(err)
	}
	own := b.Certificate()
	key, ok := own.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("no EC key")
	}
	signed, err := enroll.SignedCSR(csr, own.Certificate[0], key)
	if err != nil {
		t.Fatal(err)
	}
	c := a.EnrollmentClient(dmclient.EnrollOptions{NoCredential: true})
	if _, err := c.Renew(r.ctx(), a.Discovered().EnrollmentURL, signed, nil); err == nil {
		t.Error("renewed without a client certificate")
	}
}

// TestRenewalElsewhere: Renew/ServerURL names another discovery service; a device
// that was adopted renews at the enrollment service that it was told.
func TestRenewalElsewhere(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(func(c *dmclient.Config) { c.WNS = nil })
	at := d.Discovered().EnrollmentURL
	asked := func(d *dmclient.Device) string {
		exs := d.EnrollExchanges()
		return exs[len(exs)-1].URL
	}
	d.Tree().Provision("./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ServerURL", "https://127.0.0.1:1/Discovery.svc")
	if err := d.Renew(r.ctx()); err == nil || asked(d) != "https://127.0.0.1:1/Discovery.svc" {
		t.Errorf("with a ServerURL it asked %s: %v", asked(d), err)
	}
	own := d.Certificate()
	adopted := r.device(func(c *dmclient.Config) { c.Identity, c.Discovery, c.Username, c.WNS = d.Identity(), "", "", nil })
	of := dmclient.Provisioned{ServerURL: d.Address(), ProviderID: d.Provider(), Certificate: own.Certificate[0], Key: own.PrivateKey.(crypto.Signer)}
	for _, of.EnrollmentURL = range []string{"", at} {
		if err := adopted.Adopt(of); err != nil {
			t.Fatal(err)
		}
		err := adopted.Renew(r.ctx())
		if of.EnrollmentURL == "" && (err == nil || !strings.Contains(err.Error(), "no URL")) || of.EnrollmentURL != "" && (err != nil || asked(adopted) != at) {
			t.Errorf("adopted, with %q: %v", of.EnrollmentURL, err)
		}
	}
}

func TestReenrollAndAdopt(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	d.Tree().Provision("./Vendor/MSFT/VPNv2/Work/NativeProfile/Servers", "x")
	old := d.ChannelURI()
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{Again: true}); err != nil {
		t.Fatal(err)
	}
	if d.ChannelURI() != "" || len(d.Inventory().VPNs) != 0 {
		t.Error("something of the old enrollment is left")
	}
	if r.sync(d); d.ChannelURI() == "" || d.ChannelURI() == old {
		t.Errorf("the channel is %q", d.ChannelURI())
	}

	adopted := r.device(func(c *dmclient.Config) { c.Identity, c.Discovery, c.Username = d.Identity(), "", "" })
	if err := adopted.AdoptTLS(d.Address(), d.Provider(), *d.Certificate()); err != nil {
		t.Fatal(err)
	}
	r.queue(adopted, syncml.Get, "./DevInfo/Lang", "", "")
	if r.sync(adopted); r.result(adopted) != "done 200 en-US" {
		t.Error(r.result(adopted))
	}
	for _, p := range []dmclient.Provisioned{{}, {ServerURL: "https://x"}, {ServerURL: "http://x", ProviderID: "p"},
		{ServerURL: "https://x", ProviderID: "p", Certificate: []byte("x"), Key: d.Certificate().PrivateKey.(*ecdsa.PrivateKey)}} {
		if err := adopted.Adopt(p); err == nil || !strings.HasPrefix(err.Error(), "adopt the device: ") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// TestDeviceEnrollmentAndQuirks: the other enrollment type, and 25H2's refusal
// of an account without a nonce.
func TestDeviceEnrollmentAndQuirks(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(func(c *dmclient.Config) { c.EnrollmentType = "Device" })
	if v, _ := d.Tree().Get(dmclient.ProviderURI(d.Provider()) + "/EnrollmentType"); v != "Device" {
		t.Errorf("EnrollmentType %s", v)
	}
	if last := d.EnrollExchanges()[3]; !strings.Contains(string(last.Request), `Name="EnrollmentType"><ac:Value>Device<`) {
		t.Errorf("the RST says %s", last.Request)
	}
	if _, err := dmclient.New(dmclient.Config{EnrollmentType: "Half"}); err == nil {
		t.Error("an unknown enrollment type must be refused")
	}
	for name, want := range map[string]string{"AAUTHDATA": "0x80070057", "ADDR": "0x8018001f", "EncodedCertificate": "0x8018001e", "wap-provisioningdoc": "0x80180019"} {
		strip := func(raw []byte) []byte { return []byte(strings.ReplaceAll(string(raw), name, "X"+name)) }
		r.intercept = func(w http.ResponseWriter, req *http.Request) bool {
			if !strings.HasSuffix(req.URL.Path, "Enrollment.svc") {
				return false
			}
			rec := httptest.NewRecorder()
			r.server.ServeHTTP(rec, req)
			e, err := enroll.ReadEnvelope(rec.Body.Bytes())
			if err != nil {
				t.Error(err)
				return true
			}
			reply, err := e.TokenResponse()
			if err != nil {
				t.Error(err)
				return true
			}
			out, err := (&enroll.TokenResponse{Provisioning: strip(reply.Provisioning)}).Write(e.RelatesTo, "a")
			if err != nil {
				t.Error(err)
			}
			w.Write(out)
			return true
		}
		err := r.device(func(c *dmclient.Config) { c.Profile = dmclient.Win11v25H2() }).Enroll(r.ctx(), dmclient.EnrollOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v, want %s", name, err, want)
		}
	}
}

// TestIdentityIsDrawn: a device whose Config names none has an identity of its
// own, and its server knows it by that.
func TestIdentityIsDrawn(t *testing.T) {
	var ids []string
	for range 2 {
		d, err := dmclient.New(dmclient.Config{Discovery: "https://mdm.example/d"})
		if err != nil {
			t.Fatal(err)
		}
		id := d.Identity()
		if len(id.DeviceID) != 32 || len(id.HWDevID) != 64 || id.GUID == "" || id.Name == "" {
			t.Errorf("%+v", id)
		}
		ids = append(ids, id.DeviceID)
	}
	if ids[0] == ids[1] {
		t.Error("two devices have one identity")
	}
	named := dmclient.Identity{DeviceID: "D"}
	d, err := dmclient.New(dmclient.Config{Discovery: "https://mdm.example/d", Identity: named})
	if err != nil || d.Identity().DeviceID != "D" || d.Identity().HWDevID != "" {
		t.Errorf("%+v, %v: what is named stays", d.Identity(), err)
	}
}

// TestTPMInPolicies: with its quirk a device tells of its TPM in GetPolicies, after
// preferredLanguage, and otherwise does not.
func TestTPMInPolicies(t *testing.T) {
	r := newRig(t, nil)
	for quirk, want := range map[string]int{"tpm-policies": 1, "-tpm-policies": 0} {
		d := r.enrolled(func(c *dmclient.Config) { c.Quirks = []string{quirk} })
		got := 0
		for _, ex := range d.EnrollExchanges() {
			got += strings.Count(string(ex.Request), `<preferredLanguage xsi:nil="true"/><TPMManufacturer>INTC</TPMManufacturer><TPMFirmwareVersion>`)
		}
		if got != want {
			t.Errorf("%s: the TPM is told in %d messages, want %d", quirk, got, want)
		}
	}
}
