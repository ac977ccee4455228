package example_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// lab is shared by the tests: the server under test and a push service.
type lab struct {
	t     *testing.T
	mdm   server
	wns   *fakewns.Server
	roots *x509.CertPool
}

// server is what these tests need from an MDM server. Yours has its own way to queue
// a command and to push.
type server struct {
	discovery string
	queue     func(deviceID string, verb syncml.Verb, locURI, data string)
	push      func(deviceID string)
}

// newLab starts a push service and the server, both over TLS.
func newLab(t *testing.T) *lab {
	t.Helper()
	// The fake WNS. A server that insists on login.live.com and
	// *.notify.windows.com reaches it through fakewns/intercept instead.
	wns := fakewns.New(fakewns.Config{})
	wnsFront := httptest.NewTLSServer(wns)
	t.Cleanup(wnsFront.Close)
	wns.SetChannelBase(wnsFront.URL + "/")

	l := &lab{t: t, wns: wns}
	l.mdm, l.roots = newServer(t, wnsFront)
	return l
}

// newServer starts your MDM server. Here it is dmwake's reference server.
func newServer(t *testing.T, wns *httptest.Server) (server, *x509.CertPool) {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert} // devices present their certificates
	front.StartTLS()
	t.Cleanup(front.Close)
	app := fakewns.DefaultApp
	mdm, err := mdmserver.New(mdmserver.Config{
		BaseURL: front.URL, Username: "demo@mdm.example", Password: "demo", PFN: app.PFN, PackageSID: app.PackageSID, Secret: app.Secret,
		TokenURL: wns.URL + fakewns.TokenPath, HTTP: wns.Client(), ChannelHosts: []string{strings.TrimPrefix(wns.URL, "https://")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mdm.Close)
	front.Config.Handler = mdm
	roots := x509.NewCertPool()
	roots.AddCert(front.Certificate())

	admin := mdm.Admin("")
	post := func(path, body string) {
		t.Helper()
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+path, strings.NewReader(body)))
		if w.Code >= 300 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	return server{
		discovery: front.URL + mdmserver.DiscoveryPath,
		queue: func(id string, verb syncml.Verb, uri, data string) {
			post("/devices/"+id+"/commands", `{"verb":"`+string(verb)+`","locURI":"`+uri+`","data":"`+data+`"}`)
		},
		push: func(id string) { post("/devices/"+id+"/push", "") },
	}, roots
}

// device enrolls a simulated Windows device, holds its first session and keeps it
// running: it polls and answers pushes until the test ends.
func (l *lab) device(p dmclient.Profile) *dmclient.Device {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l.t.Cleanup(cancel)
	d, err := dmclient.New(dmclient.Config{
		Discovery: l.mdm.discovery, Username: "demo@mdm.example", Password: "demo", Roots: l.roots, Profile: p, WNS: l.wns,
		Identity: dmclient.NewIdentity(rand.New(rand.NewPCG(1, 2))), // the same identity every time
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(d.Close)
	if err := d.Enroll(ctx, dmclient.EnrollOptions{}); err != nil {
		l.t.Fatal(err)
	}
	if _, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}); err != nil {
		l.t.Fatal(err)
	}
	go d.Run(ctx)
	return d
}

// pushed waits for the session that a push starts.
func (l *lab) pushed(d *dmclient.Device, mark int) *dmclient.Session {
	l.t.Helper()
	s, err := d.AwaitSession(context.Background(), mark, time.Minute, func(s *dmclient.Session) bool { return s.Origin == dmclient.OriginPush })
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// A push wakes the device, and that session delivers the queued wipe.
func TestRemoteWipe(t *testing.T) {
	l := newLab(t)
	d := l.device(dmclient.Win11())
	mark := d.SessionCount()
	l.mdm.queue(d.Identity().DeviceID, syncml.Exec, "./Vendor/MSFT/RemoteWipe/doWipe", "")
	l.mdm.push(d.Identity().DeviceID)
	l.pushed(d, mark)
	if d.State() != dmclient.Wiped {
		t.Errorf("the device is %s", d.State())
	}
	// Your server's requests to WNS, and what is wrong with them.
	for _, e := range l.wns.Journal().Since(0, nil) {
		if len(e.Violations) > 0 {
			t.Errorf("%s", e)
		}
	}
}

// 418 for Add and 500 for Replace of the PFN: the classic. The session must go on,
// and do its other work.
func TestSurvives418And500(t *testing.T) {
	l := newLab(t)
	d := l.device(dmclient.WP81())
	bad, err := faults.New("pfn-418-500")
	if err != nil {
		t.Fatal(err)
	}
	d.AddFault(bad)
	l.mdm.queue(d.Identity().DeviceID, syncml.Exec, "./Vendor/MSFT/RemoteLock/Lock", "")
	if _, err := d.Sync(context.Background(), dmclient.SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	if d.Locked() != 1 {
		t.Error("the lock was not delivered")
	}
}
