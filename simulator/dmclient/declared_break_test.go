package dmclient_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	ownID   = "11111111-2222-3333-4444-555555555555"
	ownNode = "./Device/Vendor/MSFT/DeclaredConfiguration/Host/Complete/Documents/" + ownID
)

func ownDocument(checksum, uris string) string {
	return `<DeclaredConfiguration schema="1.0" context="Device" id="` + ownID + `" checksum="` + checksum + `" osdefinedscenario="MSFTVPN"><CSP name="./Vendor/MSFT/VPNv2">` + uris + `</CSP></DeclaredConfiguration>`
}

const (
	alwaysOn  = `<URI path="p/AlwaysOn" type="bool">true</URI>`
	dnsSuffix = `<URI path="p/DnsSuffix" type="chr">mdm.<!-- -->example</URI>`
)

// noDocuments makes a device linked to a server that sends only what the test queues.
func noDocuments(t *testing.T, edit func(*dmclient.Config)) (r *rig, d, child *dmclient.Device) {
	r = newRig(t, func(c *mdmserver.Config) { c.Linked, c.Documents = true, []mdmserver.Document{} })
	d, child = r.linked(edit)
	return r, d, child
}

// TestDeclaredSettingIsDropped: a document that no longer has one of two settings under a
// node that it made keeps the other one, and takes the node back at the end.
func TestDeclaredSettingIsDropped(t *testing.T) {
	r, d, child := noDocuments(t, nil)
	for i, uris := range []string{alwaysOn + dnsSuffix, dnsSuffix} {
		r.queueLinked(d, syncml.Replace, ownNode+"/Document", "chr", ownDocument("A"+string(rune('1'+i)), uris))
		r.sync(child)
		r.sync(child)
	}
	if v, _ := d.Tree().Get("./Vendor/MSFT/VPNv2/p/DnsSuffix"); v != "mdm.example" {
		t.Errorf("the setting that is left is %q", v)
	}
	if v, ok := d.Tree().Get("./Vendor/MSFT/VPNv2/p/AlwaysOn"); ok && v == "true" {
		t.Error("the setting that the document dropped is still there")
	}
	r.expect(d, "200", syncml.Exec, dmclient.ProviderURI(d.Provider())+linkedNodes+"Unenroll", "", "")
	if _, err := d.Link(r.ctx()); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Tree().Get("./Vendor/MSFT/VPNv2/p"); ok {
		t.Error("the node that the document made is still there")
	}
}

// TestDeclaredUnderAbandonedID: a document that is abandoned before it is processed, or
// replaced while it is, holds nothing; Delete of Abandoned takes it up again.
func TestDeclaredUnderAbandonedID(t *testing.T) {
	r, d, child := noDocuments(t, nil)
	const vpn = "./Vendor/MSFT/VPNv2/p/DnsSuffix"
	r.queueLinked(d, syncml.Replace, ownNode+"/Document", "chr", ownDocument("A1", dnsSuffix))
	r.queueLinked(d, syncml.Replace, ownNode+"/Properties/Abandoned", "int", "1")
	r.sync(child)
	r.sync(child)
	r.expect(d, "200", syncml.Replace, vpn, "chr", "other.example")
	r.queueLinked(d, syncml.Replace, ownNode+"/Document", "chr", ownDocument("A2", dnsSuffix))
	r.sync(child)
	r.sync(child)
	if v, _ := d.Tree().Get(vpn); v != "mdm.example" {
		t.Errorf("the new document set %q", v)
	}
	r.expect(d, "200", syncml.Replace, vpn, "chr", "other.example")
	r.queueLinked(d, syncml.Delete, ownNode+"/Properties/Abandoned", "", "")
	r.sync(child)
	r.sync(child)
	if v, _ := d.Tree().Get(vpn); v != "mdm.example" {
		t.Errorf("taken up again, the document has %q", v)
	}
	r.expect(d, "500", syncml.Replace, vpn, "chr", "other.example")
}

