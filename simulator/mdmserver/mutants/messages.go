package mutants

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of the envelope: right in first sessions, wrong where the work is, or wrong
// in a way that devices let pass.
var (
	MsgVersionLater = &Mutant{"msg-version-later", "writes VerProto DM/1.1 in messages with queued commands", func(t *tamper) {
		laden(t, func(r *mdmserver.Reply) { r.Message.Hdr.VerProto = "DM/1.1" })
	}}
	MsgTargetLater = &Mutant{"msg-target-later", "names no device in messages with queued commands", func(t *tamper) {
		laden(t, func(r *mdmserver.Reply) { r.Message.Hdr.Target = syncml.Loc{LocURI: "device"} })
	}}
	MsgIDSkips = &Mutant{"msg-id-skips", "skips a MsgID after messages with queued commands", func(t *tamper) {
		sent := map[*mdmserver.Session]bool{}
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			s := v.Device.Session
			if n, err := strconv.Atoi(r.Message.Hdr.MsgID); err == nil && sent[s] {
				r.Message.Hdr.MsgID = strconv.Itoa(n + 1)
			}
			sent[s] = sent[s] || busy(r)
		})
	}}
	MsgDataFirst = &Mutant{"msg-data-first", "writes Data before Meta", func(t *tamper) {
		re := regexp.MustCompile(`(<Meta>(?:[^<]|<F|<T|</F|</T)*</Meta>)(<Data>[^<]*</Data>)`)
		hook.Session(t, func(x *hook.Exchange) { x.Reply = re.ReplaceAll(x.Reply, []byte("$2$1")) })
	}}
	MsgFinalTwice = &Mutant{"msg-final-twice", "writes Final twice where there are commands", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) {
			if bytes.Contains(x.Reply, []byte("<Replace>")) {
				x.Replace("<Final/>", "<Final/><Final/>")
			}
		})
	}}
	MsgCmdIDLater = &Mutant{"msg-cmdid-later", "gives two queued commands one CmdID", func(t *tamper) {
		laden(t, func(r *mdmserver.Reply) {
			first := len(r.Message.Body)
			r.Number = func(i int) string {
				if i > first {
					i--
				}
				return strconv.Itoa(i + 1)
			}
		})
	}}
	MsgStatusTwiceLater = &Mutant{"msg-status-twice-later", "answers a command twice in messages with queued commands", func(t *tamper) {
		laden(t, func(r *mdmserver.Reply) {
			if n := len(r.Message.Body); n > 1 {
				r.Message.Body = append(r.Message.Body, r.Message.Body[n-1])
			}
		})
	}}
	MsgStatusEmpty = &Mutant{"msg-status-empty", "writes no code for the last command of package 1", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			if n := len(r.Message.Body); n > 1 {
				r.Message.Body[n-1].Data = ""
			}
		})
	}}
	MsgResultsAnswered = &Mutant{"msg-results-answered", "answers Results with a Status", hook.AnswerResults}
	MsgURISlash        = &Mutant{"msg-uri-slash", "begins a LocURI with a slash", func(t *tamper) {
		once(t, hook.Command(syncml.Get, "/DevInfo/Lang", "", ""))
	}}
	MsgNoTarget = &Mutant{"msg-no-target", "sends a Get without an Item", func(t *tamper) { once(t, syncml.Command{Verb: syncml.Get}) }}
	MsgNoData   = &Mutant{"msg-no-data", "leaves out the Data of a Replace", func(t *tamper) {
		c := hook.Command(syncml.Replace, deviceName, "chr", "")
		once(t, c)
	}}
	MsgFormatUnknown = &Mutant{"msg-format-unknown", "calls a format string", func(t *tamper) { once(t, hook.Command(syncml.Replace, deviceName, "string", "pc")) }}
	MsgFormatForeign = &Mutant{"msg-format-foreign", "writes Format without its namespace", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) { x.Replace(`<Format xmlns="syncml:metinf">`, "<Format>") })
	}}
	MsgPut  = &Mutant{"msg-put", "sends a Put", func(t *tamper) { once(t, hook.Command("Put", hook.Language, "chr", "en")) }}
	MsgCred = &Mutant{"msg-cred", "sends its credential in a command", func(t *tamper) {
		c := hook.Command(syncml.Get, hook.Language, "", "")
		c.Cred = &syncml.Cred{Meta: &syncml.Meta{Format: "b64", Type: "syncml:auth-basic"}, Data: "c2VydmVyOnNlY3JldA=="}
		once(t, c)
	}}
	MsgGetInAtomic = &Mutant{"msg-get-in-atomic", "sends a Get inside an Atomic", func(t *tamper) {
		first(t, func(r *mdmserver.Reply) {
			p := hook.Ask(hook.Language)
			r.Plan = append(r.Plan, mdmserver.Planned{Command: syncml.Command{Verb: syncml.Atomic, Commands: []syncml.Command{p.Command}},
				Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}, Inner: []*mdmserver.Sent{p.Sent}})
		})
	}}
)

var messages = []*Mutant{MsgVersionLater, MsgTargetLater, MsgIDSkips, MsgDataFirst, MsgFinalTwice, MsgCmdIDLater, MsgStatusTwiceLater, MsgStatusEmpty, MsgResultsAnswered,
	MsgURISlash, MsgNoTarget, MsgNoData, MsgFormatUnknown, MsgFormatForeign, MsgPut, MsgCred, MsgGetInAtomic}

const deviceName = "./DevDetail/Ext/Microsoft/DeviceName"

func busy(r *mdmserver.Reply) bool {
	return slices.ContainsFunc(r.Plan, func(p mdmserver.Planned) bool { return hook.Queued(&p) })
}

// laden lets f change replies with queued commands.
func laden(t *tamper, f func(*mdmserver.Reply)) {
	hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
		if busy(r) {
			f(r)
		}
	})
}

// first lets f change the reply that opens a device's second session.
func first(t *tamper, f func(*mdmserver.Reply)) {
	opened := map[*mdmserver.Device]int{}
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		if v.Opens {
			opened[v.Device]++
		}
		if v.Opens && opened[v.Device] == 2 && hook.Planning(v) {
			f(r)
		}
	})
}

// once sends a command in each device's second session.
func once(t *tamper, c syncml.Command) {
	first(t, func(r *mdmserver.Reply) {
		r.Plan = append(r.Plan, mdmserver.Planned{Command: c, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
	})
}
