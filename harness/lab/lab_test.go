package lab

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// testKeys are a few keys for the labs of all tests: making them for each takes
// longer than most tests.
var testKeys = enroll.NewKeyPool(sharedKeys)

// TestPushWakesDevice is the whole path over real sockets: enroll, first
// session, PFN, channel, queue, push, session, result.
func TestPushWakesDevice(t *testing.T) {
	for _, p := range dmclient.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			ctx := context.Background()
			l, err := Start(nil, Options{Keys: testKeys, Seed: 7})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.Close)
			d, err := l.NewDevice(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Enroll(ctx, d); err != nil {
				t.Fatal(err)
			}
			s, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
			if err != nil {
				t.Fatalf("first session: %v (%s)", err, s.End)
			}
			if d.PFN() == "" || d.ChannelURI() == "" {
				t.Fatalf("PFN %q, channel %q after the first session; commands %+v", d.PFN(), d.ChannelURI(), s.Commands)
			}
			l.Go(d)
			if err := l.Queue(ctx, d, Command{Verb: syncml.Get, LocURI: "./DevInfo/Mod"}); err != nil {
				t.Fatal(err)
			}
			mark := d.SessionCount()
			if err := l.Push(ctx, d); err != nil {
				t.Fatal(err)
			}
			woken, err := d.AwaitSession(ctx, mark, 30*time.Second, func(s *dmclient.Session) bool { return s.Origin == dmclient.OriginPush })
			if err != nil {
				t.Fatal(err)
			}
			if got := woken.Find(syncml.Get, "/DevInfo/Mod"); len(got) != 1 || got[0].Code != 200 {
				t.Errorf("the queued Get in the woken session: %+v (end: %s)", got, woken.End)
			}
		})
	}
}

func tlsListener(ln net.Listener, ca *intercept.CA) net.Listener {
	return tls.NewListener(ln, ca.ServerTLS(true))
}

// enrolled is a device of the embedded lab after its first session.
func enrolled(t *testing.T) (*Lab, *dmclient.Device) {
	t.Helper()
	l, err := Start(nil, Options{Keys: testKeys, Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, l.wakeable(t)
}

// TestVersionEffects: once the server set SyncApplicationVersion, session ids
// are hexadecimal (2.0) and UserAgentOrigin is sent (4.0).
func TestVersionEffects(t *testing.T) {
	l, d := enrolled(t)
	ctx := context.Background()
	for range 9 { // so that the next number has a hexadecimal digit
		if _, err := d.Sync(ctx, dmclient.SyncOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	node := dmclient.ProviderURI(d.Provisioning().App.ProviderID) + "/SyncApplicationVersion"
	if err := l.Queue(ctx, d, Command{Verb: syncml.Replace, LocURI: node, Format: "chr", Data: "4.0"}); err != nil {
		t.Fatal(err)
	}
	before, err := d.Sync(ctx, dmclient.SyncOptions{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginUser})
	if err != nil {
		t.Fatal(err)
	}
	if before.ID != "11" || after.ID != "C" {
		t.Errorf("session ids %s and %s, want 11 and C", before.ID, after.ID)
	}
	if h := before.Exchanges[0].Header["UserAgentOrigin"]; h != nil {
		t.Errorf("UserAgentOrigin %v before the version was set", h)
	}
	if h := after.Exchanges[0].Header["UserAgentOrigin"]; len(h) != 1 || h[0] != "1" {
		t.Errorf("UserAgentOrigin %v, want 1", h)
	}
	if h := after.Exchanges[0].Header["client-request-id"]; len(h) != 1 || len(h[0]) < 32 {
		t.Errorf("client-request-id %v, want the EntDMID", h)
	}
}

// TestDeviceLeaves: a wipe and both ways of unenrolling end the management.
func TestDeviceLeaves(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		queue  Command
		alerts []syncml.Command
		state  dmclient.State
		active bool
	}{
		"wipe":              {queue: Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteWipe/doWipe"}, state: dmclient.Wiped},
		"unenroll":          {queue: Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/DMClient/Provider/dmwake%20MDM/Unenroll"}, state: dmclient.Unenrolled, active: true},
		"unenroll, old":     {queue: Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/DMClient/Unenroll", Data: "dmwake MDM"}, state: dmclient.Unenrolled, active: true},
		"the user's choice": {alerts: []syncml.Command{dmclient.UnenrollAlert(dmclient.Win11())}, state: dmclient.Enrolled},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := enrolled(t)
			if c.queue.Verb != "" {
				if err := l.Queue(ctx, d, c.queue); err != nil {
					t.Fatal(err)
				}
			}
			uri := d.ChannelURI()
			if _, err := d.Sync(ctx, dmclient.SyncOptions{Alerts: c.alerts}); err != nil {
				t.Fatal(err)
			}
			if d.State() != c.state {
				t.Errorf("state %d, want %d", d.State(), c.state)
			}
			if active, err := l.Active(ctx, d); err != nil || active != c.active {
				t.Errorf("active %v, %v", active, err)
			}
			if c.state != dmclient.Enrolled && (d.ChannelURI() != "" || d.Certificate() != nil || len(l.WNS.Channels(d.Identity().DeviceID)) != 0) {
				t.Errorf("a device that left keeps its certificate or its channel %s", uri)
			}
		})
	}
}
