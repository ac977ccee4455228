package ddf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of a document that is checked.
const (
	maxDocument = 16 << 20
	maxCommands = 100_000
	maxNear     = 200 // unknown addresses that are compared with all others
)

// Report is what Document found.
type Report struct {
	Commands int       `json:"commands"` // checked, one for each Item
	Findings []Finding `json:"findings"`
}

// Document checks each command of a document: a SyncML message; one or several
// commands without one, as a profile has them; a wap-provisioningdoc; or a JSON list
// of commands, {"verb": "Replace", "locURI": "./...", "format": "int", "data": "1"}.
// An error says that it is none of these, with the line.
func (k *Checker) Document(b []byte) (Report, error) {
	commands, err := Commands(b)
	if err != nil {
		return Report{}, err
	}
	r := Report{Commands: len(commands), Findings: []Finding{}}
	near := map[string][]string{}
	for _, c := range commands {
		for _, f := range k.command(c) {
			if f.Rule == "unknown" {
				// The comparison with all nodes is made once for an address.
				like, known := near[f.LocURI]
				if !known && len(near) < maxNear {
					like = k.set.Near(f.LocURI)
					near[f.LocURI] = like
				}
				f.Near = like
			}
			r.Findings = append(r.Findings, f)
		}
	}
	return r, nil
}

// Commands reads the commands of a document, as Checker.Document takes it.
func Commands(b []byte) (out []Command, err error) {
	if len(b) > maxDocument {
		return nil, fmt.Errorf("more than %d MiB", maxDocument>>20)
	}
	if b, err = utf8Text(b); err != nil {
		return nil, err
	}
	if t := bytes.TrimSpace(b); len(t) > 0 && (t[0] == '[' || t[0] == '{') {
		out, err = jsonCommands(b)
	} else {
		var roots []*element
		if roots, err = parse(b); err != nil {
			return nil, err
		}
		r := commandReader{}
		for _, e := range roots {
			r.walk(e, false)
		}
		out, err = r.out, r.err
	}
	switch {
	case err != nil:
		return nil, err
	case len(out) == 0:
		return nil, errors.New("no command in it; give a SyncML message, commands such as <Replace>, a wap-provisioningdoc or a JSON list of commands (\"dmwake read\" finds messages in a log)")
	case len(out) > maxCommands:
		return nil, fmt.Errorf("more than %d commands", maxCommands)
	}
	return out, nil
}

// element is an XML element with its place.
type element struct {
	name       string
	attrs      []xml.Attr
	at, inside Position // of its tag, and of its content
	text       string   // the characters, or the source of what it has inside
	kids       []*element
}

// parse reads a text with one or several root elements.
func parse(b []byte) (roots []*element, err error) {
	dec := decoder(bytes.NewReader(b))
	type open struct {
		*element
		from  int64
		value bool // it is inside of a Data
		chars strings.Builder
	}
	var stack []*open
	for {
		line, column := dec.InputPos()
		before := dec.InputOffset()
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			line, column = dec.InputPos()
			return nil, fmt.Errorf("line %d, column %d: %w", line, column, notXML(err))
		}
		switch t := tok.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local, attrs: t.Copy().Attr, at: Position{line, column}}
			e.inside.Line, e.inside.Column = dec.InputPos()
			if len(stack) > maxDepth {
				return nil, fmt.Errorf("line %d: more than %d levels of elements", line, maxDepth)
			}
			if len(stack) == 0 {
				roots = append(roots, e)
			} else {
				up := stack[len(stack)-1]
				up.kids = append(up.kids, e)
			}
			inData := len(stack) > 0 && (stack[len(stack)-1].value || stack[len(stack)-1].name == "Data")
			stack = append(stack, &open{element: e, from: dec.InputOffset(), value: inData})
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].chars.Write(t)
			} else if s := strings.TrimSpace(string(t)); s != "" {
				return nil, fmt.Errorf("line %d, column %d: text outside of an element: %q", line, column, clip(s))
			}
		case xml.EndElement:
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			// XML that is not escaped is a value all the same: <Data><enabled/></Data>.
			if e.text = strings.TrimSpace(e.chars.String()); len(e.kids) > 0 && e.name == "Data" && !e.value {
				e.text = strings.TrimSpace(string(b[e.from:before]))
			}
		}
	}
}

func (e *element) child(path ...string) *element {
	for _, name := range path {
		var next *element
		for _, k := range e.kids {
			if k.name == name {
				next = k
				break
			}
		}
		if e = next; e == nil {
			return nil
		}
	}
	return e
}

func (e *element) attr(name string) string {
	for _, a := range e.attrs {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

type commandReader struct {
	out []Command
	err error
}

// walk looks for commands everywhere but in values.
func (r *commandReader) walk(e *element, atomic bool) {
	switch e.name {
	case "Add", "Delete", "Exec", "Get", "Replace", "Copy", "Move": // SyncML has the last two; no node takes them
		r.command(e, atomic)
		return
	case "wap-provisioningdoc":
		r.provisioning(e, nil)
		return
	case "Status", "Results", "Alert", "SyncHdr", "Data":
		return
	}
	for _, k := range e.kids {
		r.walk(k, atomic || e.name == "Atomic")
	}
}

func (r *commandReader) command(e *element, atomic bool) {
	items := 0
	format := e.child("Meta", "Format")
	for _, item := range e.kids {
		if len(r.out) > maxCommands {
			return
		}
		if item.name != "Item" {
			continue
		}
		items++
		c := Command{Verb: e.name, Atomic: atomic, At: e.at}
		uri := item.child("Target", "LocURI")
		if uri != nil {
			c.LocURI, c.URIAt = uri.text, uri.inside
		}
		for _, f := range []*element{format, item.child("Meta", "Format")} { // the item's own wins
			if f != nil {
				c.Format, c.FormatAt = f.text, f.inside
			}
		}
		if d := item.child("Data"); d != nil {
			c.Data, c.DataAt = d.text, d.inside
		}
		r.out = append(r.out, c)
	}
	if items == 0 {
		r.out = append(r.out, Command{Verb: e.name, Atomic: atomic, At: e.at})
	}
}
