package dmclient

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// States of a document (Learn, "DeclaredConfiguration CSP"). Of the transient ones the
// device tells those in which it waits for its service.
const (
	declaredRequested = 1
	declaredRemoving  = 10
	declaredDone      = 60
	declaredFailed    = 61
	declaredRemoved   = 70
	declaredRead      = 80
	declaredUnread    = 81
)

// declaration is a document that the service of a linked enrollment knows.
type declaration struct {
	At      string `json:"a"` // its node's LocURI, in one spelling
	Context string `json:"c"`
	ID      string `json:"i"`
	Sum     string `json:"s"` // checksum
	Result  string `json:"r"` // result_checksum
	State   int    `json:"t"`
	// Abandoned: its settings belong to the primary enrollment again.
	Abandoned bool   `json:"b,omitempty"`
	Held      []held `json:"h,omitempty"`
}

// declaredNode reads the LocURI of a command to a document: the document's node, whether
// it asks for an inventory, and where its result is.
func declaredNode(locURI string) (at string, inventory bool, result string) {
	p, err := csp.ParsePath(locURI)
	if err != nil || len(p.Names) < 7 {
		return "", false, ""
	}
	root := "./Device/Vendor/MSFT/DeclaredConfiguration/Host/"
	if p.Scope == csp.UserScope {
		root = "./User" + strings.TrimPrefix(root, "./Device")
	}
	kind := "Complete"
	if inventory = strings.EqualFold(p.Names[4], "Inventory"); inventory {
		kind = "Inventory"
	}
	id := escape(strings.ToUpper(p.Names[6]))
	return root + kind + "/Documents/" + id, inventory, root + kind + "/Results/" + escape(p.Names[6]) + "/Document"
}

// declare does what a command asked of the service: the job of a document.
func (d *Device) declare(ctx context.Context, j csp.Job) {
	at, inventory, result := declaredNode(j.LocURI)
	old, known := d.declaration(at)
	switch j.Data {
	case csp.DeclaredRemove:
		d.tree.Remove(strings.TrimSuffix(result, "/Document"))
		if known {
			old.State, old.Held = declaredRemoved, nil // what it set stays (Learn)
			d.keepDeclaration(old)
		}
		return
	case csp.DeclaredAbandon:
		if known {
			old.Abandoned = true
			d.keepDeclaration(old)
		}
		return
	}
	text, ok := d.tree.Look(at + "/Document")
	if !ok {
		return // removed meanwhile
	}
	doc, err := csp.ReadDeclared(text)
	if err != nil {
		return // it was read before
	}
	now := declaration{At: at, Context: doc.Context, ID: doc.ID, Sum: doc.Checksum}
	var out *etree.Document
	if inventory {
		out, now.State = d.readInventory(ctx, doc)
	} else {
		out, now.State, now.Held = d.apply(ctx, doc, old.Held)
	}
	// A document that comes under an abandoned id is applied once, and does not hold its
	// settings [model].
	abandoned, _ := d.tree.Look(at + "/Properties/Abandoned")
	now.Abandoned = strings.TrimSpace(abandoned) == "1"
	now.Result = finishResult(out, doc, now.State, inventory)
	raw, err := out.WriteToString()
	if err != nil {
		d.log.Warn("the result of a document could not be written", "err", err)
		return
	}
	d.tree.Provision(result, raw)
	d.keepDeclaration(now)
}

// declaration gives what the service knows of a document.
func (d *Device) declaration(at string) (declaration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.declared {
		if strings.EqualFold(x.At, at) {
			return x, true
		}
	}
	return declaration{}, false
}

func (d *Device) keepDeclaration(x declaration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.declared {
		if strings.EqualFold(d.declared[i].At, x.At) {
			d.declared[i] = x
			return
		}
	}
	d.declared = append(d.declared, x)
}

// declarations are all documents and their states, those included on which the service
// has not begun.
func (d *Device) declarations() []declaration {
	d.mu.Lock()
	list := append([]declaration(nil), d.declared...)
	jobs := append([]csp.Job(nil), d.jobs...)
	d.mu.Unlock()
	for _, j := range jobs {
		if j.CSP != csp.DeclaredConfiguration {
			continue
		}
		at, _, _ := declaredNode(j.LocURI)
		i := 0
		for i < len(list) && !strings.EqualFold(list[i].At, at) {
			i++
		}
		switch j.Data {
		case csp.DeclaredRemove:
			if i < len(list) {
				list[i].State = declaredRemoving
			}
		case csp.DeclaredSet:
			text, _ := d.tree.Look(at + "/Document")
			doc, err := csp.ReadDeclared(text)
			if err != nil {
				continue
			}
			if i == len(list) {
				list = append(list, declaration{At: at, Context: doc.Context, ID: doc.ID})
			}
			list[i].Sum, list[i].State = doc.Checksum, declaredRequested
		}
	}
	return list
}

// DeclaredAlertType is the type of the alert that tells the states of documents.
const DeclaredAlertType = "com.microsoft.mdm.declaredconfigurationdocuments"

// declaredAlert is the alert with the states of all documents, which is in every message
// to the server of a linked enrollment (Learn, "Windows declared configuration
// protocol"). That there is none without documents is a model, and so is its place in the
// message; its XML is escaped here, while the page's sample shows it as it is.
func (d *Device) declaredAlert() (syncml.Command, bool) {
	if d.primary == nil {
		return syncml.Command{}, false
	}
	list := d.declarations()
	if len(list) == 0 {
		return syncml.Command{}, false
	}
	doc := etree.NewDocument()
	top := doc.CreateElement("DeclaredConfigurations")
	top.CreateAttr("schema", "1.0")
	for _, x := range list {
		e := top.CreateElement("DeclaredConfiguration")
		e.CreateAttr("context", x.Context)
		e.CreateAttr("id", x.ID)
		e.CreateAttr("checksum", x.Sum)
		e.CreateAttr("result_checksum", x.Result)
		e.CreateAttr("state", strconv.Itoa(x.State))
	}
	data, err := doc.WriteToString()
	if err != nil {
		return syncml.Command{}, false
	}
	return syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertClientEvent), Items: []syncml.Item{
		{Meta: &syncml.Meta{Type: DeclaredAlertType}, Data: data, HasData: true}}}, true
}

// refreshDue is when the documents are next held against the device.
func (d *Device) refreshDue(earlier func(time.Time, string)) {
	if d.primary == nil {
		return
	}
	minutes, _ := d.tree.Look("./Vendor/MSFT/DeclaredConfiguration/ManagementServiceConfiguration/RefreshInterval")
	d.mu.Lock()
	last, some := d.refreshed, len(d.declared) > 0
	d.mu.Unlock()
	if some {
		earlier(last.Add(duration(minutes, time.Minute, 240*time.Minute)), "refresh")
	}
}

// Refresh writes again what the documents of a linked enrollment set and something
// changed since, without a message (Learn, "Windows declared configuration protocol").
// It returns how many settings that were.
func (d *Device) Refresh(ctx context.Context) (repaired int) {
	d.mu.Lock()
	list := append([]declaration(nil), d.declared...)
	d.refreshed = d.now()
	d.mu.Unlock()
	if d.primary == nil {
		return 0
	}
	for _, x := range list {
		if x.Abandoned {
			continue
		}
		for _, h := range x.Held {
			if now, ok := d.primary.tree.Look(h.LocURI); !ok || now != h.Value {
				d.primary.set(ctx, h.LocURI, h.Format, h.Value)
				repaired++
			}
		}
	}
	return repaired
}
