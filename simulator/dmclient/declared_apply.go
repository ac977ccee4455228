package dmclient

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// held is a setting that a document holds, and what was there before.
type held struct {
	LocURI string `json:"u"`
	Format string `json:"f,omitempty"`
	Value  string `json:"v"`
	Before string `json:"o,omitempty"`
	// Made is the topmost node that the document made; empty if the setting was there.
	Made string `json:"m,omitempty"`
}

// set writes a setting of a document into the device's tree.
func (d *Device) set(ctx context.Context, uri, format, value string) int {
	v := csp.Value{Format: format, Data: value, HasData: true}
	a := d.tree.Do(ctx, syncml.Replace, uri, v)
	if a.Code == syncml.NotFound || a.Code == syncml.NotAllowed {
		if added := d.tree.Do(ctx, syncml.Add, uri, v); added.Code != syncml.NotAllowed {
			a = added
		}
	}
	return a.Code
}

// apply makes the device what a document says. Settings of an earlier one that it no
// longer has are taken back: a new checksum under one id replaces the settings (Learn).
// Parts for a management provider (MI) are taken as done: this device has none [model].
func (d *Device) apply(ctx context.Context, doc *csp.Declared, before []held) (*etree.Document, int, []held) {
	var now []held
	out, top := newResult()
	state := declaredDone
	for _, c := range doc.CSPs {
		part := top.CreateElement("CSP")
		part.CreateAttr("name", c.Name)
		whole := declaredDone
		for _, u := range c.URIs {
			h := held{LocURI: doc.LocURI(c.Name, u.Path), Format: u.Type, Value: u.Value}
			if i := slices.IndexFunc(before, func(b held) bool { return strings.EqualFold(b.LocURI, h.LocURI) }); i >= 0 {
				h.Before, h.Made = before[i].Before, before[i].Made
			} else {
				h.Before, _ = d.primary.tree.Look(h.LocURI)
				h.Made = d.primary.missing(h.LocURI)
			}
			code, one := d.primary.set(ctx, h.LocURI, h.Format, h.Value), declaredDone
			if syncml.Success(code) {
				now = append(now, h)
			} else {
				one, whole, state = declaredFailed, declaredFailed, declaredFailed
			}
			resultURI(part, u, code, one)
		}
		part.CreateAttr("state", strconv.Itoa(whole))
	}
	resultDSCs(top, doc, declaredDone)
	for _, h := range slices.Backward(before) {
		if !slices.ContainsFunc(now, func(n held) bool { return strings.EqualFold(n.LocURI, h.LocURI) }) {
			d.primary.restore(ctx, survive(h, now))
		}
	}
	return out, state, now
}

// survive keeps what the document still holds below a node that it made for a setting
// which it no longer has: a profile, of which one setting of two is left. The node is
// then what the other one made.
func survive(h held, now []held) held {
	for i := range now {
		n := &now[i]
		if h.Made == "" || !strings.HasPrefix(spelled(n.LocURI), spelled(h.Made)+"/") {
			continue
		}
		if n.Made == "" || len(h.Made) < len(n.Made) {
			n.Made = h.Made
		}
		h.Made = h.LocURI
		break
	}
	return h
}

// readInventory reads what a document asks for.
func (d *Device) readInventory(ctx context.Context, doc *csp.Declared) (*etree.Document, int) {
	out, top := newResult()
	state := declaredRead
	for _, c := range doc.CSPs {
		part := top.CreateElement("CSP")
		part.CreateAttr("name", c.Name)
		whole := declaredRead
		for _, u := range c.URIs {
			a := d.primary.tree.Do(ctx, syncml.Get, doc.LocURI(c.Name, u.Path), csp.Value{})
			one := declaredRead
			if a.Code != syncml.OK {
				one, whole, state = declaredUnread, declaredUnread, declaredUnread
			}
			u.Type = a.Format
			if e := resultURI(part, u, a.Code, one); a.Code == syncml.OK {
				e.SetText(a.Data)
			}
		}
		part.CreateAttr("state", strconv.Itoa(whole))
	}
	resultDSCs(top, doc, declaredRead)
	return out, state
}

