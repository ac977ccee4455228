package dmclient_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// offering is a reference server with that EnrollmentVersion; policy is written
// behind the attributes of its policy.
func offering(t *testing.T, enrollmentVersion, policy string) *rig {
	t.Helper()
	return newRig(t, func(c *mdmserver.Config) {
		hook.Respell(&c.Tamper, `<EnrollmentVersion>[^<]*`, "<EnrollmentVersion>"+enrollmentVersion)
		hook.Respell(&c.Tamper, `</attributes>`, policy+"</attributes>")
	})
}

// requested enrolls a device and reads its RST.
func requested(t *testing.T, r *rig, d *dmclient.Device) *enroll.TokenRequest {
	t.Helper()
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	exs := d.EnrollExchanges()
	e, err := enroll.ReadEnvelope(exs[len(exs)-1].Request)
	if err != nil {
		t.Fatal(err)
	}
	rst, err := e.TokenRequest()
	if err != nil {
		t.Fatal(err)
	}
	return rst
}

// names of the items, a run of MACs as MAC*13.
func names(items []enroll.ContextItem) string {
	var out []string
	for i := 0; i < len(items); {
		n := i
		for n < len(items) && items[n].Name == items[i].Name {
			n++
		}
		name := items[i].Name
		if n-i > 1 {
			name = fmt.Sprintf("%s*%d", name, n-i)
		}
		out, i = append(out, name), n
	}
	return strings.Join(out, " ")
}

const (
	full = "UXInitiated HWDevID Locale TargetedUserLoggedIn OSEdition DeviceName MAC DeviceID EnrollmentType DeviceType OSVersion ApplicationVersion NotInOobe"
	// captures/README.md, 26200.9278.
	full25H2 = "UXInitiated HWDevID Locale TargetedUserLoggedIn OSEdition DeviceName MAC*13 DeviceID EnrollmentType DeviceType OSVersion ApplicationVersion NotInOobe Manufacturer DeviceModel SerialNumber"
	// MS-MDE2 appendix B, <31> and <32>.
	before10 = "UXInitiated TargetedUserLoggedIn OSEdition DeviceName MAC DeviceID EnrollmentType DeviceType OSVersion ApplicationVersion"
	azure    = "<azureAttestation><nonce>n1</nonce><relyingPartyId>rp</relyingPartyId><endpointUri>https://maa.example</endpointUri></azureAttestation>"
)

// TestContext: the items of the RST by profile and by what the server offers
// (captures/README.md; MS-MDE2 appendix B; MODERN.md section D).
func TestContext(t *testing.T) {
	for _, c := range []struct {
		profile          string
		offered, policy  string
		kind             dmclient.Attestation
		want, rst, words string
	}{
		{"wp81", "3.0", "", "", before10, "", ""},
		{"win81", "3.0", "", "", before10, "", ""},
		{"win10-1511", "5.0", "", "", before10, "", ""},
		{"win10-22h2", "4.0", "", "", full, "", ""},
		{"win10-22h2", "5.0", "", "", "AIKPub AIKAttestationClaim " + full + " RequestVersion", "5.0", ""},
		{"win10-22h2", "9.0", azure, "", "AIKPub AIKAttestationClaim " + full + " RequestVersion", "5.0", ""},
		{"win11", "4.0", "", "", full, "", ""},
		{"win11", "5.0", "", dmclient.AttestNone, full + " RequestVersion", "5.0", ""},
		{"win11", "6.0", azure, "", "AzureAttestationBlob " + full + " RequestVersion", "6.0", ""},
		{"win11", "9.0", "", "", full + " RequestVersion", "6.0", ""},
		{"win11-25h2", "3.0", "", "", full25H2 + " RequestVersion AttestationStatus AttestationStatusHResult", "9.0", "No AIK algorithms provided"},
		{"win11-25h2", "5.0", "", "", "AIKPub AIKAttestationClaim " + full25H2 + " RequestVersion", "5.0", ""},
		{"win11-25h2", "7.0", azure, "", "AzureAttestationBlob " + full25H2 + " RequestVersion", "7.0", ""},
		{"win11-25h2", "7.0", azure, dmclient.AttestNone, full25H2 + " RequestVersion AttestationStatus AttestationStatusHResult", "7.0", "NoAttestation"},
		{"win11-25h2", "8.0", "", "", full25H2 + " RequestVersion AttestationStatus AttestationStatusHResult", "8.0", "NoAttestation"},
		{"win11-25h2", "9.0", azure, "", full25H2 + " RequestVersion AttestationStatus AttestationStatusHResult", "9.0", "Status=AttestationResultNoAttestation;"},
	} {
		t.Run(c.profile+" "+c.offered+" "+string(c.kind), func(t *testing.T) {
			t.Parallel()
			p, err := dmclient.ProfileByName(c.profile)
			if err != nil {
				t.Fatal(err)
			}
			r := offering(t, c.offered, c.policy)
			d := r.device(func(cfg *dmclient.Config) { cfg.Profile, cfg.Attestation = p, c.kind })
			rst := requested(t, r, d)
			if got := names(rst.Context); got != c.want {
				t.Errorf("sent\n%s\nwant\n%s", got, c.want)
			}
			if got := rst.Item("RequestVersion"); got != c.rst {
				t.Errorf("RequestVersion %q, want %q", got, c.rst)
			}
			if got := rst.Item("AttestationStatus"); !strings.Contains(got, c.words) {
				t.Errorf("AttestationStatus %q, want %q", got, c.words)
			}
			if blob := rst.Item("AzureAttestationBlob"); blob != "" {
				raw, err := base64.StdEncoding.DecodeString(blob)
				if err != nil {
					t.Fatal(err)
				}
				claims := jwt.MapClaims{}
				if _, _, err := jwt.NewParser().ParseUnverified(string(raw), claims); err != nil || claims["nonce"] != "n1" || claims["rp_id"] != "rp" {
					t.Errorf("the token says %v, %v", claims, err)
				}
			}
		})
	}
}

