package api_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/control/openapi"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/devices/api"
	"github.com/dmwake/dmwake/harness/devices/client"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// rig is a lab's API on a real socket, with the reference server as the target. Every
// exchange of its client is held against openapi.yaml.
type rig struct {
	*client.Client
	t     *testing.T
	wns   *fakewns.Local
	pool  *devices.Pool
	mdm   *mdmserver.Server
	front *httptest.Server // of mdm
	ctx   context.Context  //nolint:containedctx // of a test
}

func newRig(t *testing.T, edit func(*devices.Config)) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	r := &rig{t: t, ctx: ctx, wns: fakewns.NewServer(fakewns.Config{Seed: 1})}
	t.Cleanup(r.wns.Close)
	r.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.mdm.ServeHTTP(w, req) }))
	r.front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	r.front.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.front.StartTLS()
	t.Cleanup(r.front.Close)
	var err error
	r.mdm, err = mdmserver.New(mdmserver.Config{BaseURL: r.front.URL, Username: "demo@mdm.example", Password: "demo", PFN: fakewns.DefaultApp.PFN,
		PackageSID: fakewns.DefaultApp.PackageSID, Secret: fakewns.DefaultApp.Secret, TokenURL: r.wns.TokenURL, HTTP: r.wns.Client()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.mdm.Close)
	roots := x509.NewCertPool()
	roots.AddCert(r.front.Certificate())
	cfg := devices.Config{Seed: 1, Base: func() (dmclient.Config, error) {
		return dmclient.Config{Discovery: r.front.URL + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: "demo", Roots: roots, WNS: r.wns}, nil
	}, Release: func(id string) {
		for _, c := range r.wns.ChannelsOf(func(c fakewns.Channel) bool { return c.Device == id }) {
			r.wns.ForgetChannel(c.URI)
		}
	}}
	if edit != nil {
		edit(&cfg)
	}
	r.pool = devices.New(cfg)
	t.Cleanup(r.pool.Close)
	part := api.Part(r.pool, r.wns.Server)
	srv := httptest.NewServer(control.Handler(r.wns.Server, control.Options{Parts: []control.Part{part}}))
	t.Cleanup(srv.Close)
	doc, err := control.Document([]control.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	r.Client = &client.Client{URL: srv.URL, HTTP: &http.Client{Transport: &openapi.Transport{T: t, Doc: openapi.Document(t, doc)}}}
	return r
}

// admin sends a request to the reference server's admin API.
func (r *rig) admin(method, path string, body any) {
	r.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r.mdm.Admin("").ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1"+path, bytes.NewReader(raw)))
	if w.Code >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

// queue queues a command at the server, and lets it push.
func (r *rig) queue(id, verb, locURI, format, data string) {
	r.t.Helper()
	r.admin(http.MethodPost, "/devices/"+id+"/commands", map[string]string{"verb": verb, "locURI": locURI, "format": format, "data": data})
	r.admin(http.MethodPost, "/devices/"+id+"/push", nil)
}

// enrolled creates a device and enrolls it.
func (r *rig) enrolled(s devices.Spec) devices.Device {
	r.t.Helper()
	s.Key = "ec"
	d := must(r.Create(r.ctx, s))(r.t)
	return must(r.Enroll(r.ctx, d.ID, devices.Enrollment{}))(r.t)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// raw sends a request whose exchange is held against openapi.yaml, too.
func (r *rig) raw(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.ctx, method, r.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.HTTP.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(out)
}