// missing is the topmost node on the way to a setting that is not there; empty if the
// setting is.
func (d *Device) missing(uri string) (top string) {
	for uri != "." && uri != "" {
		if _, ok := d.tree.Look(uri); ok {
			return top
		}
		top = uri
		uri = uri[:max(strings.LastIndexByte(uri, '/'), 0)]
	}
	return top
}

// restore takes a setting back to what was there before its document.
func (d *Device) restore(ctx context.Context, h held) {
	if h.Made != "" {
		d.tree.Remove(h.Made)
		return
	}
	d.set(ctx, h.LocURI, h.Format, h.Before)
}

// rollBack takes back what all documents set, as Unenroll does (Learn, "DMClient CSP").
func (d *Device) rollBack(ctx context.Context) {
	d.mu.Lock()
	list := d.declared
	d.declared = nil
	d.jobs = slices.DeleteFunc(d.jobs, func(j csp.Job) bool { return j.CSP == csp.DeclaredConfiguration })
	d.mu.Unlock()
	for _, x := range slices.Backward(list) {
		for _, h := range slices.Backward(x.Held) {
			if !x.Abandoned {
				d.primary.restore(ctx, h)
			}
		}
	}
}

// heldByDocument refuses a command of the primary server to a setting that a document
// holds (Learn, "DeclaredConfiguration CSP": 0x86000031). The status 500 is a model.
func (d *Device) heldByDocument(verb syncml.Verb, uri string) (a csp.Answer, refused bool) {
	child := d.Linked()
	if child == nil || verb != syncml.Add && verb != syncml.Replace && verb != syncml.Delete {
		return a, false
	}
	at := spelled(uri)
	child.mu.Lock()
	defer child.mu.Unlock()
	for _, x := range child.declared {
		if x.Abandoned {
			continue
		}
		for _, h := range x.Held {
			own := spelled(h.LocURI)
			if own == at || verb == syncml.Delete && strings.HasPrefix(own, at+"/") {
				return csp.Answer{Code: syncml.CommandFailed, Err: csp.Owned}, true
			}
		}
	}
	return a, false
}

// spelled is a LocURI in one spelling, to compare.
func spelled(uri string) string {
	p, err := csp.ParsePath(uri)
	if err != nil {
		return uri
	}
	return fmt.Sprint(p.Scope, "/", strings.ToLower(strings.Join(p.Names, "/")))
}

func newResult() (*etree.Document, *etree.Element) {
	doc := etree.NewDocument()
	return doc, doc.CreateElement("DeclaredConfigurationResult")
}

func resultURI(part *etree.Element, u csp.DeclaredURI, code, state int) *etree.Element {
	e := part.CreateElement("URI")
	e.CreateAttr("path", u.Path)
	e.CreateAttr("status", strconv.Itoa(code))
	e.CreateAttr("state", strconv.Itoa(state))
	if u.Type != "" {
		e.CreateAttr("type", u.Type)
	}
	return e
}

func resultDSCs(top *etree.Element, doc *csp.Declared, state int) {
	for _, c := range doc.DSCs {
		e := top.CreateElement("DSC")
		e.CreateAttr("namespace", c.Namespace)
		e.CreateAttr("className", c.Class)
		e.CreateAttr("status", strconv.Itoa(syncml.OK))
		e.CreateAttr("state", strconv.Itoa(state))
		for _, k := range c.Keys {
			key := e.CreateElement("Key")
			key.CreateAttr("name", k.Path)
			key.SetText(k.Value)
		}
	}
}

// finishResult completes the root of a result, and returns its checksum: 64 digits in
// hexadecimal. That they are the SHA-256 of its parts is a model.
func finishResult(out *etree.Document, doc *csp.Declared, state int, inventory bool) string {
	parts, err := out.WriteToString()
	if err != nil {
		parts = doc.Checksum
	}
	sum := fmt.Sprintf("%X", sha256.Sum256([]byte(doc.Checksum+parts)))
	operation := "Set"
	if inventory {
		operation = "Get"
	}
	for _, a := range [][2]string{{"context", doc.Context}, {"schema", doc.Schema}, {"id", doc.ID}, {"osdefinedscenario", doc.Scenario}, {"checksum", doc.Checksum},
		{"result_checksum", sum}, {"operation", operation}, {"state", strconv.Itoa(state)}} {
		out.Root().CreateAttr(a[0], a[1])
	}
	return sum
}
