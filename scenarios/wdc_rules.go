package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// linkedSessions is how many sessions that tell of a result a server gets to read it.
const linkedSessions = 3

// linkedHears is a rule over a session of a linked enrollment.
func linkedHears(rule func(h *suite.Heard)) func(*suite.Heard) {
	return func(h *suite.Heard) {
		if h.Linked() && len(h.Pairs) > 0 && !h.Crossed {
			rule(h)
		}
	}
}

// primaryHears is WDC-09, over the sessions of primary enrollments.
func primaryHears(h *suite.Heard) {
	for _, c := range h.Commands {
		switch uri := strings.ToLower(c.LocURI); {
		case len(h.Pairs) == 0 || !strings.Contains(uri, "/vendor/msft/declaredconfiguration") && !strings.Contains(uri, "/linkedenrollment/"):
		case h.Linked():
			h.Concerns()
		case strings.Contains(uri, "/vendor/msft/declaredconfiguration"):
			h.Concerns()
			h.Breach(min(c.Msg, len(h.Pairs)-1), "documents in sessions of the linked enrollment", "%s of %s in the primary one, answered with %d", c.Verb, c.LocURI, c.Code)
		}
	}
}

// stated is an entry of the alert that tells of the documents.
type stated struct {
	id, result string
	state      int
}

func (s stated) final() bool {
	return s.result != "" && (s.state >= 60 && s.state <= 63 || s.state >= 80 && s.state <= 82)
}

// statesIn reads the alert in a message of the device; cmdID is empty without one.
func statesIn(m *syncml.Message) (cmdID string, list []stated) {
	if m == nil {
		return "", nil
	}
	for _, c := range m.Body {
		for _, it := range c.Items {
			if c.Verb != syncml.Alert || it.Meta == nil || it.Meta.Type != dmclient.DeclaredAlertType {
				continue
			}
			doc := etree.NewDocument()
			if doc.ReadFromString(it.Data) != nil || doc.Root() == nil {
				continue
			}
			for _, e := range doc.Root().SelectElements("DeclaredConfiguration") {
				state, _ := strconv.Atoi(e.SelectAttrValue("state", "")) // our own device wrote it
				list = append(list, stated{strings.ToLower(e.SelectAttrValue("id", "")), e.SelectAttrValue("result_checksum", ""), state})
			}
			return c.CmdID, list
		}
	}
	return "", nil
}

func answersStates(h *suite.Heard) {
	for i, p := range h.Pairs {
		id, _ := statesIn(p.Sent)
		if id == "" {
			continue
		}
		header, got := 0, 0
		for k := range p.Got.Body {
			switch st := &p.Got.Body[k]; {
			case st.Verb != syncml.Status || st.MsgRef != p.Sent.Hdr.MsgID:
			case st.CmdRef == "0":
				header = st.Code()
			case st.CmdRef == id:
				got = st.Code()
			}
		}
		if header != 0 && !syncml.Success(header) {
			continue // the message was not processed
		}
		h.Concerns()
		switch {
		case got == 0:
			h.Breach(i, "Status 200 for the alert "+dmclient.DeclaredAlertType, "no Status")
		case got != syncml.OK:
			h.Breach(i, "Status 200 for the alert "+dmclient.DeclaredAlertType, "Status %d", got)
		}
	}
}

// sentDocument is a document that the server wrote.
type sentDocument struct {
	dmclient.Executed
	id   string // in its LocURI
	user bool
}

func documentsOf(s *dmclient.Session) (out []sentDocument) {
	for _, c := range s.Commands {
		p, err := csp.ParsePath(c.LocURI)
		if err != nil || len(p.Names) != 8 || c.Verb != syncml.Add && c.Verb != syncml.Replace {
			continue
		}
		at := strings.ToLower(strings.Join(p.Names, "/"))
		if strings.HasPrefix(at, "vendor/msft/declaredconfiguration/host/") && p.Names[4] != "BulkTemplate" && strings.EqualFold(p.Names[5], "Documents") && strings.EqualFold(p.Names[7], "Document") {
			out = append(out, sentDocument{c, p.Names[6], p.Scope == csp.UserScope})
		}
	}
	return out
}

func (d *sentDocument) breach(h *suite.Heard, expected, saw string, args ...any) {
	h.Breach(min(d.Msg, len(h.Pairs)-1), expected, saw, args...)
}

