package syncml

import (
	"github.com/beevik/etree"
)

// compact escapes only what XML requires, as Windows does, and shortens empty
// elements.
var compact = etree.WriteSettings{CanonicalText: true}

// Write serializes m in the compact form Windows sends: no declaration and no
// white space between elements (MS-MDM 2.2; seen on Windows 10 19043).
func Write(m *Message) ([]byte, error) {
	if b, ok := quickWrite(m); ok {
		return b, nil
	}
	return document(m).WriteToBytes()
}

func document(m *Message) *etree.Document {
	doc := etree.NewDocument()
	doc.WriteSettings = compact
	root := doc.CreateElement("SyncML")
	root.CreateAttr("xmlns", Namespace)
	writeHdr(root.CreateElement("SyncHdr"), &m.Hdr)
	body := root.CreateElement("SyncBody")
	if m.Extended {
		body.CreateAttr("xmlns:msft", ExtensionNamespace)
	}
	for i := range m.Body {
		writeCommand(body, &m.Body[i])
	}
	if m.Final {
		body.CreateElement("Final")
	}
	return doc
}

func leaf(parent *etree.Element, tag, value string) {
	parent.CreateElement(tag).SetText(value)
}

func optional(parent *etree.Element, tag, value string) {
	if value != "" {
		leaf(parent, tag, value)
	}
}

func writeHdr(e *etree.Element, h *SyncHdr) {
	leaf(e, "VerDTD", h.VerDTD)
	leaf(e, "VerProto", h.VerProto)
	leaf(e, "SessionID", h.SessionID)
	leaf(e, "MsgID", h.MsgID)
	writeLoc(e, "Target", h.Target)
	writeLoc(e, "Source", h.Source)
	optional(e, "RespURI", h.RespURI)
	if h.NoResp {
		e.CreateElement("NoResp")
	}
	writeCred(e, h.Cred)
	writeMeta(e, h.Meta)
}

func writeCommand(parent *etree.Element, c *Command) {
	e := parent.CreateElement(string(c.Verb))
	optional(e, "CmdID", c.CmdID)
	if c.NoResp {
		e.CreateElement("NoResp")
	}
	if c.Verb.IsReply() {
		leaf(e, "MsgRef", c.MsgRef)
		leaf(e, "CmdRef", c.CmdRef)
		optional(e, "Cmd", c.Cmd)
	}
	if c.Verb == Results {
		writeMeta(e, c.Meta)
	}
	for _, r := range c.TargetRef {
		leaf(e, "TargetRef", r)
	}
	for _, r := range c.SourceRef {
		leaf(e, "SourceRef", r)
	}
	writeCred(e, c.Cred)
	if c.Chal != nil {
		writeMeta(e.CreateElement("Chal"), &c.Chal.Meta)
	}
	if c.Verb != Results {
		writeMeta(e, c.Meta)
	}
	optional(e, "Data", c.Data)
	if c.OriginalError != "" && c.Data != "" {
		e.ChildElements()[len(e.ChildElements())-1].CreateAttr("msft:originalerror", c.OriginalError)
	}
	for i := range c.Items {
		writeItem(e, &c.Items[i])
	}
	for i := range c.Commands {
		writeCommand(e, &c.Commands[i])
	}
}

func writeItem(parent *etree.Element, it *Item) {
	e := parent.CreateElement("Item")
	if !it.Target.IsZero() {
		writeLoc(e, "Target", it.Target)
	}
	if !it.Source.IsZero() {
		writeLoc(e, "Source", it.Source)
	}
	writeMeta(e, it.Meta)
	if it.HasData || it.Data != "" {
		leaf(e, "Data", it.Data)
	}
	if it.MoreData {
		e.CreateElement("MoreData")
	}
}

func writeLoc(parent *etree.Element, tag string, l Loc) {
	e := parent.CreateElement(tag)
	leaf(e, "LocURI", l.LocURI)
	optional(e, "LocName", l.LocName)
}

func writeCred(parent *etree.Element, c *Cred) {
	if c == nil {
		return
	}
	e := parent.CreateElement("Cred")
	writeFields(e, c.Meta, &credFields)
	leaf(e, "Data", c.Data)
}

// metaFields is the order of Meta's children: Type before Format, as Windows
// was seen to write them, although the DTD lists Format first.
var metaFields = [...]string{"Type", "Format", "Mark", "Size", "NextNonce", "MaxMsgSize", "MaxObjSize"}

func (m *Meta) field(tag string) *string {
	switch tag {
	case "Type":
		return &m.Type
	case "Format":
		return &m.Format
	case "Mark":
		return &m.Mark
	case "Size":
		return &m.Size
	case "NextNonce":
		return &m.NextNonce
	case "MaxMsgSize":
		return &m.MaxMsgSize
	case "MaxObjSize":
		return &m.MaxObjSize
	}
	return nil
}

// credFields is the order in the Meta of a Cred: there Windows writes Format
// first (seen on Windows 11 22621 and 26200).
var credFields = [...]string{"Format", "Type", "Mark", "Size", "NextNonce", "MaxMsgSize", "MaxObjSize"}

func writeMeta(parent *etree.Element, m *Meta) { writeFields(parent, m, &metaFields) }

func writeFields(parent *etree.Element, m *Meta, order *[len(metaFields)]string) {
	if m == nil {
		return
	}
	e := parent.CreateElement("Meta")
	for _, tag := range order {
		v := *m.field(tag)
		if v == "" {
			continue
		}
		k := e.CreateElement(tag)
		k.CreateAttr("xmlns", MetaNamespace)
		k.SetText(v)
	}
}
