package mutants

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of a poll schedule that is set in a session.
var (
	MsgPollZero      = pollMutant("msg-poll-zero", "sets all counts of a poll schedule to 0 in a session", "0 15 0 60 0 1440")
	MsgPollText      = pollMutant("msg-poll-text", "sets a poll interval to a text in a session", "8 often 5 60 0 1440")
	MsgPollOften     = pollMutant("msg-poll-often", "sets an endless poll every five minutes in a session", "8 1 5 3 0 5")
	MsgPollFirstZero = pollMutant("msg-poll-first-zero", "sets the number of first retries to 0 in a session", "0 15 5 60 0 1440")
	MsgPollNoNode    = &Mutant{"msg-poll-no-node", "sets a poll schedule in a session where there is no Poll", func(t *tamper) {
		t.Document = append(t.Document, func(p *mdmserver.Provisioning) {
			for _, e := range p.Doc.FindElements("//characteristic[@type='Poll']") {
				e.Parent().RemoveChild(e)
			}
		})
		setPolls(t, "8 15 5 60 0 1440")
	}}
)

var polls = []*Mutant{MsgPollZero, MsgPollText, MsgPollOften, MsgPollFirstZero, MsgPollNoNode}

func pollMutant(name, does, values string) *Mutant {
	return &Mutant{name, does, func(t *tamper) { setPolls(t, values) }}
}

// setPolls sets a poll schedule in each device's second session.
func setPolls(t *tamper, values string) {
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		if !v.Opens || v.Device.Sessions != 2 || !hook.Planning(v) {
			return
		}
		for i, name := range []string{"NumberOfFirstRetries", "IntervalForFirstSetOfRetries", "NumberOfSecondRetries", "IntervalForSecondSetOfRetries",
			"NumberOfRemainingScheduledRetries", "IntervalForRemainingScheduledRetries"} {
			r.Plan = append(r.Plan, mdmserver.Planned{Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush},
				Command: hook.Command(syncml.Replace, hook.Account(v.Config)+"/Poll/"+name, "int", strings.Fields(values)[i])})
		}
	})
}
