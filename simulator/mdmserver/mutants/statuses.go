package mutants

import (
	"slices"
	"strconv"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of the server's Statuses, and of how it reads the device's.
var (
	SesMsgRef = &Mutant{"ses-msgref", "answers message 1 every time", func(t *tamper) {
		status(t, func(_ *mdmserver.Visit, _ int, st *syncml.Command) { st.MsgRef = "1" })
	}}
	SesNoStatus = &Mutant{"ses-no-status", "sends no Status at all", func(t *tamper) {
		t.Reply = append(t.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Body = nil })
	}}
	SesHdrStatusMissing = &Mutant{"ses-hdr-status-missing", "sends no Status for SyncHdr", func(t *tamper) {
		t.Reply = append(t.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Body = r.Message.Body[1:] })
	}}
	SesHdrStatusLast = &Mutant{"ses-hdr-status-last", "sends the Status for SyncHdr after the others", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			b := r.Message.Body
			r.Message.Body = append(slices.Clone(b[1:]), b[0])
		})
	}}
	SesCmdRefFixed = &Mutant{"ses-cmdref-fixed", "answers CmdRef 2, 3, 4, whatever the device numbered", func(t *tamper) {
		status(t, func(_ *mdmserver.Visit, i int, st *syncml.Command) {
			if i > 0 {
				st.CmdRef = strconv.Itoa(i + 1)
			}
		})
	}}
	SesAlertUnanswered = &Mutant{"ses-alert-unanswered", "sends no Status for Alerts", func(t *tamper) {
		hook.Unanswered(t, func(c *syncml.Command) bool { return c.Verb == syncml.Alert })
	}}
	SesReplaceUnanswered = &Mutant{"ses-replace-unanswered", "sends no Status for Replace", func(t *tamper) {
		hook.Unanswered(t, func(c *syncml.Command) bool { return c.Verb == syncml.Replace })
	}}
	SesUnknownSilent = &Mutant{"ses-unknown-silent", "sends no Status for Alerts of unknown types", func(t *tamper) {
		hook.Unanswered(t, hook.Foreign)
	}}
	SesStatusOrder = &Mutant{"ses-status-order", "sends its Statuses in reverse", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) { slices.Reverse(r.Message.Body[1:]) })
	}}
	SesExtraStatus = &Mutant{"ses-extra-status", "answers a command that the device never sent", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			r.Message.Body = append(r.Message.Body, syncml.Command{Verb: syncml.Status, MsgRef: v.In.Hdr.MsgID, CmdRef: "77", Cmd: "Replace", Data: "200"})
		})
	}}
	SesUnenroll404 = &Mutant{"ses-unenroll-404", "answers the Alert of unenrollment with 404", func(t *tamper) {
		status(t, func(v *mdmserver.Visit, _ int, st *syncml.Command) {
			if c := hook.AnsweredBy(v, st); c != nil && hook.Unenrolls(c) {
				st.Data = strconv.Itoa(syncml.NotFound)
			}
		})
	}}
	SesAlertCmd = &Mutant{"ses-alert-cmd", "answers Alerts as if they were Replace", func(t *tamper) {
		status(t, func(_ *mdmserver.Visit, _ int, st *syncml.Command) {
			if st.Cmd == string(syncml.Alert) {
				st.Cmd = string(syncml.Replace)
			}
		})
	}}
	SesResultsCmd = &Mutant{"ses-results-cmd", "answers Results as if they were Replace", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range v.In.Body {
				if c := &v.In.Body[i]; c.Verb == syncml.Results {
					r.Message.Body = append(r.Message.Body, syncml.Command{Verb: syncml.Status, MsgRef: v.In.Hdr.MsgID, CmdRef: c.CmdID, Cmd: string(syncml.Replace), Data: "200"})
				}
			}
		})
	}}
	SesFirstStatus = &Mutant{"ses-first-status", "reads only the first Status of a message", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			at := -1
			v.In.Body = slices.DeleteFunc(v.In.Body, func(c syncml.Command) bool {
				at++
				return c.Verb == syncml.Status && at > 1
			})
			return 0
		})
	}}

	ErrPush418 = &Mutant{"err-push-418", "fails the session when Add of Push answers 418", func(t *tamper) {
		failsAt(t, syncml.AlreadyExists)
	}}
	Err215Fails  = &Mutant{"err-215-fails", "fails the session at 214 and 215", func(t *tamper) { failsAt(t, 214, 215) }}
	Err507Fails  = &Mutant{"err-507-fails", "fails the session when an Atomic fails", func(t *tamper) { failsAt(t, 216, 507, 516) }}
	Err599Panics = &Mutant{"err-599-panics", "crashes at a status it does not know", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, _ *mdmserver.Sent) bool {
			if c.Code() == 599 {
				panic("mutant err-599-panics")
			}
			return false
		})
	}}
	ErrDelete404 = &Mutant{"err-delete-404", "fails the session when Delete of Push answers 404", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, sent *mdmserver.Sent) bool {
			return sent != nil && sent.Purpose == mdmserver.ForPush && c.Code() == syncml.NotFound
		})
	}}
	ErrChannelFails = &Mutant{"err-channel-fails", "fails the session when Get of ChannelURI fails", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, sent *mdmserver.Sent) bool {
			return sent != nil && sent.Purpose == mdmserver.ForChannel && !syncml.Success(c.Code())
		})
	}}
	ErrEmptyCmdRef = &Mutant{"err-empty-cmdref", "fails at a Status with an empty CmdRef", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, _ *mdmserver.Sent) bool { return c.CmdRef == "" })
	}}
	ErrDoubleFails = &Mutant{"err-double-fails", "fails the session when a Status arrives twice", func(t *tamper) {
		seen := answers{}
		hook.Stumble(t, func(v *mdmserver.Visit, c *syncml.Command, _ *mdmserver.Sent) bool {
			return !seen.first(v, c) && c.CmdRef != "0"
		})
	}}
	ErrResultsFail = &Mutant{"err-results-fail", "fails the session at Results without a Status", func(t *tamper) {
		seen := answers{}
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				switch c := &v.In.Body[i]; c.Verb {
				case syncml.Status:
					seen.first(v, c)
				case syncml.Results:
					if seen.first(v, c) {
						return 500
					}
				}
			}
			return 0
		})
	}}
)

