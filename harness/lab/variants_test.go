package lab

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// enrollee is a device that enrolled with a variant, as a test looks at it.
type enrollee struct {
	*dmclient.Device
	t *testing.T
}

// reply is the last reply to a request of that method and path.
func (d enrollee) reply(method, path string) *dmclient.Exchange {
	d.t.Helper()
	var found *dmclient.Exchange
	for _, ex := range d.EnrollExchanges() {
		if ex.Method == method && strings.Contains(ex.URL, path) {
			found = ex
		}
	}
	if found == nil {
		d.t.Fatalf("no %s of %s", method, path)
	}
	return found
}

func (d enrollee) certificate() *x509.Certificate {
	d.t.Helper()
	c, err := x509.ParseCertificate(d.Certificate().Certificate[0])
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// fault is the reply to an RST with a wrong password.
func (d enrollee) fault() *dmclient.Exchange {
	d.t.Helper()
	c := d.EnrollmentClient(dmclient.EnrollOptions{Credential: &enroll.Credential{Username: "a", Password: "b"}})
	if _, err := c.Policies(d.t.Context(), d.Discovered().PolicyURL); err == nil {
		d.t.Fatal("a wrong password was accepted")
	}
	return d.reply(http.MethodPost, mdmserver.PolicyPath)
}

func (d enrollee) node(path string) string {
	return d.Provisioning().Provider.Node(path)
}

// TestEnrollmentVariants: every variant of enrollment differs from the reference
// server, and a device enrolls, opens a session and renews its certificate. What
// the suite passes on is no copy of the reference server.
func TestEnrollmentVariants(t *testing.T) {
	rst := func(d enrollee) string {
		return string(d.reply(http.MethodPost, mdmserver.EnrollmentPath).Response)
	}
	pages := func(d enrollee, method string) (n int) {
		for _, ex := range d.EnrollExchanges() {
			if ex.Method == method && strings.Contains(ex.URL, mdmserver.SignInPath) && ex.Status == http.StatusOK {
				n++
			}
		}
		return n
	}
	for i, c := range []struct {
		variant *variants.Variant
		setup   string
		differs func(enrollee) bool
	}{
		{variants.SOAPPrefixed, "", func(d enrollee) bool {
			return strings.Contains(rst(d), "<soap:Envelope ") && strings.Contains(rst(d), "<wsa:RelatesTo>") && !strings.Contains(rst(d), "xmlns=") &&
				strings.Contains(string(d.fault().Response), "<soap:Value>soap:Authentication<")
		}},
		{variants.SOAPIndented, "", func(d enrollee) bool { return strings.Contains(rst(d), ">\n    <a:Action ") }},
		{variants.SOAPExtra, "", func(d enrollee) bool { return strings.Contains(rst(d), ">traced<") }},
		{variants.SOAPBare, "", func(d enrollee) bool {
			return !strings.Contains(rst(d), "ActivityId") && !strings.Contains(rst(d), "Timestamp")
		}},
		{variants.SOAPMedia, "", func(d enrollee) bool {
			return strings.HasPrefix(d.reply(http.MethodPost, mdmserver.EnrollmentPath).Reply.Get("Content-Type"), "Application/SOAP+XML;")
		}},
		{variants.RSTRLines, "", func(d enrollee) bool { return strings.Count(rst(d), "\n") > 10 }},
		{variants.PoliciesMore, "", func(d enrollee) bool {
			e, err := enroll.ReadEnvelope(d.reply(http.MethodPost, mdmserver.PolicyPath).Response)
			if err != nil {
				d.t.Fatal(err)
			}
			r, err := e.PolicyResponse()
			return err == nil && r.Policies == 2 && r.HashReference == "17" && r.HashGroup == "1"
		}},
		{variants.PoliciesBare, "", func(d enrollee) bool {
			return d.Discovered().EnrollmentVersion == "5.0" && !bytes.Contains(d.reply(http.MethodPost, mdmserver.PolicyPath).Response, []byte("commonName"))
		}},
		{variants.PoliciesCurves, "", func(d enrollee) bool {
			return bytes.Contains(d.reply(http.MethodPost, mdmserver.PolicyPath).Response, []byte("<minimalKeyLength>256<"))
		}},
		{variants.PoliciesFull, "", func(d enrollee) bool {
			return bytes.Contains(d.reply(http.MethodPost, mdmserver.PolicyPath).Response, []byte("<cAReferenceID>3<"))
		}},
		{variants.PolicyServiceNil, "", func(d enrollee) bool { return d.Discovered().PolicyURL == "" && d.Provisioning() != nil }},
		{variants.SignInKnownApp, "federated", func(d enrollee) bool { return pages(d, http.MethodPost) == 1 }},
		{variants.SignInSecond, "federated", func(d enrollee) bool { return pages(d, http.MethodPost) == 1 }},
		{variants.DiscoverOrder, "", func(d enrollee) bool {
			return d.Discovered().EnrollmentVersion == "" && d.Discovered().EnrollmentURL != ""
		}},
		{variants.OneService, "", func(d enrollee) bool { return d.Discovered().PolicyURL == d.Discovered().EnrollmentURL }},
		{variants.ServicesElsewhere, "", func(d enrollee) bool {
			return strings.Contains(d.reply(http.MethodPost, mdmserver.EnrollmentPath).URL, "https://localhost:") && strings.HasSuffix(d.Discovered().PolicyURL, "?tenant=7&region=north")
		}},
		{variants.CertOther, "", func(d enrollee) bool {
			return len(d.certificate().DNSNames) == 1 && d.certificate().SerialNumber.BitLen() < 64
		}},
		{variants.DocumentOther, "", func(d enrollee) bool { return d.Provisioning().App.Name == "Example Management" }},
		{variants.SignInForms, "federated", func(d enrollee) bool {
			return bytes.Contains(d.reply(http.MethodPost, mdmserver.SignInPath).Request, []byte("do=sign+in"))
		}},
		{variants.FaultLower, "", func(d enrollee) bool {
			return strings.Contains(string(d.fault().Response), "<s:fault><s:code><s:value>s:receiver<")
		}},
		{variants.FaultNoDetail, "", func(d enrollee) bool { return !strings.Contains(string(d.fault().Response), "Detail") }},
		{variants.Fault400, "", func(d enrollee) bool { return d.fault().Status == http.StatusBadRequest }},
		{variants.RSTRNoVersion, "", func(d enrollee) bool {
			return strings.Contains(rst(d), `"http://schemas.microsoft.com/ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc"`)
		}},
		{variants.FaultSOAP11, "", func(d enrollee) bool {
			return strings.Contains(string(d.fault().Response), "<faultcode>s:Authentication</faultcode>")
		}},
		{variants.FaultService, "", func(d enrollee) bool { return strings.Contains(string(d.fault().Response), ">a:InvalidSecurity<") }},
		{variants.RenewalURL, "", func(d enrollee) bool {
			v, _ := d.Tree().Look("./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ServerURL")
			return strings.HasSuffix(v, mdmserver.DiscoveryPath)
		}},
		{variants.DiscoveryRedirect, "", func(d enrollee) bool {
			return strings.Contains(d.reply(http.MethodPost, mdmserver.DiscoveryPath).URL, "/services/") && d.reply(http.MethodGet, mdmserver.DiscoveryPath).Status == http.StatusOK
		}},
		{variants.VersionEcho, "", func(d enrollee) bool { return d.Discovered().EnrollmentVersion == "6.0" }},
		{variants.Version6, "", func(d enrollee) bool { return d.Discovered().EnrollmentVersion == "6.0" }},
		{variants.CertCNOther, "", func(d enrollee) bool {
			return !strings.Contains(d.certificate().Subject.String(), d.Identity().DeviceID)
		}},
		{variants.CertCNAndO, "", func(d enrollee) bool { return len(d.certificate().Subject.Organization) == 1 }},
		{variants.CARSA, "", func(d enrollee) bool { return d.certificate().SignatureAlgorithm == x509.SHA256WithRSA }},
		{variants.AddrPathID, "", func(d enrollee) bool { return strings.Contains(d.Address(), mdmserver.ManagementPath+"/") }},
		{variants.AddrQueryID, "", func(d enrollee) bool { return strings.Contains(d.Address(), "?device=") }},
		{variants.AddrHost, "", func(d enrollee) bool { return strings.HasPrefix(d.Address(), "https://localhost:") }},
		{variants.AddrGet404, "", func(d enrollee) bool { return got(d) == http.StatusNotFound }},
		{variants.SignInNoPassword, "federated", func(d enrollee) bool {
			return !bytes.Contains(d.reply(http.MethodGet, mdmserver.SignInPath).Response, []byte("password")) && pages(d, http.MethodPost) == 1
		}},
		{variants.SignInTwoPages, "federated", func(d enrollee) bool { return pages(d, http.MethodPost) == 2 }},
		{variants.SignInCSRF, "federated", func(d enrollee) bool {
			return bytes.Contains(d.reply(http.MethodPost, mdmserver.SignInPath).Request, []byte("csrf="))
		}},
		{variants.SignInRate, "federated", func(d enrollee) bool {
			page := enroll.SignIn{HTTP: &http.Client{Transport: d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP.Transport}, URL: d.Discovered().AuthenticationURL}
			limited := false
			for range 5 {
				if _, status, err := page.Open(d.t.Context()); err != nil || status != http.StatusOK {
					d.t.Errorf("HTTP %d, %v", status, err)
				}
			}
			for _, ex := range d.EnrollExchanges() {
				limited = limited || ex.Status == http.StatusTooManyRequests
			}
			return limited
		}},
		{variants.PollLong, "", func(d enrollee) bool { return d.node("Poll/IntervalForFirstSetOfRetries") == "720" }},
		{variants.PollFirstOnly, "", func(d enrollee) bool {
			return d.node("Poll/NumberOfFirstRetries") == "8" && d.node("Poll/NumberOfRemainingScheduledRetries") == ""
		}},
		{variants.PollSecondEndless, "", func(d enrollee) bool { return d.node("Poll/NumberOfSecondRetries") == "0" }},
		{variants.PollRemainingOnly, "", func(d enrollee) bool { return d.node("Poll/NumberOfFirstRetries") == "" }},
		{variants.PollNoLogin, "", func(d enrollee) bool { return d.node("Poll/PollOnLogin") == "false" }},
		{variants.PollNone, "", func(d enrollee) bool { return d.node("Poll/PollOnLogin") == "" }},
		{variants.DocumentExtra, "", func(d enrollee) bool { return d.node("ExampleSetting") == "on" && d.Provisioning().App.AppID == "w7" }},
		{variants.ClockFast, "", func(d enrollee) bool { return off(d) > 50*time.Second }},
		{variants.ClockSlow, "", func(d enrollee) bool { return off(d) < -50*time.Second }},
	} {
		if testing.Short() && i%3 != 0 {
			continue // make ci takes all of them
		}
		t.Run(c.variant.Name, func(t *testing.T) {
			t.Parallel()
			l, err := Start(nil, Options{Keys: testKeys, Variants: []*variants.Variant{c.variant}, Seed: 5, Setup: c.setup})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.Close)
			d, err := l.NewDevice(dmclient.Win11v24H2())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			if err := l.Enroll(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			if !c.differs(enrollee{d, t}) {
				t.Errorf("the variant does not differ: %s", c.variant.Does)
			}
			for range 2 {
				if s, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil || s.Err != nil {
					t.Errorf("the session failed: %v", errors.Join(err, s.Err))
				}
				if err := d.Renew(t.Context()); err != nil {
					t.Errorf("the certificate is not renewed: %v", err)
				}
			}
		})
	}
}

// got is the status of a GET of the management address.
func got(d enrollee) int {
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.Address(), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// off is how far the times that the server stamped are from ours; all of them
// must agree within ten seconds.
func off(d enrollee) time.Duration {
	ex := d.reply(http.MethodPost, mdmserver.EnrollmentPath)
	e, err := enroll.ReadEnvelope(ex.Response)
	if err != nil {
		d.t.Fatal(err)
	}
	created, err := time.Parse(time.RFC3339, e.Created)
	if err != nil {
		d.t.Fatal(err)
	}
	date, err := http.ParseTime(ex.Reply.Get("Date"))
	if err != nil {
		d.t.Fatal(err)
	}
	issued := d.certificate().NotBefore.Add(time.Hour)
	if created.Sub(date).Abs() > 10*time.Second || created.Sub(issued).Abs() > 10*time.Second {
		d.t.Errorf("Created %s, Date %s, NotBefore and an hour %s", created, date, issued)
	}
	return created.Sub(ex.At)
}

// TestUnsupportedVersion: a server that refuses a version of Windows is not to
// blame.
func TestUnsupportedVersion(t *testing.T) {
	l, err := Start(nil, Options{Keys: testKeys, Variants: []*variants.Variant{variants.Version6}, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.Config.Target.Profiles = []string{dmclient.Win11v25H2().Name}
	var excused *ExcusedError
	if err := l.Preflight(t.Context()); !errors.As(err, &excused) || excused.Do != ProfilesDo {
		t.Errorf("expected that target.profiles is named, saw %v", err)
	}
}
