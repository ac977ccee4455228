package dmclient

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

const goodPFN = "52314publisher.testwns_t6e9vsyjkrw9w"

// fakeWNS knows one PFN.
type fakeWNS struct {
	IgnoreEvents
	opened int
	closed []string
	wake   func([]byte)
}

type unknownPFN struct{}

func (unknownPFN) Error() string  { return "unknown PFN" }
func (unknownPFN) Reason() string { return "unknown" }

func (f *fakeWNS) OpenChannel(_ context.Context, _, pfn string, wake func([]byte)) (string, time.Time, error) {
	if pfn != goodPFN && pfn != "52314Publisher.TestWNS_t6e9vsyjkrw9w" {
		return "", time.Time{}, unknownPFN{}
	}
	f.opened++
	f.wake = wake
	return "https://db5p.notify.windows.com/?token=" + string(rune('0'+f.opened)), time.Time{}, nil
}

func (f *fakeWNS) CloseChannel(uri string) { f.closed = append(f.closed, uri) }

// account is a device that is enrolled as far as its tree is concerned.
func account(t *testing.T, p Profile, wns WNS) *Device {
	t.Helper()
	d, err := New(Config{Discovery: "https://x", Profile: p, Identity: capturedIdentity(), WNS: wns})
	if err != nil {
		t.Fatal(err)
	}
	d.provider, d.state = "MDM", Enrolled
	d.tree.Provision(ProviderURI("MDM"), "")
	return d
}

// run executes a server message and gives "verb node code" for each command.
func run(d *Device, commands ...syncml.Command) (codes []int) {
	s := &Session{}
	x := &executor{ctx: context.Background(), r: &running{d: d, s: s}, d: d, s: s, msgRef: "1"}
	for i := range commands {
		x.command(&commands[i])
	}
	for _, c := range x.out {
		if c.Verb == syncml.Status {
			codes = append(codes, c.Code())
		}
	}
	return codes
}

func cmd(verb syncml.Verb, node, data string) syncml.Command {
	return syncml.Command{Verb: verb, CmdID: "9", Items: []syncml.Item{{Target: syncml.Loc{LocURI: ProviderURI("MDM") + node}, Data: data, HasData: true}}}
}

