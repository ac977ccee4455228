package dmclient_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	appAt  = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/Contoso.App_8wekyb3d8bbwe"
	msiAt  = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BAF9257BA-6BBD-4624-AA9B-0182D50292C3%7D"
	scepAt = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/office"
	msiJob = `<MsiInstallJob><Product Version="1.4"><Download><ContentURLList><ContentURL>x</ContentURL></ContentURLList></Download></Product></MsiInstallJob>`
)

// start makes the server start work of each kind, and returns the statuses.
func (r *rig) start(d *dmclient.Device) string {
	r.t.Helper()
	r.do(d, syncml.Add, appAt, "node", "")
	app := r.do(d, syncml.Exec, appAt+"/HostedInstall", "xml", `<Application PackageUri="x"/>`)
	r.do(d, syncml.Add, msiAt+"/DownloadInstall", "", "")
	msi := r.do(d, syncml.Exec, msiAt+"/DownloadInstall", "xml", msiJob)
	for node, v := range map[string]string{"ServerURL": "chr http://x", "Challenge": "chr YQ==", "EKUMapping": "chr 1.3.6.1.5.5.7.3.2", "KeyUsage": "int 160",
		"KeyLength": "int 2048", "SubjectName": "chr CN=x", "HashAlgorithm": "chr SHA-2", "CAThumbprint": "chr 00"} {
		format, data, _ := strings.Cut(v, " ")
		r.queue(d, syncml.Add, scepAt+"/Install/"+node, format, data)
	}
	scep := r.do(d, syncml.Exec, scepAt+"/Install/Enroll", "null", "")
	r.sync(d) // what is done is told here
	return app + " " + msi + " " + scep
}

// TestWorkThatGoesWrong: what is answered, what the server can read later, and what the
// device's user sees. The states are those of Learn's pages of the three CSPs.
func TestWorkThatGoesWrong(t *testing.T) {
	for spec, c := range map[string]struct {
		app, msi, scep string // Status afterwards; empty: no such node
		work           string
		alerts         int
	}{
		"":                     {"", "70", "1", "[]", 2},
		"install-fails=-5":     {"2", "60", "16", "[app Contoso.App_8wekyb3d8bbwe: Status 2, failed, error -5 MSI {AF9257BA-6BBD-4624-AA9B-0182D50292C3}: Status 60, failed, error -5 SCEP office: Status 16, failed, error -5]", 2},
		"install-parks":        {"1", "48", "1", "[app Contoso.App_8wekyb3d8bbwe: Status 1, installing MSI {AF9257BA-6BBD-4624-AA9B-0182D50292C3}: Status 48, waits for a user's session]", 0},
		"install-parks=20":     {"1", "20", "1", "[app Contoso.App_8wekyb3d8bbwe: Status 1, installing MSI {AF9257BA-6BBD-4624-AA9B-0182D50292C3}: Status 20, downloading]", 0},
		"certificate-fails":    {"", "70", "16", "[SCEP office: Status 16, failed, error -2146877420]", 2},
		"certificate-fails=32": {"", "70", "32", "[SCEP office: Status 32, unknown]", 2},
		"certificate-fails=2":  {"", "70", "2", "[SCEP office: Status 2, pending]", 2},
	} {
		t.Run(spec, func(t *testing.T) {
			r := newRig(t, nil)
			d := r.enrolled(nil)
			if spec != "" {
				f, err := faults.New(spec)
				if err != nil {
					t.Fatal(err)
				}
				d.AddFault(f)
			}
			mark := len(d.Sessions())
			if got := r.start(d); got != "202 202 200" {
				t.Errorf("answered %s: an accepted command says nothing about its end", got)
			}
			for at, want := range map[string]string{appAt: c.app, msiAt: c.msi, scepAt: c.scep} {
				if got, _ := d.Tree().Get(at + "/Status"); got != want {
					t.Errorf("%s/Status is %q, want %q", at, got, want)
				}
			}
			if got := fmt.Sprint(d.Inventory().Work); got != c.work {
				t.Errorf("work is %s, want %s", got, c.work)
			}
			alerts := 0
			for _, s := range d.Sessions()[mark:] {
				for i := range s.Sent[0].Body {
					if cmd := &s.Sent[0].Body[i]; cmd.Verb == syncml.Alert && cmd.Code() == syncml.AlertGeneric {
						alerts++
					}
				}
			}
			if alerts != c.alerts {
				t.Errorf("%d alerts with a result, want %d: certificate requests have none (DDF; fleet issue 45550)", alerts, c.alerts)
			}
		})
	}
}

// TestWipeFails: a device whose recovery environment is off answers 500 (fleet issues
// 34994 and 42230); one whose wipe was rolled back answers 200 and stays managed.
func TestWipeFails(t *testing.T) {
	for spec, want := range map[string]string{"wipe-fails": "500", "wipe-fails=rolled-back": "200"} {
		r := newRig(t, nil)
		d := r.enrolled(nil)
		f, err := faults.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		d.AddFault(f)
		r.expect(d, want, syncml.Exec, "./Vendor/MSFT/RemoteWipe/doWipe", "", "")
		if d.State() != dmclient.Enrolled || d.Life().Wiped != "" {
			t.Errorf("%s: %s, wiped %q", spec, d.State(), d.Life().Wiped)
		}
		if got := d.Life().NotWiped; (got == "doWipe") != (want == "200") {
			t.Errorf("%s: the user sees a wipe rolled back: %q", spec, got)
		}
		if want != "500" {
			continue
		}
		r.expect(d, "500", syncml.Exec, "./Vendor/MSFT/RemoteWipe/AutomaticRedeployment/doAutomaticRedeployment", "", "")
		if v, _ := d.Tree().Get("./Vendor/MSFT/RemoteWipe/AutomaticRedeployment/Status"); v != "30" {
			t.Errorf("AutomaticRedeployment/Status is %s, want 30 (Learn: Exec failed)", v)
		}
	}
}
