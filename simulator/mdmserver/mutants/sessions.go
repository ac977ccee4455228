package mutants

import (
	"encoding/base64"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of sessions: ids, course, credentials.
var (
	SesFirst500 = &Mutant{"ses-first-500", "answers the first session with 500", func(t *tamper) {
		seen := map[*mdmserver.Device]bool{}
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if !v.Opens || seen[v.Device] {
				return 0
			}
			seen[v.Device] = true
			return http.StatusInternalServerError
		})
	}}
	SesVersion = &Mutant{"ses-version", "writes VerDTD 1.1", func(t *tamper) {
		header(t, func(_ *mdmserver.Visit, h *syncml.SyncHdr) { h.VerDTD = "1.1" })
	}}
	SesSwapped = &Mutant{"ses-swapped", "swaps Target and Source", func(t *tamper) {
		header(t, func(_ *mdmserver.Visit, h *syncml.SyncHdr) { h.Target, h.Source = h.Source, h.Target })
	}}
	SesSessionID = &Mutant{"ses-session-id", "replies with SessionID 1, whatever the device's is", func(t *tamper) {
		header(t, func(_ *mdmserver.Visit, h *syncml.SyncHdr) { h.SessionID = "1" })
	}}
	SesMsgID = &Mutant{"ses-msg-id", "replies with MsgID 1 every time", func(t *tamper) {
		header(t, func(_ *mdmserver.Visit, h *syncml.SyncHdr) { h.MsgID = "1" })
	}}
	SesMsgIDCopied = &Mutant{"ses-msgid-copied", "copies the device's MsgID", func(t *tamper) {
		header(t, func(v *mdmserver.Visit, h *syncml.SyncHdr) { h.MsgID = v.In.Hdr.MsgID })
	}}
	SesIDEscaped = &Mutant{"ses-id-escaped", "keeps the device's id as it is escaped in XML", func(t *tamper) {
		header(t, func(_ *mdmserver.Visit, h *syncml.SyncHdr) { h.Target.LocURI = html.EscapeString(h.Target.LocURI) })
	}}
	SesMixed = &Mutant{"ses-mixed", "answers every session in the name of the last one", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if !v.Opens && v.Device.Session != nil {
				v.In.Hdr.SessionID = v.Device.Session.ID
			}
			return 0
		})
	}}
	SesIDDecimal = &Mutant{"ses-id-decimal", "accepts only decimal SessionIDs", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			return only(strings.Trim(v.In.Hdr.SessionID, "0123456789") != "", http.StatusBadRequest)
		})
	}}
	SesZeroRefused = &Mutant{"ses-zero-refused", "refuses SessionID 0", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int { return only(v.In.Hdr.SessionID == "0", http.StatusBadRequest) })
	}}
	SesAnyVersion = &Mutant{"ses-any-version", "accepts messages of any version", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			v.In.Hdr.VerDTD, v.In.Hdr.VerProto = syncml.VerDTD, syncml.VerProto
			return 0
		})
	}}
	SesMaxSize = &Mutant{"ses-max-size", "ignores the device's MaxMsgSize", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			v.In.Hdr.Meta = nil
			return 0
		})
	}}
	SesPartCommands = &Mutant{"ses-part-commands", "sends commands before the device sent all of its package", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			v.In.Final = true
			return 0
		})
	}}
	SesAbortWedge = &Mutant{"ses-abort-wedge", "locks a device out that aborted a session", func(t *tamper) {
		wedged := map[*mdmserver.Device]bool{}
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if wedged[v.Device] {
				return http.StatusForbidden
			}
			wedged[v.Device] = hook.Aborted(v.In)
			return 0
		})
	}}
	SesAbortCommands = &Mutant{"ses-abort-commands", "sends a command to a device that aborted the session", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if hook.Aborted(v.In) && v.In.Final {
				r.Plan = append(r.Plan, hook.Ask(hook.Language))
			}
		})
	}}
	SesAbortQueued = &Mutant{"ses-abort-queued", "sends a command to a device that aborted the session, if it has work", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			work := slices.ContainsFunc(v.Device.Commands, func(c *mdmserver.Command) bool { return c.State == mdmserver.StateQueued })
			if hook.Aborted(v.In) && v.In.Final && work {
				r.Plan = append(r.Plan, hook.Ask(hook.Language))
			}
		})
	}}
	SesUnknownAlert = &Mutant{"ses-unknown-alert", "fails the session at an Alert it does not know", func(t *tamper) {
		hook.Choke(t, syncml.Alert, hook.Foreign)
	}}
	Ses1226Fails = &Mutant{"ses-1226-fails", "fails at the Alert with the result of an installation", func(t *tamper) {
		hook.Choke(t, syncml.Alert, func(c *syncml.Command) bool {
			return c.Code() == syncml.AlertGeneric && len(c.Items) > 0 && c.Items[0].Source.LocURI != ""
		})
	}}
	SesChunkRefused = &Mutant{"ses-chunk-refused", "fails at Results that arrive in parts", func(t *tamper) {
		hook.Choke(t, syncml.Results, func(c *syncml.Command) bool {
			return slices.ContainsFunc(c.Items, func(it syncml.Item) bool { return it.MoreData })
		})
	}}
	SesResultsMsgRef = &Mutant{"ses-results-msgref", "fails at Results without MsgRef", func(t *tamper) {
		hook.Choke(t, syncml.Results, func(c *syncml.Command) bool { return c.MsgRef == "" })
	}}
	Ses202Fails = &Mutant{"ses-202-fails", "fails the session at 202", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, _ *mdmserver.Sent) bool {
			return c.Code() == syncml.Accepted
		})
	}}
	Ses202Again = &Mutant{"ses-202-again", "sends what was answered with 202 again", func(t *tamper) {
		again(t, syncml.Accepted)
	}}
	Ses405Loop = &Mutant{"ses-405-loop", "sends what was answered with 405 again in the same session", func(t *tamper) {
		again(t, 405)
	}}
	Ses404Stalls = &Mutant{"ses-404-stalls", "sends nothing more once a command was answered with 404", func(t *tamper) {
		stalled := map[*mdmserver.Device]bool{}
		hook.On(t, mdmserver.Answered, func(c *mdmserver.Change) {
			if c.Code == syncml.NotFound {
				stalled[c.Device] = true
			}
		})
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if stalled[v.Device] {
				hook.LeaveOut(r, hook.Queued)
			}
		})
	}}
	SesEndless = &Mutant{"ses-endless", "sends one more Get in every message", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if hook.Planning(v) {
				r.Plan = append(r.Plan, hook.Ask(hook.Language))
			}
		})
	}}
	SesUserAlways = &Mutant{"ses-user-always", "asks for a node of ./User in every session", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if hook.Planning(v) && v.Opens && v.Device.Sessions > 1 {
				r.Plan = append(r.Plan, hook.Ask("./User/Vendor/MSFT/Policy/Result/Experience"))
			}
		})
	}}
	SesNoFinal = &Mutant{"ses-no-final", "never sends Final", func(t *tamper) {
		t.Reply = append(t.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Final = false })
	}}
	SesFinalIdle = &Mutant{"ses-final-idle", "leaves Final out of messages without commands", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Final = r.Message.Final && len(r.Plan) > 0 })
	}}

	SesNoChal = &Mutant{"ses-no-chal", "refuses without saying how to authenticate", func(t *tamper) {
		t.Admit = append(t.Admit, func(_ *mdmserver.Visit, a *mdmserver.Admission) { a.Challenge = a.Challenge && syncml.Success(a.Code) })
	}}
	Ses407401 = &Mutant{"ses-407-401", "answers a missing credential with 401", func(t *tamper) {
		t.Admit = append(t.Admit, func(_ *mdmserver.Visit, a *mdmserver.Admission) {
			if a.Code == syncml.MissingCredential {
				a.Code = syncml.InvalidCredential
			}
		})
	}}
	SesNonceAny = &Mutant{"ses-nonce-any", "accepts a digest with any nonce", func(t *tamper) {
		admitIf(t, func(c *syncml.Cred) bool {
			digest, err := base64.StdEncoding.DecodeString(strings.TrimSpace(c.Data))
			return err == nil && len(digest) == 16
		})
	}}
	SecGarbage = &Mutant{"sec-garbage", "accepts any credential", func(t *tamper) {
		admitIf(t, func(*syncml.Cred) bool { return true })
	}}
	SesNonceConstant = &Mutant{"ses-nonce-constant", "never changes its nonce", func(t *tamper) {
		t.Admit = append(t.Admit, func(v *mdmserver.Visit, a *mdmserver.Admission) { a.Nonce = v.Device.Auth.Nonce })
	}}
	SesNonceKept = &Mutant{"ses-nonce-kept", "changes its nonce only when it challenges", func(t *tamper) {
		t.Admit = append(t.Admit, func(_ *mdmserver.Visit, a *mdmserver.Admission) {
			a.Challenge = a.Challenge && a.Code != syncml.AuthAccepted
		})
	}}
	SesCredWrong = &Mutant{"ses-cred-wrong", "shows a credential that is not the provisioned one", func(t *tamper) {
		t.Reply = append(t.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			if c := r.Message.Hdr.Cred; c != nil {
				c.Data = base64.StdEncoding.EncodeToString(make([]byte, 16))
			}
		})
	}}
	Sec401Commands = &Mutant{"sec-401-commands", "sends a command along with a challenge", func(t *tamper) {
		t.Reply = append(t.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			if !r.Refused || len(r.Message.Body) == 0 {
				return
			}
			if code := r.Message.Body[0].Code(); code == syncml.InvalidCredential || code == syncml.MissingCredential {
				r.Plan = append(r.Plan, hook.Ask(hook.Language))
			}
		})
	}}
	SesCmdIDRepeated = &Mutant{"ses-cmdid-repeated", "uses one CmdID twice", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			statuses := len(r.Message.Body)
			r.Number = func(i int) string {
				if i < statuses {
					i++
				}
				return strconv.Itoa(i)
			}
		})
	}}
	SesCmdIDZero = &Mutant{"ses-cmdid-zero", "numbers its commands from 0", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Number = strconv.Itoa })
	}}
)

