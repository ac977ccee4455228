package lab

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// ownAPI is the API of a server that knows devices by an id of its own, which is in
// the query of ADDR. It manages a device only after an administrator approved it.
type ownAPI struct {
	admin string // of the reference server behind it

	mu       sync.Mutex
	approved map[string]target.Vars // by own id
	lookups  int
	broken   string // why lookups fail
}

func (a *ownAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/approve":
		var v target.Vars
		if err := json.Unmarshal(body, &v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a.approved[r.URL.Query().Get("id")] = v
		fmt.Fprintln(w, "approved by the administrator")
	case "/find":
		a.lookups++
		if a.broken != "" {
			http.Error(w, a.broken, http.StatusNotFound)
			return
		}
		for id, v := range a.approved {
			if v.CertThumbprint == r.URL.Query().Get("thumbprint") {
				fmt.Fprintf(w, " %s \n", id)
			}
		}
	case "/commands":
		v, ok := a.approved[r.URL.Query().Get("id")]
		if !ok {
			http.Error(w, "no host "+r.URL.Query().Get("id"), http.StatusNotFound)
			return
		}
		resp, err := http.Post(a.admin+"/devices/"+v.DeviceID+"/commands", "application/json", bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
	}
}

// ownIDs is a lab with such a server.
func ownIDs(t *testing.T) (*Lab, *ownAPI) {
	t.Helper()
	l, err := Start(nil, Options{Keys: testKeys, Variants: []*variants.Variant{variants.AddrQueryID}, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	h := &l.Config.Target.Hooks
	admin, _, _ := strings.Cut(h.Queue.HTTP.URL, "/devices")
	api := &ownAPI{admin: admin, approved: map[string]target.Vars{}}
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	h.Enrolled = &target.Hook{HTTP: &target.HTTPHook{URL: srv.URL + `/approve?id={{regexp "device=([^&]+)" .ManagementURL}}`,
		Body: `{"DeviceID":{{json .DeviceID}},"CertCN":{{json .CertCN}},"CertSerial":{{json .CertSerial}},"CertThumbprint":{{json .CertThumbprint}},
			"EnrollmentID":{{json .EnrollmentID}},"HWDevID":{{json .HWDevID}},"SerialNumber":{{json .SerialNumber}},"OSVersion":{{json .OSVersion}},"EntDMID":{{json .EntDMID}},"ProviderID":{{json .ProviderID}}}`}}
	h.Lookup = &target.Hook{HTTP: &target.HTTPHook{Method: http.MethodGet, URL: srv.URL + "/find?thumbprint={{urlquery .CertThumbprint}}"}}
	h.Queue = &target.Hook{HTTP: &target.HTTPHook{URL: srv.URL + "/commands?id={{urlquery .ServerID}}", Body: h.Queue.HTTP.Body}}
	return l, api
}

var getLang = Command{Verb: syncml.Get, LocURI: "./DevInfo/Lang"}

// TestOwnIDs: a server that knows devices by its own id is reached by that, found
// once for each enrollment; and what hooks know is true.
func TestOwnIDs(t *testing.T) {
	l, api := ownIDs(t)
	d, err := l.NewDevice(dmclient.Win11v25H2())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := l.Enroll(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	addr, err := url.Parse(d.Address())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(d.Certificate().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	id := d.Identity()
	v, ok := api.approved[addr.Query().Get("device")]
	if !ok || v.DeviceID != id.DeviceID || v.CertCN != strings.TrimRight(cert.Subject.CommonName, "\x00") || v.CertSerial != hex.EncodeToString(cert.SerialNumber.Bytes()) || v.EnrollmentID != id.GUID ||
		v.HWDevID != id.HWDevID || v.SerialNumber != "SN"+id.HWDevID[:12] || v.OSVersion != "10.0.26200.9278" || v.ProviderID != d.Provider() || v.EntDMID == "" || len(v.CertThumbprint) != 40 {
		t.Errorf("the enrolled hook said %+v of %+v with %s, serial %x", v, id, cert.Subject, cert.SerialNumber)
	}
	arrives := func() {
		t.Helper()
		if err := l.Queue(t.Context(), d, getLang); err != nil {
			t.Fatal(err)
		}
		s, err := d.Sync(t.Context(), dmclient.SyncOptions{})
		if err != nil || len(s.Find(syncml.Get, "/Lang")) == 0 {
			t.Errorf("the command did not arrive: %v", err)
		}
	}
	if _, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if err := l.Queue(t.Context(), d, getLang); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	arrives()
	if api.lookups != 1 {
		t.Errorf("%d lookups, want 1", api.lookups)
	}
	l.Config.Target.Hooks.Active = &target.Hook{Exec: []string{"echo", "other", addr.Query().Get("device")}}
	if is, err := l.Active(t.Context(), d); err != nil || !is {
		t.Errorf("active by its own id: %v, %v", is, err)
	}
	l.Config.Target.Hooks.Active.Exec[2] = "another"
	if is, err := l.Active(t.Context(), d); err != nil || is {
		t.Errorf("active though not printed: %v, %v", is, err)
	}
	old := api.approved
	api.approved = map[string]target.Vars{}
	if err := d.Enroll(t.Context(), dmclient.EnrollOptions{Again: true}); err != nil {
		t.Fatal(err)
	}
	if err := l.AfterEnrollment(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	arrives()
	if api.lookups != 2 || len(api.approved) != 1 || len(old) != 1 {
		t.Errorf("%d lookups after the second enrollment, want 2", api.lookups)
	}
	// A device that was wiped knows nothing more, and the server is asked about it.
	d.Wipe()
	l.Config.Target.Hooks.Active.Exec = []string{"echo", `{{regexp "device=([^&]+)" .ManagementURL}}`}
	if v, err := l.Vars(t.Context(), d); err != nil || v.ServerID == "" || v.CertThumbprint == "" {
		t.Errorf("of a device that was wiped hooks know %+v, %v", v, err)
	}
	if is, err := l.Active(t.Context(), d); err != nil || !is || api.lookups != 2 {
		t.Errorf("active after a wipe: %v, %v, %d lookups", is, err, api.lookups)
	}
	var lines []string
	for _, o := range l.HookOutcomes(id.DeviceID, time.Time{}) {
		lines = append(lines, o.Lines()...)
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "enrolled hook, printed: approved by the administrator") || strings.Count(text, "lookup hook: GET 127.0.0.1:") != 2 {
		t.Errorf("remembered:\n%s", text)
	}
	if len(l.HookOutcomes("other", time.Time{})) != 0 || len(l.HookOutcomes("", time.Now())) != 0 {
		t.Error("outcomes for another device, or of later")
	}
}

// TestLookupFails: the error has the hook's words, and the next use tries again.
func TestLookupFails(t *testing.T) {
	l, api := ownIDs(t)
	d, err := l.NewDevice(dmclient.Win11v24H2())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := l.Enroll(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	api.broken = "no such host\nand more"
	var he *target.HookError
	if err := l.Queue(t.Context(), d, getLang); !errors.As(err, &he) || err.Error() != "the lookup hook failed: HTTP status 404: no such host" {
		t.Errorf("%v", err)
	}
	api.broken = ""
	find := l.Config.Target.Hooks.Lookup
	for printed, want := range map[string]string{
		"":                        "it printed nothing; let it print the server's own id for the device " + d.Identity().DeviceID,
		"a\nb":                    "it printed several lines",
		strings.Repeat("x", 1025): "it printed 1025 bytes",
	} {
		l.Config.Target.Hooks.Lookup = &target.Hook{Exec: []string{"echo", printed}}
		if err := l.Queue(t.Context(), d, getLang); err == nil || !strings.Contains(err.Error(), "the lookup hook failed: "+want) {
			t.Errorf("%q: %v", short(printed), err)
		}
	}
	l.Config.Target.Hooks.Lookup = find
	if err := l.Queue(t.Context(), d, getLang); err != nil {
		t.Error(err)
	}
}

func short(s string) string { return s[:min(len(s), 10)] }

// TestEnrolledFails: a step of the configuration that fails is not the server's
// fault, and the message says so.
func TestEnrolledFails(t *testing.T) {
	l, _ := ownIDs(t)
	l.Config.Target.Hooks.Enrolled = &target.Hook{Exec: []string{"sh", "-c", "echo 'no such group: Windows' >&2; exit 1"}}
	err := l.Preflight(t.Context())
	var excused *ExcusedError
	if !errors.As(err, &excused) || err.Error() != "the enrolled hook failed: sh: exit status 1: no such group: Windows: fix target.hooks.enrolled" {
		t.Errorf("%v", err)
	}
}
