package scenarios

import (
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Rules of the server's commands, each over one session.

func namesNodes(h *suite.Heard) {
	const expected = "Items with the full LocURI of a node, ./Vendor/MSFT/..."
	for i, p := range h.Pairs {
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			if !slices.Contains(suite.OfNodes, c.Verb) {
				return
			}
			switch {
			case len(c.Items) == 0:
				h.Breach(i, expected, "%s with CmdID %s has no Item", c.Verb, c.CmdID)
			case c.Verb == syncml.Exec && len(c.Items) > 1:
				h.Breach(i, "one Item in an Exec", "%d Items in the Exec with CmdID %s", len(c.Items), c.CmdID)
			}
			for _, it := range c.Items {
				if uri := it.Target.LocURI; badURI(uri) {
					h.Breach(i, expected, "%s of %s", c.Verb, suite.Show(uri))
				}
			}
		})
	}
}

// badURI reports whether a LocURI names no node. The query of a Get (?prop=, ?list=)
// may follow it (OMA DM Tree and Description 1.2.1 section 7.3).
func badURI(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	path = strings.TrimSpace(path)
	return path != "." && (!strings.HasPrefix(path, "./") || strings.HasSuffix(path, "/") || strings.Contains(path, "//") || strings.Contains(path+"/", "/*/"))
}

// formats are those of SyncML (OMA SyncML MetaInfo 1.2.2 section 5.4; float is in
// Learn, "OMA DM protocol support").
var formats = []string{"bin", "bool", "b64", "chr", "int", "node", "null", "xml", "date", "time", "float"}

func carriesData(h *suite.Heard) {
	for i, p := range h.Pairs {
		if saw := foreignMeta(p.Ex.Response); saw != "" && !isWBXML(p.Ex.Reply.Get("Content-Type")) {
			h.Breach(i, "Format and Type in the namespace syncml:metinf", "%s", saw)
			continue
		}
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			if c.Verb != syncml.Add && c.Verb != syncml.Replace {
				return
			}
			for _, it := range c.Items {
				format := suite.FormatOf(c, &it)
				switch {
				case format != "" && !slices.Contains(formats, format):
					h.Breach(i, "a format that SyncML knows", "Format %s in %s of %s", suite.Show(format), c.Verb, it.Target.LocURI)
				case format != "" && format != "node" && format != "null" && !it.HasData && !it.MoreData:
					h.Breach(i, "Data in the Item of a value", "%s of %s with Format %s and no Data", c.Verb, it.Target.LocURI, format)
				}
			}
		})
	}
}

// foreignMeta names an element of Meta outside syncml:metinf; empty if there is none.
func foreignMeta(raw []byte) string {
	for _, meta := range elements(raw, "Meta") {
		for _, e := range meta.ChildElements() {
			if slices.Contains([]string{"Format", "Type", "Size", "Mark", "NextNonce", "MaxMsgSize", "MaxObjSize"}, e.Tag) && e.NamespaceURI() != syncml.MetaNamespace {
				return e.Tag + " in namespace " + suite.Show(e.NamespaceURI())
			}
		}
	}
	return ""
}

// elements returns all elements with that name, in the order of the document, but none
// inside Data: what a value is, is its own affair.
func elements(raw []byte, name string) (out []*etree.Element) {
	eachElement(raw, func(e *etree.Element) {
		if e.Tag == name {
			out = append(out, e)
		}
	})
	return out
}

func eachElement(raw []byte, f func(*etree.Element)) {
	doc := etree.NewDocument()
	if doc.ReadFromBytes(raw) != nil || doc.Root() == nil {
		return // another rule says so
	}
	var walk func(*etree.Element)
	walk = func(e *etree.Element) {
		f(e)
		if e.Tag == "Data" {
			return
		}
		for _, k := range e.ChildElements() {
			walk(k)
		}
	}
	walk(doc.Root())
}

func speaksDM(h *suite.Heard) {
	for i, p := range h.Pairs {
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			switch {
			case !c.Verb.Known():
				h.Breach(i, "only commands of OMA DM", "%s", c.Verb)
			case c.Cred != nil:
				h.Breach(i, "no Cred in a command", "a Cred in %s with CmdID %s", c.Verb, c.CmdID)
			case c.Verb == syncml.Atomic:
				c.Walk(func(in *syncml.Command) { // a Sequence may stand between
					if in != c && in.Verb == syncml.Atomic {
						h.Breach(i, "no Atomic inside an Atomic", "an Atomic with CmdID %s inside the one with CmdID %s", in.CmdID, c.CmdID)
					}
				})
			}
		})
	}
}

