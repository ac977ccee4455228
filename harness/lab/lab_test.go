package lab

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestPushWakesDevice is the whole path over real sockets: enroll, first
// session, PFN, channel, queue, push, session, result.
func TestPushWakesDevice(t *testing.T) {
	for _, p := range dmclient.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			ctx := context.Background()
			l, err := Start(nil, Options{Seed: 7})
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

func tlsListener(ln net.Listener, ca *CA) net.Listener {
	return tls.NewListener(ln, ca.ServerTLS(true))
}