func push(verb syncml.Verb) syncml.Command { return cmd(verb, "/Push", "") }

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestPFNCauses reproduces each cause of 418 and 500 by itself: what the
// command answers and what Push/Status says after it.
func TestPFNCauses(t *testing.T) {
	const full = "52314Publisher.TestWNS_1.1.0.0_x86__t6e9vsyjkrw9w"
	add, rep := syncml.Add, syncml.Replace
	cases := []struct {
		name      string
		profile   Profile
		offline   bool
		provision bool // Push and PFN are there before
		commands  []syncml.Command
		codes     []int
		status    int
		channel   bool
	}{
		{"good", WP81(), false, false, []syncml.Command{push(add), cmd(add, "/Push/PFN", goodPFN)}, []int{200, 200}, 0, true},
		{"good, replaced", WP81(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", goodPFN)}, []int{200}, 0, true},
		{"already there", WP81(), false, true, []syncml.Command{push(add), cmd(add, "/Push/PFN", goodPFN)}, []int{418, 418}, 4, false},
		{"418 and then 500", WP81(), true, true, []syncml.Command{cmd(add, "/Push/PFN", goodPFN), cmd(rep, "/Push/PFN", goodPFN)}, []int{418, 500}, 4, false},
		{"full name", WP81(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", full)}, []int{500}, 4, false},
		{"not lower-cased", WP81(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", "52314Publisher.TestWNS_t6e9vsyjkrw9w")}, []int{500}, 4, false},
		{"unknown at WNS", WP81(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", "other.app_t6e9vsyjkrw9w")}, []int{500}, 4, false},
		{"malformed hash", WP81(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", "other.app_t6e9vsyjkrw9")}, []int{500}, 4, false},
		{"Push is missing", WP81(), false, false, []syncml.Command{cmd(add, "/Push/PFN", goodPFN)}, []int{500}, 4, false},
		{"WNS offline", WP81(), true, true, []syncml.Command{cmd(rep, "/Push/PFN", goodPFN)}, []int{500}, 4, false},
		{"Add and Replace in one Atomic", WP81(), false, false, []syncml.Command{push(add),
			{Verb: syncml.Atomic, CmdID: "2", Commands: []syncml.Command{cmd(add, "/Push/PFN", goodPFN), cmd(rep, "/Push/PFN", goodPFN)}}},
			[]int{200, 507, 215, 215}, 4, false},
		{"roll-back", WP81(), false, false, []syncml.Command{
			{Verb: syncml.Atomic, CmdID: "2", Commands: []syncml.Command{push(add), cmd(add, "/Push/PFN", goodPFN), cmd(add, "/Nope", "x")}}},
			[]int{507, 216, 216, 404}, 4, false},

		{"win: full name", Win11(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", full)}, []int{200}, 1, false},
		{"win: not lower-cased", Win11(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", "52314Publisher.TestWNS_t6e9vsyjkrw9w")}, []int{200}, 0, true},
		{"win: unknown at WNS", Win11(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", "other.app_t6e9vsyjkrw9w")}, []int{200}, 3, false},
		{"win: malformed hash", Win11(), false, true, []syncml.Command{cmd(rep, "/Push/PFN", "other.app_t6e9vsyjkrw9")}, []int{200}, 1, false},
		{"win: Push is missing", Win11(), false, false, []syncml.Command{cmd(add, "/Push/PFN", goodPFN)}, []int{200}, 0, true},
		{"win: WNS offline", Win11(), true, true, []syncml.Command{cmd(rep, "/Push/PFN", goodPFN)}, []int{200}, 4, false},
		{"win: already there", Win11(), false, true, []syncml.Command{push(add), cmd(add, "/Push/PFN", goodPFN)}, []int{418, 418}, 4, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := account(t, c.profile, &fakeWNS{})
			d.SetWNSOffline(c.offline)
			if c.provision {
				d.tree.Provision(ProviderURI("MDM")+"/Push", "")
				d.tree.Provision(ProviderURI("MDM")+"/Push/PFN", "old.app_t6e9vsyjkrw9w")
			}
			if got := run(d, c.commands...); !equal(got, c.codes) {
				t.Errorf("answered %v, want %v", got, c.codes)
			}
			uri, status := d.push.Channel("MDM")
			if status != c.status || (uri != "") != c.channel {
				t.Errorf("channel %q, Status %d; want a channel: %v, Status %d", uri, status, c.channel, c.status)
			}
		})
	}
}

func TestExecutor(t *testing.T) {
	const app = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/a.App_8wekyb3d8bbwe/HostedInstall"
	item := func(uri string) syncml.Item { return syncml.Item{Target: syncml.Loc{LocURI: uri}} }
	cases := []struct {
		name  string
		c     syncml.Command
		codes []int
	}{
		{"unknown element", syncml.Command{Verb: "Frob", CmdID: "1"}, []int{400}},
		{"no CmdID", syncml.Command{Verb: syncml.Get, Items: []syncml.Item{item("./DevInfo/Man")}}, []int{400}},
		{"no Item", syncml.Command{Verb: syncml.Get, CmdID: "1"}, []int{400}},
		{"Alert", syncml.Command{Verb: syncml.Alert, CmdID: "1", Data: "1100"}, []int{200}},
		{"Items alike: one Status", syncml.Command{Verb: syncml.Get, CmdID: "1", Items: []syncml.Item{item("./DevInfo/Man"), item("./DevInfo/Mod")}}, []int{200}},
		{"Items that differ: one Status each", syncml.Command{Verb: syncml.Get, CmdID: "1", Items: []syncml.Item{item("./DevInfo/Man"), item("./Nope")}}, []int{200, 404}},
		{"Sequence", syncml.Command{Verb: syncml.Sequence, CmdID: "1", Commands: []syncml.Command{
			{Verb: syncml.Get, CmdID: "2", Items: []syncml.Item{item("./DevInfo/Man")}}}}, []int{200, 200}},
		{"Get in Atomic", syncml.Command{Verb: syncml.Atomic, CmdID: "1", Commands: []syncml.Command{
			{Verb: syncml.Get, CmdID: "2", Items: []syncml.Item{item("./DevInfo/Man")}}}}, []int{507, 500}},
		{"Atomic in Atomic", syncml.Command{Verb: syncml.Atomic, CmdID: "1", Commands: []syncml.Command{{Verb: syncml.Atomic, CmdID: "2"}}}, []int{507, 500}},
		{"Add and Exec of one node in Atomic", syncml.Command{Verb: syncml.Atomic, CmdID: "1", Commands: []syncml.Command{
			{Verb: syncml.Add, CmdID: "2", Items: []syncml.Item{item(app)}},
			{Verb: syncml.Exec, CmdID: "3", Items: []syncml.Item{{Target: syncml.Loc{LocURI: app}, Meta: &syncml.Meta{Format: "xml"},
				Data: `<Application PackageUri="https://apps.example/a.App_1.0.0.0_x64.appx"/>`, HasData: true}}}}}, []int{200, 200, 202}},
		{"202", syncml.Command{Verb: syncml.Replace, CmdID: "1", Items: []syncml.Item{item("./Vendor/MSFT/Personalization/DesktopImageUrl")}}, []int{202}},
	}
	for _, c := range cases {
		if got := run(account(t, Win11(), nil), c.c); !equal(got, c.codes) {
			t.Errorf("%s: answered %v, want %v", c.name, got, c.codes)
		}
	}
}

func TestNoWNSMeansStatus8(t *testing.T) {
	d := account(t, Win11(), nil)
	run(d, push(syncml.Add), cmd(syncml.Add, "/Push/PFN", goodPFN))
	if _, status := d.push.Channel("MDM"); status != PushNotAvailable {
		t.Errorf("Status %d, want 8", status)
	}
}

func TestEmptyPushWakesNobody(t *testing.T) {
	wns := &fakeWNS{}
	d := account(t, Win11(), wns)
	run(d, push(syncml.Add), cmd(syncml.Add, "/Push/PFN", goodPFN))
	wns.wake(nil)
	if w := d.Wakes(); len(w) != 1 || w[0].Refused == "" || len(d.wake) != 0 {
		t.Errorf("an empty push: %+v, %d sessions asked for", w, len(d.wake))
	}
	wns.wake([]byte("x"))
	wns.wake([]byte("x"))
	if len(d.wake) != 1 {
		t.Error("two pushes before a session must ask for one")
	}
}

func TestRenewClosesTheOldChannel(t *testing.T) {
	wns := &fakeWNS{}
	d := account(t, Win11(), wns)
	if err := d.RenewChannel(context.Background()); err == nil {
		t.Error("renewing without a PFN must be an error")
	}
	run(d, push(syncml.Add), cmd(syncml.Add, "/Push/PFN", goodPFN))
	old := d.ChannelURI()
	if err := d.RenewChannel(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(wns.closed) != 1 || wns.closed[0] != old || d.ChannelURI() == old {
		t.Errorf("closed %v, channel now %s", wns.closed, d.ChannelURI())
	}
}

// TestDeliveredRootsAreTrusted: the roots of the provisioning document count
// beside the system's.
func TestDeliveredRootsAreTrusted(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	for _, delivered := range []bool{true, false} {
		d := account(t, Win11(), nil)
		d.addr = srv.URL
		if delivered {
			d.roots = [][]byte{srv.Certificate().Raw}
		}
		ex := d.Post(context.Background(), syncml.MediaType, strings.NewReader("x"), 1, SyncOptions{})
		if (ex.Err == nil) != delivered {
			t.Errorf("root delivered: %v, error %v", delivered, ex.Err)
		}
	}
}

func TestSyncNeedsEnrollment(t *testing.T) {
	d, err := New(Config{Discovery: "https://x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sync(context.Background(), SyncOptions{}); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("got %v", err)
	}
	if d, err = New(Config{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Enroll(context.Background(), EnrollOptions{}); err == nil {
		t.Error("enrolling without Discovery must be refused")
	}
	if _, err := New(Config{Username: "nobody"}); err == nil {
		t.Error("a user name without a domain found a server")
	}
}
