package reading

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/paste"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// onMessages are the scenarios that look at nothing but messages, so that a log is
// enough to judge by their rules.
var onMessages = []string{"MSG-01", "MSG-02", "MSG-03", "MSG-04", "MSG-05", "MSG-06", "MSG-07", "MSG-08", "MSG-09", "MSG-10", "MSG-11", "MSG-12", "MSG-13",
	"MSG-15", "MSG-16", "MSG-18", "MSG-19", "MSG-21", "MSG-22", "CSP-02", "CSP-03", "CSP-04", "CSP-05", "CSP-06"}

// rules judges the server's side of sessions by the suite's own rules.
type rules struct {
	list  []suite.Scenario
	byID  map[string]*suite.Scenario
	found []Wrong
	notes []string
}

// What is more than this in one session is not judged: the suite's rules compare
// messages with each other.
const maxPairs, maxCommands = 300, 5000

func newRules() *rules {
	r := &rules{byID: map[string]*suite.Scenario{}}
	all := scenarios.All()
	for i := range all {
		r.byID[all[i].ID] = &all[i]
		if slices.Contains(onMessages, all[i].ID) {
			r.list = append(r.list, all[i])
		}
	}
	return r
}

// judge looks at one session. Messages that the log cut are left out: what they lack
// may have been there.
func (r *rules) judge(s *paste.Session) {
	rec := &suite.Recorded{DeviceID: s.Device, ID: s.ID, Whole: true}
	var lines []*paste.Message
	for _, t := range s.Turns {
		if t.Got == nil || t.Got.Cut || t.Sent != nil && t.Sent.Cut {
			rec.Whole = false
			continue
		}
		p := suite.Pair{Got: t.Got.Message, Ex: &dmclient.Exchange{Status: http.StatusOK, Response: t.Got.Raw, Reply: http.Header{"Content-Type": {syncml.MediaType}}}}
		if t.Sent != nil {
			p.Sent, p.Ex.Request = t.Sent.Message, t.Sent.Raw
		}
		rec.Pairs, lines = append(rec.Pairs, p), append(lines, t.Got)
	}
	commands := 0
	for _, p := range rec.Pairs {
		commands += len(p.Got.Body)
		if p.Sent != nil {
			commands += len(p.Sent.Body)
		}
	}
	if len(rec.Pairs) > maxPairs || commands > maxCommands {
		r.notes = append(r.notes, fmt.Sprintf("session %s has %s of the server and %d elements in all, and is not judged by the rules", s.ID, wording.Count(len(rec.Pairs), "message"), commands))
		return
	}
	for _, p := range suite.Judge(r.list, rec) {
		r.add(p.Scenario, lines[p.Pair], p.Expected, p.Saw)
	}
	for _, c := range s.Commands() {
		if c.Message != nil && (c.Verb == "Add" || c.Verb == "Replace") && strings.HasSuffix(strings.ToLower(c.LocURI), "/push/pfn") {
			r.pfn(&c)
		}
	}
}

// pfn judges a PFN that a server sets, as the scenarios of the area PFN do.
func (r *rules) pfn(c *paste.Command) {
	if err := dmclient.CheckPFN(c.Data); err != nil {
		id := "PFN-04"
		if strings.Count(c.Data, "_") == 4 {
			id = "PFN-02"
		}
		r.add(r.byID[id], c.Message, "a package family name, Name_PublisherHash", c.Data+": "+err.Error())
	}
	if c.Data != strings.ToLower(c.Data) {
		r.add(r.byID["PFN-03"], c.Message, "the PFN in lower case", c.Data)
	}
	if c.Format != "" && c.Format != "chr" {
		r.add(r.byID["PFN-06"], c.Message, "Format chr for the PFN", "Format "+c.Format)
	}
}

// add notes that a message breaks a rule; each rule is told once, with its first
// place.
func (r *rules) add(s *suite.Scenario, m *paste.Message, expected, saw string) {
	for i := range r.found {
		if r.found[i].Scenario == s.ID {
			r.found[i].Places++
			return
		}
	}
	r.found = append(r.found, Wrong{Scenario: s.ID, Level: s.Level, Title: s.Title, Source: s.Source, Fix: s.Fix, Line: m.Line, MsgID: m.Hdr.MsgID, Places: 1, Expected: expected, Saw: saw})
}