func keepsAtomics(h *suite.Heard) {
	for i, p := range h.Pairs {
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			if c.Verb != syncml.Atomic {
				return
			}
			c.Walk(func(in *syncml.Command) {
				if in.Verb == syncml.Get {
					h.Breach(i, "no Get in an Atomic", "Get of %s", in.Target())
				}
			})
			if uri := addedAndReplaced(c); uri != "" {
				h.Breach(i, "each node once in an Atomic", "Add and then Replace of %s", uri)
			}
		})
	}
}

// addedAndReplaced returns the node that an Atomic adds and then replaces; empty if
// there is none.
func addedAndReplaced(c *syncml.Command) (uri string) {
	added := map[string]bool{}
	c.Walk(func(in *syncml.Command) {
		for _, it := range in.Items {
			switch k := strings.ToLower(it.Target.LocURI); {
			case in.Verb == syncml.Add:
				added[k] = true
			case in.Verb == syncml.Replace && added[k] && uri == "":
				uri = it.Target.LocURI
			}
		}
	})
	return uri
}

// order is the DTD's order of an element's children (OMA SyncML RepPro 1.2.2, DTD).
// Commands stand in any order among each other.
var order = map[string][]string{
	"SyncML":  {"SyncHdr", "SyncBody"},
	"SyncHdr": {"VerDTD", "VerProto", "SessionID", "MsgID", "Target", "Source", "RespURI", "NoResp", "Cred", "Meta"},
	"Status":  {"CmdID", "MsgRef", "CmdRef", "Cmd", "TargetRef", "SourceRef", "Cred", "Chal", "Data", "Item"},
	"Results": {"CmdID", "MsgRef", "CmdRef", "Meta", "TargetRef", "SourceRef", "Item"},
	"Add":     {"CmdID", "NoResp", "Cred", "Meta", "Item"},
	"Replace": {"CmdID", "NoResp", "Cred", "Meta", "Item"},
	"Get":     {"CmdID", "NoResp", "Lang", "Cred", "Meta", "Item"},
	"Delete":  {"CmdID", "NoResp", "Archive", "SftDel", "Cred", "Meta", "Item"},
	"Exec":    {"CmdID", "NoResp", "Cred", "Meta", "Correlator", "Item"},
	"Alert":   {"CmdID", "NoResp", "Cred", "Data", "Correlator", "Item"},
	"Atomic":  {"CmdID", "NoResp", "Meta"},
	"Item":    {"Target", "Source", "SourceParent", "TargetParent", "Meta", "Data", "MoreData"},
	"Target":  {"LocURI", "LocName"},
	"Source":  {"LocURI", "LocName"},
	"Cred":    {"Meta", "Data"},
}

func isInOrder(h *suite.Heard) {
	for i, p := range h.Pairs {
		if isWBXML(p.Ex.Reply.Get("Content-Type")) {
			continue
		}
		if p.Got.FinalCount > 1 {
			h.Breach(i, "at most one Final", "%d", p.Got.FinalCount)
		}
		saw := ""
		eachElement(p.Ex.Response, func(e *etree.Element) {
			if saw == "" {
				saw = outOfOrder(e)
			}
		})
		if saw != "" {
			h.Breach(i, "elements in the order of the DTD", "%s", saw)
		}
	}
}

// outOfOrder says which child of an element stands where the DTD does not have it;
// empty if all are in order.
func outOfOrder(e *etree.Element) string {
	kids := e.ChildElements()
	if e.Tag == "SyncBody" {
		for i, k := range kids {
			if k.Tag == "Final" && i < len(kids)-1 {
				return kids[i+1].Tag + " after Final"
			}
		}
		return ""
	}
	want, ok := order[e.Tag]
	if !ok {
		return ""
	}
	at := 0
	for i, k := range kids {
		n := slices.Index(want, k.Tag)
		switch {
		case n < 0 && e.Tag == "Atomic":
			n = len(want) // a command
		case n < 0:
			continue // Microsoft's own, or no element of SyncML
		}
		if n < at {
			return k.Tag + " after " + kids[i-1].Tag + " in " + e.Tag
		}
		at = n
	}
	return ""
}