// TestDeclaredAcrossRestart: a document that was accepted, and not yet processed when the
// device's program ended, is processed after it starts again.
func TestDeclaredAcrossRestart(t *testing.T) {
	var cfg dmclient.Config
	r, d, child := noDocuments(t, func(c *dmclient.Config) { cfg = *c })
	r.queueLinked(d, syncml.Replace, ownNode+"/Document", "chr", ownDocument("A1", alwaysOn))
	s := r.sync(child)
	if alert := declaredIn(s.Sent[len(s.Sent)-1]); !strings.Contains(alert, `state="1"`) {
		t.Fatalf("the alert after the document is %q, want state 1", alert)
	}
	record, err := d.Pack(dmclient.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := dmclient.Unpack(cfg, dmclient.Packing{}, record)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	r.sync(again.Linked())
	if list := r.documents(d); len(list) != 1 || list[0].State != 60 {
		t.Errorf("the server knows %+v", list)
	}
	if v, _ := again.Tree().Get("./Vendor/MSFT/VPNv2/p/AlwaysOn"); v != "true" {
		t.Errorf("the setting is %q", v)
	}
}

// TestDeclaredOddDocuments: an element where a value stands is refused, not read as an
// empty value; RefreshInterval has a lower limit.
func TestDeclaredOddDocuments(t *testing.T) {
	r, d, child := noDocuments(t, nil)
	const service = "./Device/Vendor/MSFT/DeclaredConfiguration/ManagementServiceConfiguration/"
	for i, c := range []struct {
		uri, format, data string
		want              int
	}{
		{ownNode + "/Document", "chr", ownDocument("A1", `<URI path="p/ProfileXML" type="chr"><VPNProfile/></URI>`), 500},
		{ownNode + "/Document", "chr", ownDocument("A1", `<URI path="p//AlwaysOn" type="bool">true</URI>`), 500},
		{ownNode + "/Document", "chr", ownDocument("A1", `<URI path="p/%zz" type="bool">true</URI>`), 500},
		{ownNode + "/Document", "chr", ownDocument("", alwaysOn), 500},
		{service + "RefreshInterval", "int", "29", 500},
		{service + "RefreshInterval", "int", "30", 200},
	} {
		r.queueLinked(d, syncml.Replace, c.uri, c.format, c.data)
		s := r.sync(child)
		if got := s.Find(syncml.Replace, c.uri[strings.LastIndexByte(c.uri, '/'):]); len(got) != 1 || got[0].Code != c.want {
			t.Errorf("%d: %s %s: %+v, want %d", i, c.uri, c.data, got, c.want)
		}
	}
	r.queueLinked(d, syncml.Replace, ownNode+"/Properties/Abandoned", "int", "1")
	r.sync(child)
	r.sync(child) // there is no such document: nothing to do
	if list := r.documents(d); len(list) != 0 {
		t.Errorf("the server knows %+v", list)
	}
}

// TestLinkedTaskIsAskedForAgain: what a session asks for while the task runs is done by
// the next run, in both directions.
func TestLinkedTaskIsAskedForAgain(t *testing.T) {
	r := newRig(t, linkedServer)
	d := r.enrolled(nil)
	ask := func(during, command string) {
		r.intercept = func(_ http.ResponseWriter, req *http.Request) bool {
			if strings.HasSuffix(req.URL.Path, during) {
				r.intercept = nil
				r.expect(d, "200", syncml.Exec, dmclient.ProviderURI(d.Provider())+linkedNodes+command, "", "")
			}
			return false
		}
	}
	run := func(status string, pending, linked bool) {
		t.Helper()
		if _, err := d.Link(r.ctx()); err != nil {
			t.Fatal(err)
		}
		if got := linkedTo(d, "EnrollStatus"); got != status || d.LinkPending() != pending || (d.Linked() != nil) != linked {
			t.Errorf("EnrollStatus %s, pending %v, linked %v; want %s, %v, %v", got, d.LinkPending(), d.Linked() != nil, status, pending, linked)
		}
	}
	ask(mdmserver.LinkedDiscoveryPath, "Unenroll")
	run("6", true, true)
	ask(mdmserver.LinkedPath+"/ManagementServer/MDM.svc", "Enroll")
	run("2", true, false)
	run("4", false, true)
}

// TestLinkedServicesOfMicrosoft: no address that leads to Microsoft's service is used,
// however it is written or wherever it is named.
func TestLinkedServicesOfMicrosoft(t *testing.T) {
	asked := 0
	r := newRig(t, func(c *mdmserver.Config) {
		c.Linked = true
		c.Tamper.Linked = append(c.Tamper.Linked, func(_ *mdmserver.Config, _ *enroll.LinkedRequest, reply *enroll.LinkedReply) {
			asked++
			reply.EnrollmentServiceURL = "https://Checkin.DM.microsoft.com./EnrollmentServer/Service.svc"
		})
	})
	d := r.enrolled(nil)
	if _, err := d.Link(r.ctx()); err == nil || !strings.Contains(err.Error(), "Microsoft's service") || asked != 1 || linkedTo(d, "EnrollStatus") != "3" {
		t.Errorf("err %v, EnrollStatus %s, asked %d times", err, linkedTo(d, "EnrollStatus"), asked)
	}
	at := dmclient.ProviderURI(d.Provider()) + linkedNodes
	for _, endpoint := range []string{"https://discovery.dm.microsoft.com./EnrollmentConfiguration", "https://MICROSOFT.com", "https://discovery.dm.microsoft.us:443/x"} {
		r.queue(d, syncml.Replace, at+"DiscoveryEndpoint", "chr", endpoint)
		r.queue(d, syncml.Exec, at+"Enroll", "", "")
		r.sync(d)
		if _, err := d.Link(r.ctx()); err == nil || !strings.Contains(err.Error(), "Microsoft's service") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// TestDeclaredRemovedFromAbove: Delete of a node above documents removes them, too.
func TestDeclaredRemovedFromAbove(t *testing.T) {
	for _, above := range []string{"/Complete/Documents", "/Complete", ""} {
		r, d, child := noDocuments(t, nil)
		r.queueLinked(d, syncml.Replace, ownNode+"/Document", "chr", ownDocument("A1", alwaysOn))
		r.sync(child)
		r.sync(child)
		r.queueLinked(d, syncml.Delete, "./Device/Vendor/MSFT/DeclaredConfiguration/Host"+above, "", "")
		r.sync(child)
		if alert := declaredIn(r.sync(child).Sent[0]); !strings.Contains(alert, `state="70"`) {
			t.Errorf("after Delete of Host%s the alert is %q, want state 70", above, alert)
		}
		r.expect(d, "200", syncml.Replace, "./Vendor/MSFT/VPNv2/p/AlwaysOn", "bool", "false")
	}
}
