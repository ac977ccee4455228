package dmclient_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// oobe is a device that was enrolled before its user signed in, and its clock.
func (r *rig) oobe(edit func(*dmclient.Config)) (*dmclient.Device, *dmclient.VirtualClock) {
	r.t.Helper()
	clock := dmclient.NewVirtualClock(start)
	d := r.device(func(c *dmclient.Config) {
		c.Clock = clock
		if edit != nil {
			edit(c)
		}
	})
	d.SetLogin(dmclient.LoginNone)
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		r.t.Fatal(err)
	}
	return d, clock
}

const (
	onDevice = "./Device/Vendor/MSFT/DMClient/Provider/dmwake/FirstSyncStatus/"
	onUser   = "./User/Vendor/MSFT/DMClient/Provider/dmwake/FirstSyncStatus"
)

// do runs one command in one session and returns its status.
func (r *rig) do(d *dmclient.Device, verb syncml.Verb, uri, format, data string) string {
	r.t.Helper()
	uri = strings.Replace(uri, "/dmwake/", "/"+strings.TrimPrefix(dmclient.ProviderURI(d.Provider()), dmclient.ProviderURI(""))+"/", 1)
	r.queue(d, verb, uri, format, data)
	r.sync(d)
	return strings.Fields(r.result(d))[1]
}

func (r *rig) expect(d *dmclient.Device, want string, verb syncml.Verb, uri, format, data string) {
	r.t.Helper()
	if got := r.do(d, verb, uri, format, data); got != want {
		r.t.Errorf("%s %s = %q: %s, want %s", verb, uri, data, got, want)
	}
}

func phase(d *dmclient.Device) string {
	p := d.StatusPage()
	if p.Failed != "" {
		return p.Phase + " failed"
	}
	return p.Phase
}

func (r *rig) page(d *dmclient.Device, want string) {
	r.t.Helper()
	if got := phase(d); got != want {
		r.t.Errorf("the user sees %q, want %q: %+v", got, want, d.StatusPage())
	}
}

// TestStatusPage: the working order of a server that Fleet's maintainers found on build
// 26200 (fleet issues 43454, 49134, 49250, 49542, 51816), with the nodes of the DMClient DDF
// and of Learn's "EnrollmentStatusTracking CSP".
func TestStatusPage(t *testing.T) {
	r := newRig(t, nil)
	d, clock := r.oobe(nil)
	const provider = "./Device/Vendor/MSFT/EnrollmentStatusTracking/DevicePreparation/PolicyProviders/Agent"
	const completed = "./Device/Vendor/MSFT/EnrollmentStatusTracking/Setup/HasProvisioningCompleted"
	r.page(d, "")
	// The nodes are there in the first session, without an Add (fleet PR 49250).
	for node, v := range map[string]string{"SkipDeviceStatusPage": "bool false", "SkipUserStatusPage": "bool false", "BlockInStatusPage": "int 3",
		"CustomErrorText": "chr Call 110", "TimeOutUntilSyncFailure": "int 30"} {
		format, data, _ := strings.Cut(v, " ")
		r.queue(d, syncml.Replace, dmclient.ProviderURI(d.Provider())+"/FirstSyncStatus/"+node, format, data)
	}
	r.expect(d, "200", syncml.Add, provider, "node", "")
	r.page(d, "device preparation")
	if p := d.StatusPage(); !p.Blocks || p.TimeOut.Sub(p.Since) != 30*time.Minute || len(p.Waits) != 1 || !strings.Contains(p.Waits[0], "Agent") {
		t.Errorf("%+v", p)
	}
	r.expect(d, "200", syncml.Replace, provider+"/InstallationState", "int", "3")
	r.page(d, "device setup")
	if v, _ := d.Tree().Get(completed); v != "false" {
		t.Errorf("HasProvisioningCompleted is %q while the page is shown", v)
	}
	r.expect(d, "200", syncml.Replace, onDevice+"ExpectedNetworkProfiles", "chr", "./Vendor/MSFT/WiFi/Profile/office")
	if p := d.StatusPage(); len(p.Waits) != 2 || p.Progress[0] != "ExpectedNetworkProfiles: 0 of 1" {
		t.Errorf("%+v", p)
	}
	r.expect(d, "200", syncml.Replace, onDevice+"ServerHasFinishedProvisioning", "bool", "true")
	r.page(d, "device setup")
	r.expect(d, "405", syncml.Replace, onDevice+"ServerHasFinishedProvisioning", "bool", "false")
	r.expect(d, "405", syncml.Replace, onDevice+"ExpectedPolicies", "chr", "./Vendor/MSFT/Policy/Config/A/B")
	r.expect(d, "405", syncml.Replace, "./User/Vendor/MSFT/Policy/Config/A/B", "chr", "1")
	r.expect(d, "200", syncml.Add, "./Vendor/MSFT/WiFi/Profile/office/WlanXml", "chr", "<WLANProfile/>")
	r.page(d, "")
	for node, want := range map[string]string{"IsSyncDone": "true", "WasDeviceSuccessfullyProvisioned": "1"} {
		if v, _ := d.Tree().Get(dmclient.ProviderURI(d.Provider()) + "/FirstSyncStatus/" + node); v != want {
			t.Errorf("after device setup %s is %q", node, v)
		}
	}
	if v, _ := d.Tree().Get(completed); v != "true" {
		t.Errorf("HasProvisioningCompleted is %q after the page", v)
	}
	r.expect(d, "405", syncml.Replace, onDevice+"IsSyncDone", "bool", "true")
	r.expect(d, "405", syncml.Replace, onDevice+"WasDeviceSuccessfullyProvisioned", "int", "0")

	// The user signs in: 405 in the first session, then the nodes have to be added.
	d.SetLogin(dmclient.LoginUser)
	r.page(d, "account setup")
	r.expect(d, "405", syncml.Add, onUser, "node", "")
	r.expect(d, "404", syncml.Replace, onUser+"/ServerHasFinishedProvisioning", "bool", "true")
	r.expect(d, "200", syncml.Add, onUser, "node", "")
	r.expect(d, "418", syncml.Add, onUser, "node", "")
	r.page(d, "account setup")
	clock.Advance(29 * time.Minute)
	r.page(d, "account setup")
	r.expect(d, "200", syncml.Replace, onUser+"/ServerHasFinishedProvisioning", "bool", "true")
	r.page(d, "")

	// Somebody else signs in, with SkipUserStatusPage left false: hangs (fleet issue 51380).
	d.SetLogin(dmclient.LoginOthers)
	r.page(d, "account setup")
	clock.Advance(30 * time.Minute)
	r.page(d, "account setup failed")
	if p := d.StatusPage(); p.ErrorText != "Call 110" || fmt.Sprint(p.Buttons) != "[Reset PC Try again]" {
		t.Errorf("%+v", p)
	}
}