// attributes are those of a document's root; ok is false if it cannot be read.
func (d *sentDocument) attributes() (root *etree.Element, ok bool) {
	doc := etree.NewDocument()
	if doc.ReadFromString(d.Data) != nil || doc.Root() == nil {
		return nil, false
	}
	return doc.Root(), true
}

func documentsAgree(h *suite.Heard) {
	for _, d := range documentsOf(h.Session) {
		h.Concerns()
		root, ok := d.attributes()
		if !ok {
			continue // WDC-05 tells
		}
		context := "Device"
		if d.user {
			context = "User"
		}
		if id := root.SelectAttrValue("id", ""); id != "" && !strings.EqualFold(id, d.id) {
			d.breach(h, "id "+d.id+", as in the LocURI", "id %.100s", id)
		}
		if c := root.SelectAttrValue("context", ""); !strings.EqualFold(c, context) {
			d.breach(h, "context "+context+" in a document at "+d.LocURI, "context %q", c)
		}
	}
}

func documentsRead(h *suite.Heard) {
	for _, d := range documentsOf(h.Session) {
		h.Concerns()
		if d.Format != "" && !strings.EqualFold(d.Format, "chr") && !strings.EqualFold(d.Format, "xml") {
			d.breach(h, "a document with Format chr", "Format %s", d.Format)
		}
		if root, ok := d.attributes(); ok {
			switch c := root.SelectAttrValue("context", ""); strings.ToLower(c) {
			case "device", "user":
			default:
				continue // WDC-04 tells
			}
		}
		if _, err := csp.ReadDeclared(d.Data); err != nil {
			d.breach(h, "a document that can be read", "%v", err)
		}
	}
}

func newSum(h *suite.Heard) {
	known := map[string]sentDocument{}
	for _, s := range append(slices.Clone(h.Before()), h.Session) {
		for _, d := range documentsOf(s) {
			key := strings.ToLower(d.LocURI)
			last, again := known[key]
			known[key] = d
			if s != h.Session {
				continue
			}
			h.Concerns()
			if !again || last.Data == d.Data {
				continue
			}
			a, ok := last.attributes()
			b, also := d.attributes()
			if sum := func(e *etree.Element) string { return e.SelectAttrValue("checksum", "") }; ok && also && sum(a) == sum(b) {
				d.breach(h, "a new checksum for a new content", "checksum %.100q with another content than before", sum(b))
			}
		}
	}
}

func readsResults(h *suite.Heard) {
	_, list := statesIn(h.Sent[0])
	for _, now := range list {
		if !now.final() {
			continue
		}
		h.Concerns()
		told, read := 0, false
		for _, s := range append(slices.Clone(h.Before()), h.Session) {
			if len(s.Sent) == 0 || s.Err != nil {
				continue
			}
			if _, then := statesIn(s.Sent[0]); slices.Contains(then, now) {
				told++
				read = read || slices.ContainsFunc(s.Commands, func(c dmclient.Executed) bool { return readsResult(c, now.id) })
			}
		}
		if told == linkedSessions && !read {
			h.Breach(0, "Get of Results/"+now.id+"/Document", "none in %d sessions that told state %d of it", told, now.state)
		}
	}
}

// readsResult reports whether a command reads the result of a document, or of all.
func readsResult(c dmclient.Executed, id string) bool {
	_, at, ok := strings.Cut(strings.ToLower(c.LocURI), "/declaredconfiguration/")
	if !ok || c.Verb != syncml.Get {
		return false
	}
	_, rest, results := strings.Cut(at, "/results")
	return results && (strings.Contains(rest, "/"+id+"/") || strings.Contains(rest, "?"))
}

func waitsForResults(h *suite.Heard) {
	for _, c := range h.Commands {
		p, err := csp.ParsePath(c.LocURI)
		if err != nil || c.Verb != syncml.Get || len(p.Names) != 8 || !strings.EqualFold(p.Names[5], "Results") {
			continue
		}
		h.Concerns()
		if c.Code == syncml.NotFound {
			h.Breach(min(c.Msg, len(h.Pairs)-1), "Get of a result after the alert told a final state", "Get of %s, answered with 404", c.LocURI)
		}
	}
}
