package faults

import (
	"slices"
	"strconv"

	"fmt"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// dropStatus leaves a command unanswered, SyncHdr excepted.
type dropStatus struct{ verb syncml.Verb }

func newDropStatus(arg string) (dmclient.Fault, error) {
	v := syncml.Verb(arg)
	if arg != "" && !v.Known() {
		return nil, fmt.Errorf("%s is not a verb", strconv.Quote(arg))
	}
	return dropStatus{v}, nil
}

func (dropStatus) Fault() string { return "leaves commands unanswered" }

func (f dropStatus) Rewrite(m *syncml.Message, _ int) {
	m.Body = slices.DeleteFunc(m.Body, func(c syncml.Command) bool {
		return c.Verb == syncml.Status && c.CmdRef != "0" && (f.verb == "" || c.Cmd == string(f.verb))
	})
}

// resultsWithoutStatus answers a Get with Results only.
type resultsWithoutStatus struct{}

func (resultsWithoutStatus) Fault() string { return "sends Results without a Status" }

func (resultsWithoutStatus) Rewrite(m *syncml.Message, n int) {
	dropStatus{syncml.Get}.Rewrite(m, n)
}

// doubleStatus answers everything twice.
type doubleStatus struct{}

func (doubleStatus) Fault() string { return "sends Statuses twice" }

func (doubleStatus) Rewrite(m *syncml.Message, _ int) {
	for _, c := range slices.Clone(m.Body) {
		if c.Verb == syncml.Status && c.CmdRef != "0" {
			c.CmdID = strconv.Itoa(len(m.Body) + 1)
			m.Body = append(m.Body, c)
		}
	}
}

// emptyCmdRef puts an empty CmdRef into every 400. Windows does so only for
// commands without CmdID (Learn, "OMA DM protocol support").
type emptyCmdRef struct{}

func (emptyCmdRef) Fault() string { return "leaves CmdRef empty in a Status of 400" }

func (emptyCmdRef) Rewrite(m *syncml.Message, _ int) {
	for i := range m.Body {
		if c := &m.Body[i]; c.Verb == syncml.Status && c.Code() == syncml.BadRequest {
			c.CmdRef = ""
		}
	}
}
