package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionResults are the SES scenarios about Results that are not a plain value.
var sessionResults = []Scenario{
	{ID: "SES-61", Level: report.Should, Needs: []Need{NeedQueue}, Title: "the names below an interior node are read",
		Rule:    "A Get of an interior node is answered with the names of its children, URI-encoded and with slashes between them, in format node. The session completes, and so does the next.",
		Source:  "Learn, \"OMA DM protocol support\", Get; OMA DM Tree and Description 1.2.1, values of interior nodes",
		Fix:     "Divide the Data of a result in format node at its slashes, and decode each name.",
		Mutants: []*mutants.Mutant{mutants.SesInterior},
		Run: func(t *T) {
			const node = "./Vendor/MSFT/VPNv2"
			d := t.Enrolled()
			d.First()
			d.Tree().Provision(node+"/dmwake%2Foffice/RememberCredentials", "true")
			s := runsToEnd(d, deliver(d, lab.Command{Verb: syncml.Get, LocURI: node}), "Results of an interior node")
			told := slices.ContainsFunc(s.Sent, func(m *syncml.Message) bool {
				return slices.ContainsFunc(m.Body, func(c syncml.Command) bool {
					return c.Verb == syncml.Results && len(c.Items) > 0 && strings.Contains(c.Items[0].Data, "dmwake%2Foffice") && c.Items[0].Meta != nil && c.Items[0].Meta.Format == string(csp.Interior)
				})
			})
			if !told {
				t.Error("the device did not answer with the names below %s", node)
			}
			holdSessions(d, 1, "Results of an interior node")
		}},
	{ID: "SES-62", Level: report.Should, Uses: []Need{NeedWork}, Title: "Results without CmdRef do no harm",
		Rule:    "A device may leave CmdRef out of Results. They then answer command 1, which in most messages is the Status for SyncHdr and has no results. The session completes.",
		Source:  "MS-MDM 2.2.7.8; OMA SyncML RepPro 1.2.2, CmdRef",
		Fix:     "Treat a missing CmdRef in Results as 1, and ignore Results that answer no Get.",
		Mutants: []*mutants.Mutant{mutants.SesResultsCmdRef},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.AddFault(implicitCmdRef)
			from := d.SessionCount()
			runsToEnd(d, busy(d), "Results without CmdRef")
			holdSessions(d, 1, "Results without CmdRef")
			needCommand(d, from, syncml.Get)
		}},
}

// implicitCmdRef makes a device omit CmdRef 1 from Results. If none have it, the
// device sends its first Results once more, without CmdRef: no answer is lost.
var implicitCmdRef = rewrite(func(m *syncml.Message) {
	first := -1
	for i := range m.Body {
		switch c := &m.Body[i]; {
		case c.Verb != syncml.Results:
		case c.CmdRef == "1":
			c.CmdRef = ""
			return
		case first < 0:
			first = i
		}
	}
	if first >= 0 {
		again := m.Body[first]
		again.CmdRef, again.CmdID = "", strconv.Itoa(900+len(m.Body))
		m.Body = append(slices.Clone(m.Body), again)
	}
})