var statuses = []*Mutant{
	SesMsgRef, SesNoStatus, SesHdrStatusMissing, SesHdrStatusLast, SesCmdRefFixed, SesAlertUnanswered, SesReplaceUnanswered, SesUnknownSilent,
	SesStatusOrder, SesExtraStatus, SesUnenroll404, SesAlertCmd, SesResultsCmd, SesFirstStatus,
}

// status lets f change every Status of every reply; the first one answers
// SyncHdr.
func status(t *tamper, f func(v *mdmserver.Visit, i int, st *syncml.Command)) {
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		for i := range r.Message.Body {
			f(v, i, &r.Message.Body[i])
		}
	})
}

func failsAt(t *tamper, codes ...int) {
	hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, _ *mdmserver.Sent) bool {
		return slices.Contains(codes, c.Code())
	})
}

// answers remembers which commands got a Status, for the last session of every
// device.
type answers map[*mdmserver.Device]*answered

type answered struct {
	session string
	refs    map[string]bool
}

// first tells whether c is the first answer to its command in this session.
func (a answers) first(v *mdmserver.Visit, c *syncml.Command) bool {
	of := a[v.Device]
	if of == nil || v.Opens || of.session != v.In.Hdr.SessionID {
		of = &answered{v.In.Hdr.SessionID, map[string]bool{}}
		a[v.Device] = of
	}
	ref := c.MsgRef + "/" + c.CmdRef
	was := of.refs[ref]
	of.refs[ref] = true
	return !was
}
