package dmclient_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestDeclaredOnPrimary: the CSP is not for a primary enrollment: 406 on 26200 (seen by
// go-microsoft-dm).
func TestDeclaredOnPrimary(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(func(c *dmclient.Config) { c.Profile = dmclient.Win11v25H2() })
	for _, uri := range []string{"./Device/Vendor/MSFT/DeclaredConfiguration/ManagementServiceConfiguration/RefreshInterval",
		"./Device/Vendor/MSFT/DeclaredConfiguration/Host/BulkTemplate", "./User/Vendor/MSFT/DeclaredConfiguration"} {
		r.expect(d, "406", syncml.Get, uri, "", "")
	}
	old := r.enrolled(func(c *dmclient.Config) { c.Profile = dmclient.Win10v1511() })
	r.expect(old, "404", syncml.Get, "./Device/Vendor/MSFT/DeclaredConfiguration", "", "")
}

// TestDeclaredSettingsAreHeld: what a document set is refused to the primary server,
// repaired by a refresh, given back when the document is abandoned, and taken back when
// the device leaves (Learn, "DeclaredConfiguration CSP" and "DMClient CSP").
func TestDeclaredSettingsAreHeld(t *testing.T) {
	r := newRig(t, linkedServer)
	clock := dmclient.NewVirtualClock(start)
	d, child := r.linked(func(c *dmclient.Config) { c.Clock = clock })
	const vpn = "./Vendor/MSFT/VPNv2/declared/DnsSuffix"
	r.sync(child)
	r.expect(d, "500", syncml.Replace, vpn, "chr", "other.example")
	if !strings.Contains(string(lastSent(d)), "500") {
		t.Error("no Status 500")
	}
	// Somebody at the device changes it; the refresh sets it again, 4 hours later.
	d.Tree().Provision(vpn, "local.example")
	due, ok := child.Next()
	for ; ok && due.What != "refresh"; due, ok = child.Next() {
		if due.At.Sub(start) > 5*time.Hour {
			t.Fatalf("no refresh within 4 hours, but %+v", due)
		}
		clock.Advance(due.At.Sub(clock.Now()))
		if _, err := child.Act(r.ctx(), due); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(due.At.Sub(clock.Now()))
	if _, err := child.Act(r.ctx(), due); err != nil {
		t.Fatal(err)
	}
	if v, _ := d.Tree().Get(vpn); v != "mdm.example" {
		t.Errorf("after a refresh %s is %q", vpn, v)
	}
	const doc = "./Device/Vendor/MSFT/DeclaredConfiguration/Host/Complete/Documents/27FEA311-68B9-4320-9FC4-296F6FDFAFE2"
	r.queueLinked(d, syncml.Replace, doc+"/Properties/Abandoned", "int", "1")
	r.sync(child)
	r.sync(child)
	r.expect(d, "200", syncml.Replace, vpn, "chr", "other.example")
	r.queueLinked(d, syncml.Replace, doc+"/Properties/Abandoned", "int", "0")
	r.sync(child)
	r.sync(child)
	if v, _ := d.Tree().Get(vpn); v != "mdm.example" {
		t.Errorf("after the document was taken up again %s is %q", vpn, v)
	}
	r.expect(d, "200", syncml.Exec, dmclient.ProviderURI(d.Provider())+linkedNodes+"Unenroll", "", "")
	if linkedTo(d, "EnrollStatus") != "6" {
		t.Errorf("EnrollStatus is %s before the task ran", linkedTo(d, "EnrollStatus"))
	}
	if _, err := d.Link(r.ctx()); err != nil {
		t.Fatal(err)
	}
	if linkedTo(d, "EnrollStatus") != "8" || d.Linked() != nil {
		t.Errorf("EnrollStatus is %s after Unenroll", linkedTo(d, "EnrollStatus"))
	}
	if _, ok := d.Tree().Get(vpn); ok {
		t.Error("the settings of the document are still there")
	}
	r.sync(d)
}

func lastSent(d *dmclient.Device) []byte {
	list := d.Sessions()
	ex := list[len(list)-1].Exchanges
	return ex[len(ex)-1].Request
}

// queueLinked queues a command for the linked enrollment.
func (r *rig) queueLinked(d *dmclient.Device, verb syncml.Verb, uri, format, data string) {
	r.t.Helper()
	body, err := json.Marshal(map[string]any{"verb": verb, "locURI": uri, "format": format, "data": data})
	if err != nil {
		r.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r.server.Admin("").ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://127.0.0.1/devices/"+d.Identity().DeviceID+"/linked/commands", strings.NewReader(string(body))))
	if w.Code != http.StatusCreated {
		r.t.Fatalf("queue: %d %s", w.Code, w.Body)
	}
}

// TestDeclaredRefusals: documents that are refused in their session (Learn,
// "DeclaredConfiguration CSP"), and one whose setting fails later.
func TestDeclaredRefusals(t *testing.T) {
	r := newRig(t, func(c *mdmserver.Config) {
		c.Linked, c.Documents = true, []mdmserver.Document{}
	})
	d, child := r.linked(nil)
	const id = "11111111-2222-3333-4444-555555555555"
	const node = "./Device/Vendor/MSFT/DeclaredConfiguration/Host/Complete/Documents/" + id + "/Document"
	text := func(context, id, scenario, body string) string {
		return `<DeclaredConfiguration schema="1.0" context="` + context + `" id="` + id + `" checksum="A1" osdefinedscenario="` + scenario + `">` + body + `</DeclaredConfiguration>`
	}
	const vpn = `<CSP name="./Vendor/MSFT/VPNv2"><URI path="p/AlwaysOn" type="bool">true</URI></CSP>`
	for what, doc := range map[string]string{
		"no XML": "<DeclaredConfiguration", "another scope": text("User", id, "MSFTVPN", vpn), "another id": text("Device", "21111111-2222-3333-4444-555555555555", "MSFTVPN", vpn),
		"an unknown scenario": text("Device", id, "MSFTCoffee", vpn), "a bad URI": text("Device", id, "MSFTVPN", `<CSP name="./Vendor/MSFT/NoSuchCSP"><URI path="x">1</URI></CSP>`),
		"no body": text("Device", id, "MSFTVPN", ""),
	} {
		r.queueLinked(d, syncml.Replace, node, "chr", doc)
		s := r.sync(child)
		if got := s.Find(syncml.Replace, "/Document"); len(got) != 1 || got[0].Code != 500 {
			t.Errorf("%s: %+v, want 500", what, got)
		}
	}
	r.queueLinked(d, syncml.Replace, node, "chr", text("Device", id, "msftvpn", `<CSP name="./Vendor/MSFT/VPNv2"><URI path="p/AlwaysOn" type="bool">banana</URI></CSP>`))
	s := r.sync(child)
	if alert := declaredIn(s.Sent[len(s.Sent)-1]); !strings.Contains(alert, `state="1"`) {
		t.Errorf("the alert after the document is %q, want state 1", alert)
	}
	r.sync(child)
	if list := r.documents(d); len(list) != 1 || list[0].State != 61 || !strings.Contains(list[0].Result, `status="415" state="61"`) {
		t.Errorf("a wrong value: %+v", list)
	}
	// A new checksum replaces the settings, Delete leaves them.
	r.queueLinked(d, syncml.Replace, node, "chr", strings.Replace(text("Device", id, "MSFTVPN", vpn), "A1", "A2", 1))
	r.sync(child)
	r.sync(child)
	if list := r.documents(d); list[0].State != 60 {
		t.Errorf("the better document: %+v", list)
	}
	r.queueLinked(d, syncml.Delete, strings.TrimSuffix(node, "/Document"), "", "")
	s = r.sync(child)
	if alert := declaredIn(s.Sent[len(s.Sent)-1]); !strings.Contains(alert, `state="10"`) {
		t.Errorf("the alert after Delete is %q, want state 10", alert)
	}
	s = r.sync(child)
	if alert := declaredIn(s.Sent[0]); !strings.Contains(alert, `state="70"`) {
		t.Errorf("the alert of the next session is %q, want state 70", alert)
	}
	if s = r.sync(child); declaredIn(s.Sent[0]) != "" {
		t.Errorf("a removed document is told twice: %s", declaredIn(s.Sent[0]))
	}
	if v, _ := d.Tree().Get("./Vendor/MSFT/VPNv2/p/AlwaysOn"); v != "true" {
		t.Error("Delete of the document took its settings back")
	}
	r.expect(d, "200", syncml.Replace, "./Vendor/MSFT/VPNv2/p/AlwaysOn", "bool", "false")
}
