package dmclient_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const linkedNodes = "/LinkedEnrollment/"

// linkedTo reads a node of LinkedEnrollment as a server would.
func linkedTo(d *dmclient.Device, node string) string {
	v, ok := d.Tree().Get(dmclient.ProviderURI(d.Provider()) + linkedNodes + node)
	if !ok {
		return "none"
	}
	return v
}

// documents is what the server of the linked enrollment knows.
func (r *rig) documents(d *dmclient.Device) (list []struct {
	ID, Result string
	State      int
}) {
	r.t.Helper()
	var v struct{ Documents json.RawMessage }
	w := httptest.NewRecorder()
	r.server.Admin("").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/devices/"+d.Identity().DeviceID+"/linked", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		r.t.Fatalf("%v: %s", err, w.Body)
	}
	if v.Documents != nil {
		if err := json.Unmarshal(v.Documents, &list); err != nil {
			r.t.Fatal(err)
		}
	}
	return list
}

// linked makes a device whose linked enrollment had its first session.
func (r *rig) linked(edit func(*dmclient.Config)) (d, child *dmclient.Device) {
	r.t.Helper()
	d = r.enrolled(edit)
	if _, err := d.Link(r.ctx()); err != nil {
		r.t.Fatal(err)
	}
	if child = d.Linked(); child == nil {
		r.t.Fatal("no linked enrollment: EnrollStatus", linkedTo(d, "EnrollStatus"))
	}
	return d, child
}

func linkedServer(c *mdmserver.Config) { c.Linked = true }

// TestLinkedEnrollment: the second enrollment, its sessions beside the first one's, and
// its documents (Learn, "Windows declared configuration protocol", "DMClient CSP",
// "DeclaredConfiguration CSP").
func TestLinkedEnrollment(t *testing.T) {
	r := newRig(t, linkedServer)
	d, child := r.linked(nil)
	if got := linkedTo(d, "EnrollStatus") + linkedTo(d, "LastError"); got != "40" {
		t.Errorf("EnrollStatus and LastError are %s, want 4 and 0", got)
	}
	if child.Provider() == d.Provider() || string(child.Certificate().Certificate[0]) == string(d.Certificate().Certificate[0]) {
		t.Error("the linked enrollment shares the account or the certificate of the primary one")
	}
	if n := child.SessionCount(); n != 1 {
		t.Errorf("%d sessions of the linked enrollment, want the first", n)
	}
	// The primary server reads how it ended.
	r.sync(d)
	if v := r.view(d); !v.Active {
		t.Error("the primary enrollment is gone")
	}
	// The first session brought documents; the next one tells their states, and the
	// server reads the results.
	s := r.sync(child)
	for i, m := range s.Sent {
		if alert := declaredIn(m); !strings.Contains(alert, `state="60"`) || !strings.Contains(alert, `state="80"`) {
			t.Errorf("message %d has the alert %q, want the states 60 and 80", i+1, alert)
		}
	}
	list := r.documents(d)
	if len(list) != 2 || list[0].State != 60 || !strings.Contains(list[0].Result, `operation="Set" state="60"`) ||
		!strings.Contains(list[0].Result, `<URI path="declared/AlwaysOn" status="200" state="60" type="bool"/>`) {
		t.Errorf("the server knows %+v", list)
	}
	if len(list) == 2 && !strings.Contains(list[1].Result, ">"+d.Profile().OSVersion+"</URI>") {
		t.Errorf("the inventory is %s", list[1].Result)
	}
	if v, _ := d.Tree().Get("./Vendor/MSFT/VPNv2/declared/AlwaysOn"); v != "true" {
		t.Errorf("the document's setting is %q on the device", v)
	}
}

// declaredIn is the data of the alert that tells of documents.
func declaredIn(m *syncml.Message) string {
	for _, c := range m.Body {
		for _, it := range c.Items {
			if c.Verb == syncml.Alert && it.Meta != nil && it.Meta.Type == dmclient.DeclaredAlertType {
				return it.Data
			}
		}
	}
	return ""
}

// TestLinkedEnrollmentNodes: the nodes before and without a linked enrollment (DDF of
// DMClient; Learn, "DMClient CSP"; TRUTH.md 13).
func TestLinkedEnrollmentNodes(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	at := dmclient.ProviderURI(d.Provider()) + linkedNodes
	for node, want := range map[string]string{"DiscoveryEndpoint": "", "EnrollStatus": "0", "LastError": "0", "Priority": "none", "Enroll": "none"} {
		if got := linkedTo(d, node); got != want {
			t.Errorf("%s is %q, want %q", node, got, want)
		}
	}
	r.queue(d, syncml.Exec, at+"Enroll", "", "")
	r.sync(d)
	if got := r.result(d); got != "done 500 " || linkedTo(d, "LastError") != "-2147024894" || d.LinkPending() {
		t.Errorf("Enroll without an endpoint: %s, LastError %s", got, linkedTo(d, "LastError"))
	}
	// An endpoint where nobody answers: EnrollStatus 2, then 3.
	r.queue(d, syncml.Replace, at+"DiscoveryEndpoint", "chr", "https://127.0.0.1:1/EnrollmentConfiguration")
	r.queue(d, syncml.Exec, at+"Enroll", "", "")
	r.sync(d)
	if got := r.result(d); got != "done 200 " || linkedTo(d, "EnrollStatus") != "2" {
		t.Errorf("Enroll: %s, EnrollStatus %s", got, linkedTo(d, "EnrollStatus"))
	}
	if _, err := d.Link(r.ctx()); err == nil || linkedTo(d, "EnrollStatus") != "3" || linkedTo(d, "LastError") == "0" {
		t.Errorf("err %v, EnrollStatus %s, LastError %s", err, linkedTo(d, "EnrollStatus"), linkedTo(d, "LastError"))
	}
	if old := r.device(func(c *dmclient.Config) { c.Profile = dmclient.Win10v1511() }); linkedTo(old, "EnrollStatus") != "none" {
		t.Error("Windows 10 1511 has LinkedEnrollment")
	}
}