// TestStatusPageEnds: how else device setup ends.
func TestStatusPageEnds(t *testing.T) {
	const tracked = "./Device/Vendor/MSFT/EnrollmentStatusTracking/Setup/Apps/Tracking/Agent/Editor/InstallationState"
	type write struct{ uri, format, data string }
	for name, c := range map[string]struct {
		profile dmclient.Profile
		writes  []write
		wait    time.Duration
		want    string
	}{
		"nothing more":                  {dmclient.Win11v25H2(), nil, 0, "device setup"},
		"time":                          {dmclient.Win11v25H2(), nil, time.Hour, "device setup failed"},
		"IsSyncDone overrides it (DDF)": {dmclient.Win11v25H2(), []write{{onDevice + "IsSyncDone", "bool", "true"}}, 0, ""},
		"a forced failure (DDF)": {dmclient.Win11(), []write{{onDevice + "WasDeviceSuccessfullyProvisioned", "int", "0"},
			{onDevice + "IsSyncDone", "bool", "true"}}, 0, "device setup failed"},
		"a forced failure (26200, fleet issue 51816)": {dmclient.Win11v25H2(), []write{{onDevice + "WasDeviceSuccessfullyProvisioned", "int", "0"},
			{onDevice + "IsSyncDone", "bool", "true"}}, 0, "device setup"},
		"a policy is expected (DDF)": {dmclient.Win11(), []write{{onDevice + "ExpectedPolicies", "chr", "./Vendor/MSFT/Policy/Config/A/B"},
			{onDevice + "ServerHasFinishedProvisioning", "bool", "true"}}, 0, "device setup"},
		"a policy is expected (26200, fleet issue 43776)": {dmclient.Win11v25H2(), []write{{onDevice + "ExpectedPolicies", "chr", "./Vendor/MSFT/Policy/Config/A/B"},
			{onDevice + "ServerHasFinishedProvisioning", "bool", "true"}}, 0, ""},
		"an app is under way": {dmclient.Win11(), []write{{tracked, "int", "2"}, {onDevice + "ServerHasFinishedProvisioning", "bool", "true"}}, 0, "device setup"},
		"an app is there":     {dmclient.Win11(), []write{{tracked, "int", "3"}, {onDevice + "ServerHasFinishedProvisioning", "bool", "true"}}, 0, ""},
		"an app failed":       {dmclient.Win11(), []write{{tracked, "int", "4"}}, 0, "device setup failed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			d, clock := r.oobe(func(k *dmclient.Config) {
				k.Profile = c.profile
				k.Profile.Quirks.NeedsAAuthData = false
			})
			r.expect(d, "200", syncml.Replace, onDevice+"SkipDeviceStatusPage", "bool", "false")
			for _, w := range c.writes {
				if w.uri == tracked {
					r.expect(d, "200", syncml.Add, strings.TrimSuffix(tracked, "/InstallationState"), "node", "")
				}
				r.expect(d, "200", syncml.Replace, w.uri, w.format, w.data)
			}
			clock.Advance(c.wait)
			r.page(d, c.want)
		})
	}
}

// TestStatusPageTooLate: the page is not shown if a server asks for it after the first
// session, nor by default, nor by a Windows that has no such nodes.
func TestStatusPageTooLate(t *testing.T) {
	r := newRig(t, nil)
	d, _ := r.oobe(nil)
	r.sync(d)
	r.page(d, "")
	r.expect(d, "200", syncml.Replace, onDevice+"SkipDeviceStatusPage", "bool", "false")
	r.page(d, "")
	old, _ := r.oobe(func(c *dmclient.Config) { c.Profile = dmclient.Win10v1511() })
	r.expect(old, "404", syncml.Replace, onDevice+"SkipDeviceStatusPage", "bool", "false")
	r.page(old, "")
}

// TestStatusPageIsPacked: the page survives a restart.
func TestStatusPageIsPacked(t *testing.T) {
	r := newRig(t, nil)
	d, clock := r.oobe(nil)
	r.expect(d, "200", syncml.Replace, onDevice+"SkipDeviceStatusPage", "bool", "false")
	record, err := d.Pack(dmclient.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := dmclient.Unpack(dmclient.Config{Clock: clock}, dmclient.Packing{}, record)
	if err != nil {
		t.Fatal(err)
	}
	r.page(again, "device setup")
}
