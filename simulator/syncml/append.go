package syncml

// quickWrite is Write with a plain buffer, at a tenth of etree's cost. ok is
// false if the text needs unusual escapes, which etree then writes.
func quickWrite(m *Message) (out []byte, ok bool) {
	w := writer{b: make([]byte, 0, 2048), ok: true}
	w.b = append(w.b, `<SyncML xmlns="`+Namespace+`"><SyncHdr>`...)
	h := &m.Hdr
	w.leaf("VerDTD", h.VerDTD)
	w.leaf("VerProto", h.VerProto)
	w.leaf("SessionID", h.SessionID)
	w.leaf("MsgID", h.MsgID)
	w.loc("Target", h.Target)
	w.loc("Source", h.Source)
	w.optional("RespURI", h.RespURI)
	w.flag("NoResp", h.NoResp)
	w.cred(h.Cred)
	w.meta(h.Meta)
	w.b = append(w.b, "</SyncHdr>"...)
	attrs := ""
	if m.Extended {
		attrs = ` xmlns:msft="` + ExtensionNamespace + `"`
	}
	w.element("SyncBody", attrs, func() {
		for i := range m.Body {
			w.command(&m.Body[i])
		}
		w.flag("Final", m.Final)
	})
	w.b = append(w.b, "</SyncML>"...)
	return w.b, w.ok
}

type writer struct {
	b  []byte
	ok bool
}

// element writes an element around what content writes.
func (w *writer) element(tag, attrs string, content func()) {
	w.open(tag, attrs)
	before := len(w.b)
	content()
	if len(w.b) == before {
		w.b = append(w.b[:before-1], "/>"...)
		return
	}
	w.end(tag)
}

func (w *writer) open(tag, attrs string) {
	w.b = append(w.b, '<')
	w.b = append(w.b, tag...)
	w.b = append(w.b, attrs...)
	w.b = append(w.b, '>')
}

func (w *writer) end(tag string) {
	w.b = append(w.b, "</"...)
	w.b = append(w.b, tag...)
	w.b = append(w.b, '>')
}

func (w *writer) leaf(tag, value string) { w.leafWith(tag, "", value) }

func (w *writer) leafWith(tag, attrs, value string) {
	w.open(tag, attrs)
	if value == "" {
		w.b = append(w.b[:len(w.b)-1], "/>"...)
		return
	}
	w.text(value)
	w.end(tag)
}

func (w *writer) optional(tag, value string) {
	if value != "" {
		w.leaf(tag, value)
	}
}

func (w *writer) flag(tag string, is bool) {
	if is {
		w.leaf(tag, "")
	}
}

// text escapes what XML requires.
func (w *writer) text(s string) {
	marked := false
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20 && c != '\t' && c != '\n' || c >= 0x7f:
			w.ok = false
			return
		case c == '&' || c == '<' || c == '>':
			marked = true
		}
	}
	if !marked {
		w.b = append(w.b, s...)
		return
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			w.b = append(w.b, "&amp;"...)
		case '<':
			w.b = append(w.b, "&lt;"...)
		case '>':
			w.b = append(w.b, "&gt;"...)
		default:
			w.b = append(w.b, c)
		}
	}
}

func (w *writer) loc(tag string, l Loc) {
	w.open(tag, "")
	w.leaf("LocURI", l.LocURI)
	w.optional("LocName", l.LocName)
	w.end(tag)
}

func (w *writer) cred(c *Cred) {
	if c == nil {
		return
	}
	w.open("Cred", "")
	w.fields(c.Meta, &credFields)
	w.leaf("Data", c.Data)
	w.end("Cred")
}

func (w *writer) meta(m *Meta) { w.fields(m, &metaFields) }

func (w *writer) fields(m *Meta, order *[len(metaFields)]string) {
	if m == nil {
		return
	}
	w.element("Meta", "", func() {
		for _, tag := range order {
			if v := *m.field(tag); v != "" {
				w.leafWith(tag, ` xmlns="`+MetaNamespace+`"`, v)
			}
		}
	})
}

func (w *writer) command(c *Command) {
	if !c.Verb.Known() {
		w.ok = false // it may be any name
		return
	}
	w.element(string(c.Verb), "", func() {
		w.optional("CmdID", c.CmdID)
		w.flag("NoResp", c.NoResp)
		if c.Verb.IsReply() {
			w.leaf("MsgRef", c.MsgRef)
			w.leaf("CmdRef", c.CmdRef)
			w.optional("Cmd", c.Cmd)
		}
		if c.Verb == Results {
			w.meta(c.Meta)
		}
		for _, r := range c.TargetRef {
			w.leaf("TargetRef", r)
		}
		for _, r := range c.SourceRef {
			w.leaf("SourceRef", r)
		}
		w.cred(c.Cred)
		if c.Chal != nil {
			w.element("Chal", "", func() { w.meta(&c.Chal.Meta) })
		}
		if c.Verb != Results {
			w.meta(c.Meta)
		}
		if c.OriginalError != "" && c.Data != "" {
			w.ok = false // its attribute is rare
		}
		w.optional("Data", c.Data)
		for i := range c.Items {
			w.item(&c.Items[i])
		}
		for i := range c.Commands {
			w.command(&c.Commands[i])
		}
	})
}

func (w *writer) item(it *Item) {
	w.element("Item", "", func() {
		if !it.Target.IsZero() {
			w.loc("Target", it.Target)
		}
		if !it.Source.IsZero() {
			w.loc("Source", it.Source)
		}
		w.meta(it.Meta)
		if it.HasData || it.Data != "" {
			w.leaf("Data", it.Data)
		}
		w.flag("MoreData", it.MoreData)
	})
}