// TestContextValues: lengths and values of the 26200.9278 capture, and what
// follows from the identity.
func TestContextValues(t *testing.T) {
	r := offering(t, "5.0", "")
	d := r.device(func(c *dmclient.Config) { c.Profile = dmclient.Win11v25H2() })
	rst, id := requested(t, r, d), d.Identity()
	for name, length := range map[string]int{"AIKPub": 380, "AIKAttestationClaim": 1624, "HWDevID": 64, "DeviceID": 32} {
		if got := len(rst.Item(name)); got != length {
			t.Errorf("%s has %d characters, want %d", name, got, length)
		}
	}
	for name, want := range map[string]string{"OSVersion": "10.0.26200.9278", "ApplicationVersion": "10.0.26200.9279", "Manufacturer": id.Manufacturer, "DeviceModel": id.Model} {
		if got := rst.Item(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if v, _ := d.Tree().Get("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber"); v != rst.Item("SerialNumber") {
		t.Errorf("SerialNumber is %q, and DevDetail has %q", rst.Item("SerialNumber"), v)
	}
	var macs []string
	for _, i := range rst.Context {
		if i.Name == "MAC" {
			macs = append(macs, i.Value)
		}
	}
	slices.Sort(macs)
	if len(slices.Compact(macs)) != 13 {
		t.Errorf("MACs %v", macs)
	}
}

// TestAttestationKinds: a server that checks the claim tells the kinds apart.
func TestAttestationKinds(t *testing.T) {
	r := offering(t, "5.0", "")
	for kind, want := range map[dmclient.Attestation]string{
		dmclient.AttestGood: "", dmclient.AttestOtherKey: "about another key", dmclient.AttestForged: "not signed", dmclient.AttestGarbage: "not a claim",
	} {
		d := r.device(func(c *dmclient.Config) { c.Attestation = kind })
		rst := requested(t, r, d)
		item := func(name string) []byte {
			b, err := base64.StdEncoding.DecodeString(rst.Item(name))
			if err != nil {
				t.Error(err)
			}
			return b
		}
		err := enroll.CheckClaim(item("AIKPub"), item("AIKAttestationClaim"), d.PublicKey())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", kind, err, want)
		}
	}
	if _, err := dmclient.New(dmclient.Config{Discovery: "https://x", Attestation: "nice"}); err == nil || !strings.Contains(err.Error(), "other-key") {
		t.Errorf("an unknown kind: %v", err)
	}
}

// TestRequestVersions: what Discover says, by build (MS-MDE2 appendix B, <20>,
// <21>; captures of 22621 and 26200).
func TestRequestVersions(t *testing.T) {
	for name, want := range map[string]string{"win10-22h2": "5.0", "win11": "6.0", "win11-24h2": "6.0", "win11-25h2": "9.0"} {
		p, err := dmclient.ProfileByName(name)
		if err != nil || p.RequestVersion != want {
			t.Errorf("%s: %s, %v, want %s", name, p.RequestVersion, err, want)
		}
	}
}

// TestEnrollsOnce: Windows refuses to enroll an enrolled device (Learn, "MDM
// Registration Constants", MENROLL_E_DEVICE_ALREADY_ENROLLED; before Windows 10
// MREGISTER_E_DEVICE_ALREADY_REGISTERED), before it sends anything.
func TestEnrollsOnce(t *testing.T) {
	for _, c := range []struct {
		profile dmclient.Profile
		want    string
	}{{dmclient.Win11(), "0x8018000a"}, {dmclient.Win81(), "0x8019000a"}} {
		r := newRig(t, nil)
		d := r.enrolled(func(cfg *dmclient.Config) { cfg.Profile = c.profile })
		sent := len(d.EnrollExchanges())
		var e *enroll.Error
		err := d.Enroll(r.ctx(), dmclient.EnrollOptions{})
		if !errors.As(err, &e) || e.HResult() != c.want || !strings.Contains(err.Error(), "unenroll it first") {
			t.Errorf("%v, want %s", err, c.want)
		}
		if len(d.EnrollExchanges()) != sent || d.State() != dmclient.Enrolled {
			t.Error("the refusal sent something, or ended the enrollment")
		}
		if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{Again: true}); err != nil {
			t.Error(err)
		}
		if _, err := d.Unenroll(r.ctx()); err != nil {
			t.Error(err)
		}
		if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// TestNoPasswordInClear: a Discover reply that names a service without TLS is
// refused, and nothing is sent there (MS-MDE2 3.1.4.1.3.2).
func TestNoPasswordInClear(t *testing.T) {
	for _, name := range []string{"EnrollmentPolicyServiceUrl", "EnrollmentServiceUrl", "AuthenticationServiceUrl"} {
		r := newRig(t, func(c *mdmserver.Config) {
			c.AuthPolicy = mdmserver.Federated
			hook.Respell(&c.Tamper, "<"+name+">https", "<"+name+">http")
		})
		d := r.device(nil)
		err := d.Enroll(r.ctx(), dmclient.EnrollOptions{})
		if err == nil || !strings.Contains(err.Error(), name+" is http://") || !strings.Contains(err.Error(), "must be https") || !strings.Contains(err.Error(), "Windows shows 0x8018001a") {
			t.Errorf("%s: %v", name, err)
		}
		if exs := d.EnrollExchanges(); len(exs) != 2 {
			t.Errorf("%s: %d requests, want GET and Discover only", name, len(exs))
		}
	}
}

// TestFindCertificate: the reference server's criteria find the certificate. A
// device whose criteria find none goes on [seen], a strict one shows none.
func TestFindCertificate(t *testing.T) {
	r := newRig(t, nil)
	if err := r.enrolled(nil).FindCertificate(); err != nil {
		t.Error(err)
	}
	for is, want := range map[string]string{
		`Subject=CN%3DTODO&amp;Stores=My%5CUser`: "names the subject", `Stores=My%5CUser`: "no Subject", `Subject=CN`: "names the subject", "nonsense": "not name=value",
		`Subject=CN%3DTODO&amp;Stores=My%5CSystem`: "does not search",
	} {
		r := newRig(t, func(c *mdmserver.Config) {
			hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
				hook.SetParm(hook.Find(p.Doc.Root(), "APPLICATION"), "SSLCLIENTCERTSEARCHCRITERIA", strings.ReplaceAll(is, "&amp;", "&"))
			})
		})
		d := r.enrolled(nil)
		if err := d.FindCertificate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", is, err, want)
		}
		p := dmclient.Win11()
		p.Quirks.StrictCriteria = true
		strict := r.device(func(c *dmclient.Config) { c.Profile = p })
		if err := strict.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
			t.Fatal(err)
		}
		if s, err := strict.Sync(r.ctx(), dmclient.SyncOptions{}); err == nil {
			t.Errorf("%s: a strict device shows a certificate (%s)", is, s.End)
		}
	}
}
