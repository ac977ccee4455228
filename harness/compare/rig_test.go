package compare

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// rig is the reference server with a recorder, behind real TLS.
type rig struct {
	t        *testing.T
	dir      string
	front    *httptest.Server
	server   *mdmserver.Server
	recorder *trace.Recorder
	opts     dmclient.EnrollOptions
	wns      *fakewns.Server
	// edit changes a request before the recorder sees it.
	edit func(*http.Request)
}

func newRig(t *testing.T, edit func(*mdmserver.Config)) *rig {
	t.Helper()
	r := &rig{t: t, dir: filepath.Join(t.TempDir(), "traces"), wns: fakewns.New(fakewns.Config{})}
	var err error
	if r.recorder, err = trace.NewRecorder(r.dir, trace.RecorderOptions{Tell: func(err error) { t.Error(err) }}); err != nil {
		t.Fatal(err)
	}
	recorded := r.recorder.Wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.server.ServeHTTP(w, req) }))
	r.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.edit != nil {
			r.edit(req)
		}
		recorded.ServeHTTP(w, req)
	}))
	r.front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	r.front.EnableHTTP2 = true
	r.front.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.front.StartTLS()
	t.Cleanup(r.front.Close)
	cfg := mdmserver.Config{BaseURL: r.front.URL, Username: "demo@mdm.example", Password: "demo-secret-1", PFN: fakewns.DefaultApp.PFN}
	if edit != nil {
		edit(&cfg)
	}
	if r.server, err = mdmserver.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.server.Close)
	return r
}

// oneKey is the RSA key of all devices: making one takes long.
var oneKey = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r.t.Cleanup(cancel)
	return ctx
}

// device makes a device of this profile.
func (r *rig) device(p dmclient.Profile, edit func(*dmclient.Config)) *dmclient.Device {
	r.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(r.front.Certificate())
	cfg := dmclient.Config{Discovery: r.front.URL + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: "demo-secret-1", Roots: roots, NoRetry: true,
		Profile: p, Identity: dmclient.NewIdentity(mathrand.New(mathrand.NewPCG(7, 7))), WNS: r.wns, Key: oneKey}
	if edit != nil {
		edit(&cfg)
	}
	d, err := dmclient.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(d.Close)
	return d
}

func (r *rig) enroll(d *dmclient.Device) {
	r.t.Helper()
	if err := d.Enroll(r.ctx(), r.opts); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) queue(d *dmclient.Device, verb syncml.Verb, uri, format, data string) {
	r.t.Helper()
	body, err := json.Marshal(map[string]any{"verb": verb, "locURI": uri, "format": format, "data": data})
	if err != nil {
		r.t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/devices/"+d.Identity().DeviceID+"/commands", strings.NewReader(string(body)))
	w := httptest.NewRecorder()
	r.server.Admin("").ServeHTTP(w, req)
	if w.Code/100 != 2 {
		r.t.Fatalf("queue: %d %s", w.Code, w.Body)
	}
}

// life is what a device does: it enrolls, has two sessions with work in them, renews
// its certificate, and is disconnected by its user.
func (r *rig) life(d *dmclient.Device) {
	r.t.Helper()
	r.enroll(d)
	if _, err := d.Sync(r.ctx(), dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}); err != nil {
		r.t.Log(err)
	}
	r.queue(d, syncml.Get, "./DevDetail/SwV", "", "")
	r.queue(d, syncml.Get, "./DevDetail/LrgObj", "", "")
	r.queue(d, syncml.Get, "./Vendor/MSFT/NoSuch/Node", "", "")
	r.queue(d, syncml.Replace, "./Vendor/MSFT/Policy/Config/DeviceLock/MaxInactivityTimeDeviceLock", "int", "7")
	if _, err := d.Sync(r.ctx(), dmclient.SyncOptions{Origin: dmclient.OriginPush}); err != nil {
		r.t.Log(err)
	}
	if err := d.Renew(r.ctx()); err != nil {
		r.t.Log(err)
	}
	if _, err := d.Unenroll(r.ctx()); err != nil {
		r.t.Log(err)
	}
}

// compared compares the one recording of the rig.
func (r *rig) compared(profile string) *Result {
	r.t.Helper()
	r.recorder.Close()
	files, err := filepath.Glob(filepath.Join(r.dir, "device-*.txt"))
	if err != nil || len(files) != 1 {
		r.t.Fatalf("%d recordings: %v %v", len(files), files, err)
	}
	f, err := Read(files[0])
	if err != nil {
		r.t.Fatal(err)
	}
	list, err := Run(r.ctx(), f, Options{Profile: profile})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(list) != 1 {
		r.t.Fatalf("%d results", len(list))
	}
	return list[0]
}

func fault(t *testing.T, spec string) dmclient.Fault {
	t.Helper()
	f, err := faults.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func show(r *Result) string {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
