package csp

import (
	"context"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	declaredID   = "27FEA311-68B9-4320-9FC4-296F6FDFAFE2"
	declaredNode = "./Device/Vendor/MSFT/DeclaredConfiguration/Host/Complete/Documents/" + declaredID
	declaredText = `<DeclaredConfiguration schema="1.0" context="Device" id="` + declaredID + `" checksum="A1" osdefinedscenario="MSFTVPN">` +
		`<CSP name="./Vendor/MSFT/VPNv2"><URI path="P/AlwaysOn" type="bool">true</URI></CSP></DeclaredConfiguration>`
)

// TestDeclaredNodes: operations, defaults and the work that they leave (Learn,
// "DeclaredConfiguration CSP"); what of it is for a linked enrollment only.
func TestDeclaredNodes(t *testing.T) {
	const interval = "./Device/Vendor/MSFT/DeclaredConfiguration/ManagementServiceConfiguration/RefreshInterval"
	h := &fakeHost{user: true}
	tree := newTree(t, h, desktop)
	h.facts["Linked"] = "true"
	run(t, tree, []step{
		{syncml.Get, interval, "", 200, "240"},
		{syncml.Replace, interval, "29", 500, ""},
		{syncml.Replace, interval, "30", 200, ""},
		{syncml.Add, interval, "30", 405, ""},
		{syncml.Delete, interval, "", 200, ""},
		{syncml.Get, interval, "", 200, "240"},
		{syncml.Get, declaredNode + "/Document", "", 404, ""},
		{syncml.Add, declaredNode + "/Document", declaredText, 200, ""},
		{syncml.Add, declaredNode + "/Document", declaredText, 418, ""},
		{syncml.Get, declaredNode + "/Properties/Abandoned", "", 200, "0"},
		{syncml.Replace, declaredNode + "/Properties/Abandoned", "2", 500, ""},
		{syncml.Replace, declaredNode + "/Properties/Abandoned", "1", 200, ""},
		{syncml.Replace, "./Device/Vendor/MSFT/DeclaredConfiguration/Host/Complete/Results/" + declaredID + "/Document", "x", 405, ""},
		{syncml.Delete, declaredNode, "", 200, ""},
	})
	var work []string
	for _, j := range h.jobs {
		work = append(work, j.Data)
	}
	if len(work) != 3 || work[0] != DeclaredSet || work[1] != DeclaredAbandon || work[2] != DeclaredRemove {
		t.Errorf("the work left is %v", work)
	}
	h.facts["Linked"] = "false"
	run(t, tree, []step{{syncml.Get, interval, "", 406, ""}, {syncml.Replace, declaredNode + "/Document", declaredText, 406, ""}})
}

// TestDeclaredErrors: the HRESULTs behind refusals (Learn, "DeclaredConfiguration CSP"
// and "DMClient CSP").
func TestDeclaredErrors(t *testing.T) {
	h := &fakeHost{user: true}
	tree := newTree(t, h, desktop)
	h.facts["Linked"] = "true"
	tree.Provision("./Vendor/MSFT/DMClient/Provider/MDM", "")
	const user = "./User/Vendor/MSFT/DeclaredConfiguration/Host/Complete/Documents/" + declaredID + "/Document"
	for _, c := range []struct {
		verb      syncml.Verb
		uri, data string
		want      string
	}{
		{syncml.Replace, declaredNode + "/Document", "<DeclaredConfiguration/>", "0x8007000d"},
		{syncml.Replace, "./Device/Vendor/MSFT/DeclaredConfiguration/Host/Complete/Documents/0/Document", declaredText, "0x8000ffff"},
		{syncml.Replace, user, declaredText, "0x80070002"},
		{syncml.Exec, "./Vendor/MSFT/DMClient/Provider/MDM/LinkedEnrollment/Enroll", "", "0x80070002"},
	} {
		if a := tree.Do(context.Background(), c.verb, c.uri, Value{Data: c.data, HasData: true}); a.Code != 500 || a.Err != c.want {
			t.Errorf("%s %s: %d %s, want 500 %s", c.verb, c.uri, a.Code, a.Err, c.want)
		}
	}
}

const declaredByURL = `
 <DeclaredConfigurationUrl context="Device" schema="1.0" id="1" checksum="2" osdefinedscenario="MSFTPolicies" url="https://mdm.example/documents/1">
  <ReflectedProperties><Property name="IntentPriority" type="chr">10</Property></ReflectedProperties>
 </DeclaredConfigurationUrl>`

// TestDocumentsAsIntuneSendsThem: a document by its address, and one with properties of
// the server.
func TestDocumentsAsIntuneSendsThem(t *testing.T) {
	d, err := ReadDeclared(declaredByURL)
	if err != nil || d.URL != "https://mdm.example/documents/1" || d.Checksum != "2" || len(d.Settings()) != 0 {
		t.Errorf("%+v %v", d, err)
	}
	for _, old := range []string{` url="https://mdm.example/documents/1"`, "https://"} {
		if _, err := ReadDeclared(strings.ReplaceAll(declaredByURL, old, "")); err == nil || !strings.Contains(err.Error(), "has no url") {
			t.Errorf("without %q: %v", old, err)
		}
	}
	with := strings.Replace(declaredText, "</DeclaredConfiguration>", "<ReflectedProperties/></DeclaredConfiguration>", 1)
	if d, err = ReadDeclared(with); err != nil || len(d.Settings()) == 0 {
		t.Errorf("%+v %v", d, err)
	}
}

// FuzzReadDeclared: no document crashes the device, and what is read has what a
// processed document needs.
func FuzzReadDeclared(f *testing.F) {
	for _, s := range []string{declaredText, `<DeclaredConfiguration context="User" schema="1" id="1" checksum="2" osdefinedscenario="policies"><DSC namespace="n" className="c"><Key name="k">v</Key><Value name="w"/></DSC></DeclaredConfiguration>`, declaredByURL, "<a/>", "", "<DeclaredConfiguration>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ReadDeclared(s)
		if err != nil {
			return
		}
		if d.ID == "" || d.Checksum == "" || len(d.CSPs)+len(d.DSCs) == 0 && d.URL == "" {
			t.Errorf("%q is read as %+v", s, d)
		}
		d.Settings()
	})
}
