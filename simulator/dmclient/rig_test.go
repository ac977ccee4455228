package dmclient_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// rig is the reference server behind real TLS, with a push service.
type rig struct {
	t      *testing.T
	front  *httptest.Server
	server *mdmserver.Server
	wns    *fakewns.Server
	roots  *x509.CertPool
	seed   uint64
	// intercept, where not nil, sees every request first; true means that it
	// answered.
	intercept func(http.ResponseWriter, *http.Request) bool
}

func newRig(t *testing.T, edit func(*mdmserver.Config)) *rig {
	t.Helper()
	r := &rig{t: t, wns: fakewns.New(fakewns.Config{}), roots: x509.NewCertPool()}
	r.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.intercept == nil || !r.intercept(w, req) {
			r.server.ServeHTTP(w, req)
		}
	}))
	r.front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	r.front.EnableHTTP2 = true
	r.front.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.front.StartTLS()
	t.Cleanup(r.front.Close)
	r.roots.AddCert(r.front.Certificate())
	cfg := mdmserver.Config{BaseURL: r.front.URL, Username: "demo@mdm.example", Password: "demo", PFN: fakewns.DefaultApp.PFN}
	if edit != nil {
		edit(&cfg)
	}
	var err error
	if r.server, err = mdmserver.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.server.Close)
	return r
}

// ecKey makes keys that cost nothing.
func ecKey() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// device makes a device of this server's; it is not enrolled yet.
func (r *rig) device(edit func(*dmclient.Config)) *dmclient.Device {
	r.t.Helper()
	r.seed++
	cfg := dmclient.Config{
		Discovery: r.front.URL + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: "demo", Roots: r.roots, NoRetry: true,
		Identity: dmclient.NewIdentity(mathrand.New(mathrand.NewPCG(r.seed, 1))), WNS: r.wns, Key: ecKey,
	}
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

// enrolled makes a device that is enrolled and had its first session.
func (r *rig) enrolled(edit func(*dmclient.Config)) *dmclient.Device {
	r.t.Helper()
	d := r.device(edit)
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		r.t.Fatal(err)
	}
	r.sync(d)
	return d
}

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r.t.Cleanup(cancel)
	return ctx
}

// sync runs a session that has to go well.
func (r *rig) sync(d *dmclient.Device) *dmclient.Session {
	r.t.Helper()
	s, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
	if err != nil {
		r.t.Fatalf("%v (%s)", err, s.End)
	}
	return s
}

// queue makes the server queue a command.
func (r *rig) queue(d *dmclient.Device, verb syncml.Verb, uri, format, data string) {
	r.t.Helper()
	body, err := json.Marshal(map[string]any{"verb": verb, "locURI": uri, "format": format, "data": data})
	if err != nil {
		r.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r.server.Admin("").ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://127.0.0.1/devices/"+d.Identity().DeviceID+"/commands", strings.NewReader(string(body))))
	if w.Code != http.StatusCreated {
		r.t.Fatalf("queue: %d %s", w.Code, w.Body)
	}
}

// view is what the server knows of a device.
type view struct {
	Active      bool
	Sessions    int
	HasChannel  bool
	Login, User string
	Commands    []struct {
		LocURI, State, Result string
		Status                int
	}
}

func (r *rig) view(d *dmclient.Device) (v view) {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.server.Admin("").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/devices/"+d.Identity().DeviceID, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		r.t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

// result is what came of the last command that was queued.
func (r *rig) result(d *dmclient.Device) string {
	r.t.Helper()
	v := r.view(d)
	if len(v.Commands) == 0 {
		return "none"
	}
	c := v.Commands[len(v.Commands)-1]
	return fmt.Sprintf("%s %d %s", c.State, c.Status, c.Result)
}

// atomic sends one Atomic that adds these nodes, in the place of the reference
// server, which sends none, and gives the codes of the answer.
func atomic(t *testing.T, r *rig, d *dmclient.Device, uris ...string) string {
	t.Helper()
	m := &syncml.Message{Final: true, Hdr: syncml.SyncHdr{VerDTD: "1.2", VerProto: "DM/1.2", SessionID: "1", MsgID: "1"},
		Body: []syncml.Command{{Verb: syncml.Atomic, CmdID: "1"}}}
	for i, u := range uris {
		m.Body[0].Commands = append(m.Body[0].Commands, syncml.Command{Verb: syncml.Add, CmdID: fmt.Sprint(i + 2),
			Items: []syncml.Item{{Target: syncml.Loc{LocURI: u}, Data: "1", HasData: true}}})
	}
	body, err := syncml.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	replies := [][]byte{body, nil}
	r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Write(replies[0])
		replies = replies[1:]
		return true
	}
	s := r.sync(d)
	r.intercept = nil
	var codes []string
	for i := range s.Sent[1].Body {
		if c := &s.Sent[1].Body[i]; c.CmdRef != "0" {
			codes = append(codes, c.Data)
		}
	}
	return strings.Join(codes, " ")
}