// TestLinkedDiscovery: UPNRequired, Retry-After and refusals of the discovery (Learn,
// "Declared configuration discovery").
func TestLinkedDiscovery(t *testing.T) {
	asked := []string{}
	r := newRig(t, func(c *mdmserver.Config) {
		c.Linked = true
		c.Tamper.Linked = append(c.Tamper.Linked, func(_ *mdmserver.Config, req *enroll.LinkedRequest, reply *enroll.LinkedReply) {
			asked = append(asked, req.UPN+" "+req.EnrollmentType+" "+req.OSVersion)
			if req.UPN == "" {
				*reply = enroll.LinkedReply{ErrorCode: enroll.UPNRequired}
			}
		})
	})
	clock := dmclient.NewVirtualClock(start)
	d := r.enrolled(func(c *dmclient.Config) { c.Clock = clock })
	busy := true
	r.intercept = func(w http.ResponseWriter, req *http.Request) bool {
		if !busy || !strings.HasSuffix(req.URL.Path, mdmserver.LinkedDiscoveryPath) {
			return false
		}
		w.Header().Set("Retry-After", "90")
		http.Error(w, "later", http.StatusServiceUnavailable)
		return true
	}
	if _, err := d.Link(r.ctx()); err == nil || !d.LinkPending() || linkedTo(d, "EnrollStatus") != "2" {
		t.Errorf("a busy discovery: err %v, pending %v, EnrollStatus %s", err, d.LinkPending(), linkedTo(d, "EnrollStatus"))
	}
	busy = false
	if due, ok := d.Next(); !ok || due.What != "linked enrollment" || due.At.Sub(clock.Now()) != 90*time.Second {
		t.Errorf("next is %+v, want the linked enrollment in 90 s", due)
	} else if _, err := d.Act(r.ctx(), due); err != nil {
		t.Fatal(err)
	}
	want := " User 10.0.22631.3155, demo@mdm.example User 10.0.22631.3155"
	if got := strings.Join(asked, ", "); got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// TestLinkedIsKept: a device that is stored and restored still has its linked enrollment,
// the documents and what they hold.
func TestLinkedIsKept(t *testing.T) {
	r := newRig(t, linkedServer)
	var cfg dmclient.Config
	d, child := r.linked(func(c *dmclient.Config) { cfg = *c })
	r.sync(child)
	record, err := d.Pack(dmclient.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := dmclient.Unpack(cfg, dmclient.Packing{}, record)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	if again.Linked() == nil || again.Linked().Provider() != child.Provider() {
		t.Fatal("the linked enrollment is lost")
	}
	s := r.sync(again.Linked())
	if alert := declaredIn(s.Sent[0]); !strings.Contains(alert, `state="60"`) {
		t.Errorf("the restored enrollment tells %q", alert)
	}
	r.expect(again, "500", syncml.Replace, "./Vendor/MSFT/VPNv2/declared/DnsSuffix", "chr", "other.example")
}

// TestLinkedEndsWithThePrimary: a device that is no longer managed has no linked
// enrollment either [model].
func TestLinkedEndsWithThePrimary(t *testing.T) {
	r := newRig(t, linkedServer)
	d, child := r.linked(nil)
	if _, err := d.Unenroll(r.ctx()); err != nil {
		t.Fatal(err)
	}
	if d.Linked() != nil || child.State() != dmclient.Unenrolled {
		t.Errorf("the linked enrollment is %s", child.State())
	}
}

// TestLinkedNotWithMicrosoft: a simulated device has no business at Microsoft's service.
func TestLinkedNotWithMicrosoft(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	at := dmclient.ProviderURI(d.Provider()) + linkedNodes
	r.queue(d, syncml.Replace, at+"DiscoveryEndpoint", "chr", "https://discovery.dm.microsoft.com/EnrollmentConfiguration?api-version=1.0")
	r.queue(d, syncml.Exec, at+"Enroll", "", "")
	r.sync(d)
	if _, err := d.Link(r.ctx()); err == nil || !strings.Contains(err.Error(), "Microsoft") || linkedTo(d, "EnrollStatus") != "3" {
		t.Errorf("err %v, EnrollStatus %s", err, linkedTo(d, "EnrollStatus"))
	}
}

// TestLinkedJoined: a device that joined a directory says so in the discovery, and
// enrolls linked with its own token (Learn, "Declared configuration discovery" and
// "enrollment").
func TestLinkedJoined(t *testing.T) {
	kind := ""
	r, f := entraRig(t, func(c *mdmserver.Config) {
		c.Linked = true
		c.Tamper.Linked = append(c.Tamper.Linked, func(_ *mdmserver.Config, req *enroll.LinkedRequest, _ *enroll.LinkedReply) { kind = req.EnrollmentType })
	})
	_, child := r.linked(func(c *dmclient.Config) {
		f.config(c)
		join(c)
	})
	rst := string(child.EnrollExchanges()[len(child.EnrollExchanges())-1].Request)
	if kind != "Device" || !strings.Contains(rst, enroll.JWTToken) || !strings.Contains(rst, "EmmDeviceId") {
		t.Errorf("enrollmentType %q, RST %s", kind, rst)
	}
	own := false
	for _, a := range f.asked {
		own = own || a.Device
	}
	if !own {
		t.Error("no token of the device was asked for")
	}
}
