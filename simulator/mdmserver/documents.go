package mdmserver

import (
	"sort"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Document is what a linked enrollment is to be, or what is asked of it (Learn,
// "DeclaredConfiguration CSP").
type Document struct {
	ID        string // a GUID
	Inventory bool   // it asks, and sets nothing
	Text      string // the XML
}

// referenceDocuments are those of the server if it is given none: a VPN profile, and
// what the device is.
var referenceDocuments = []Document{
	{ID: "27FEA311-68B9-4320-9FC4-296F6FDFAFE2", Text: `<DeclaredConfiguration schema="1.0" context="Device" id="27FEA311-68B9-4320-9FC4-296F6FDFAFE2" checksum="1" osdefinedscenario="MSFTVPN">` +
		`<CSP name="./Vendor/MSFT/VPNv2"><URI path="declared/AlwaysOn" type="bool">true</URI><URI path="declared/DnsSuffix" type="chr">mdm.example</URI></CSP></DeclaredConfiguration>`},
	{ID: "5A10A4D2-3C8E-4B06-9A1D-6F3B1B0C7E55", Inventory: true, Text: `<DeclaredConfiguration schema="1.0" context="Device" id="5A10A4D2-3C8E-4B06-9A1D-6F3B1B0C7E55" checksum="1" osdefinedscenario="MSFTInventory">` +
		`<CSP name="./DevDetail"><URI path="SwV"/></CSP></DeclaredConfiguration>`},
}

// documentURI is where a document, or its result, is.
func documentURI(inventory bool, context, part, id string) string {
	scope, kind := "./Device", "Complete"
	if strings.EqualFold(context, "User") {
		scope = "./User"
	}
	if inventory {
		kind = "Inventory"
	}
	return scope + "/Vendor/MSFT/DeclaredConfiguration/Host/" + kind + "/" + part + "/" + id + "/Document"
}

// declared is what the server knows of a document of one device.
type declared struct {
	id, context string
	sent        bool
	refused     int
	state       int
	sum         string   // result_checksum, as told
	readSum     string   // of the result that was read
	result      string   // that result
	in          *Session // that sent it, or asked for its result
}

func (d *Device) document(id string) *declared {
	if d.declared == nil {
		d.declared = map[string]*declared{}
	}
	key := strings.ToUpper(id)
	if d.declared[key] == nil {
		d.declared[key] = &declared{id: strings.Clone(id)}
	}
	return d.declared[key]
}

// maxRefusals ends the attempts to send a document.
const maxRefusals = 3

// documentPlan sends the documents, each until the device takes it, and reads the result
// of each that is done and has another result than the one that was read.
func (s *Server) documentPlan(d *Device) (out []Planned) {
	send := func(p Purpose, id string, c syncml.Command) {
		out = append(out, Planned{Command: c, Sent: &Sent{Purpose: p, Document: id}})
	}
	for _, doc := range s.cfg.Documents {
		x := d.document(doc.ID)
		if x.sent || x.in == d.Session || x.refused >= maxRefusals {
			continue
		}
		x.in = d.Session
		c := one(syncml.Replace, documentURI(doc.Inventory, "Device", "Documents", doc.ID), "chr", doc.Text)
		c.Items[0].Meta.Type = "text/plain"
		send(ForDocument, doc.ID, c)
	}
	for _, key := range d.documentKeys() {
		x := d.declared[key]
		if !final(x.state) || x.sum == "" || x.sum == x.readSum || x.in == d.Session {
			continue
		}
		x.in = d.Session
		send(ForDocumentResult, x.id, one(syncml.Get, documentURI(x.state >= firstRead, x.context, "Results", x.id), "", ""))
	}
	return out
}

// Final states with a result are 60 to 63 of a document that sets, and 80 to 82 of one
// that asks (Learn, "DeclaredConfiguration CSP").
const firstRead = 80

func final(state int) bool { return state >= 60 && state <= 63 || state >= firstRead && state <= 82 }

func (x *declared) status(p Purpose, code int) {
	switch {
	case p == ForDocument && syncml.Success(code):
		x.sent = true
	case p == ForDocument:
		x.refused++
	case !syncml.Success(code):
		x.readSum = x.sum // there is none; asking again does not help
	}
}

func (x *declared) read(result string) { x.result, x.readSum = result, x.sum }

// declaredType is the type of the alert that tells the states of all documents.
const declaredType = "com.microsoft.mdm.declaredconfigurationdocuments"

// maxDeclared bounds the documents of one device.
const maxDeclared = 1000

// takeDeclared reads the alert with the states of the documents.
func (d *Device) takeDeclared(c *syncml.Command) {
	if c.Code() != syncml.AlertClientEvent {
		return
	}
	for _, it := range c.Items {
		if it.Meta == nil || it.Meta.Type != declaredType {
			continue
		}
		doc := etree.NewDocument()
		if doc.ReadFromString(it.Data) != nil || doc.Root() == nil {
			continue
		}
		for _, e := range doc.Root().SelectElements("DeclaredConfiguration") {
			id := e.SelectAttrValue("id", "")
			state, err := strconv.Atoi(e.SelectAttrValue("state", ""))
			if id == "" || err != nil || len(d.declared) >= maxDeclared {
				continue
			}
			x := d.document(id)
			x.context, x.state, x.sum = e.SelectAttrValue("context", ""), state, e.SelectAttrValue("result_checksum", "")
		}
	}
}

// documentView is a document as the admin API shows it.
type documentView struct {
	ID     string `json:"id"`
	State  int    `json:"state"`
	Result string `json:"result,omitempty"`
}

func (d *Device) documentKeys() (keys []string) {
	for k := range d.declared {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (d *Device) documents() (out []documentView) {
	for _, k := range d.documentKeys() {
		out = append(out, documentView{d.declared[k].id, d.declared[k].state, d.declared[k].result})
	}
	return out
}