var sessions = []*Mutant{
	SesFirst500, SesVersion, SesSwapped, SesSessionID, SesMsgID, SesMsgIDCopied, SesIDEscaped, SesMixed, SesIDDecimal, SesZeroRefused, SesAnyVersion,
	SesMaxSize, SesPartCommands, SesAbortWedge, SesAbortCommands, SesAbortQueued, SesUnknownAlert, Ses1226Fails, SesChunkRefused, SesResultsMsgRef, Ses202Fails,
	Ses202Again, Ses405Loop, Ses404Stalls, SesEndless, SesUserAlways, SesNoFinal, SesFinalIdle, SesNoChal, Ses407401, SesNonceAny, SesNonceConstant,
	SesNonceKept, SesCredWrong, SesCmdIDRepeated, SesCmdIDZero,
}

// header lets f change the SyncHdr of every reply.
func header(t *tamper, f func(*mdmserver.Visit, *syncml.SyncHdr)) {
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) { f(v, &r.Message.Hdr) })
}

func only(is bool, status int) int {
	if is {
		return status
	}
	return 0
}

// again queues a command again that was answered with a code.
func again(t *tamper, code int) {
	hook.On(t, mdmserver.Answered, func(c *mdmserver.Change) {
		if c.Code == code {
			c.Command.State = mdmserver.StateQueued
		}
	})
}

// admitIf accepts a wrong credential that f accepts.
func admitIf(t *tamper, f func(*syncml.Cred) bool) {
	t.Admit = append(t.Admit, func(v *mdmserver.Visit, a *mdmserver.Admission) {
		if a.Code == syncml.InvalidCredential && v.In.Hdr.Cred != nil && f(v.In.Hdr.Cred) {
			a.Code, a.Challenge = syncml.AuthAccepted, a.Kind == mdmserver.AuthMD5
		}
	})
}
