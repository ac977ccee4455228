package mutants

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of the envelope: how sessions open, and how packages are divided.
var (
	MsgContentTypeLater = &Mutant{"msg-content-type-later", "calls replies with a Replace text/xml", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) {
			if bytes.Contains(x.Reply, []byte("<Replace>")) {
				x.ReplyHeader.Set("Content-Type", "text/xml")
			}
		})
	}}
	MsgFinalLater = &Mutant{"msg-final-later", "leaves Final out of the last message of sessions with queued commands", func(t *tamper) {
		sent := map[*mdmserver.Session]bool{}
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			s := v.Device.Session
			r.Message.Final = r.Message.Final && (len(r.Plan) > 0 || !sent[s])
			sent[s] = sent[s] || busy(r)
		})
	}}
	MsgAbortOpen = &Mutant{"msg-abort-open", "ends the third session of a device with Alert 1223 and without Final", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions == 3 && hook.Planning(v) && len(r.Plan) == 0 {
				r.Plan, r.Message.Final = append(r.Plan, abort()), false
			}
		})
	}}
	SesStatusesSilent = &Mutant{"ses-statuses-silent", "answers a message of Statuses only without the Status for SyncHdr", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if onlyStatuses(v.In) {
				r.Message.Body = nil
			}
		})
	}}
	SesStatusesEchoed = &Mutant{"ses-statuses-echoed", "answers each Status in a message of Statuses only", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if !onlyStatuses(v.In) {
				return
			}
			for _, c := range v.In.Body {
				r.Message.Body = append(r.Message.Body, syncml.Command{Verb: syncml.Status, MsgRef: v.In.Hdr.MsgID, CmdRef: c.CmdID, Cmd: string(c.Verb), Data: "200"})
			}
		})
	}}
	Ses1200Idle = &Mutant{"ses-1200-idle", "sends no queued command in a session that Alert 1200 opened", func(t *tamper) {
		called := map[*mdmserver.Session]bool{}
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			called[v.Device.Session] = called[v.Device.Session] || hasAlert(v.In, syncml.AlertServerInitiated)
			if called[v.Device.Session] {
				hook.LeaveOut(r, hook.Queued)
			}
		})
	}}
	Ses1200Refused = &Mutant{"ses-1200-refused", "fails at Alert 1200", func(t *tamper) {
		hook.Choke(t, syncml.Alert, func(c *syncml.Command) bool { return c.Code() == syncml.AlertServerInitiated })
	}}
	SesGenericAlertHeader = &Mutant{"ses-generic-alert-header", "refuses requests with the header MDM-GenericAlert", func(t *tamper) {
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			return only(x.Header.Get("MDM-GenericAlert") != "", http.StatusBadRequest)
		})
	}}
	SesOriginList = &Mutant{"ses-origin-list", "reads UserAgentOrigin as one number", func(t *tamper) {
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			v := x.Header.Get("UserAgentOrigin")
			_, err := strconv.Atoi(v)
			return only(v != "" && err != nil, http.StatusInternalServerError)
		})
	}}
	SesOriginalError = &Mutant{"ses-original-error", "fails at the attribute msft:originalerror", func(t *tamper) {
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			return only(bytes.Contains(x.In, []byte("originalerror=")), http.StatusInternalServerError)
		})
	}}
	SesPartFinal = &Mutant{"ses-part-final", "writes Final beside Alert 1222", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Final = r.Message.Final || !v.In.Final })
	}}
	SesPartSilent = &Mutant{"ses-part-silent", "does not ask for the rest of the device's package", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if !v.In.Final {
				r.Plan = nil
			}
		})
	}}
	SesAddressDead = &Mutant{"ses-address-dead", "sends devices without work to an address that answers nobody, in their fourth session", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions == 4 && len(v.Device.Commands) == 0 && v.Opens && hook.Planning(v) {
				c := hook.Command(syncml.Replace, hook.Account(v.Config)+"/ManagementServiceAddress", "chr", v.Config.BaseURL+"/moved")
				r.Plan = append(r.Plan, mdmserver.Planned{Command: c, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
			}
		})
	}}
	SecSigner = &Mutant{"sec-signer", "verifies MS-Signature, and does not ask who signed", func(t *tamper) {
		t.Identify = append(t.Identify, func(c *mdmserver.Caller) {
			if c.Body != nil && c.Refusal != nil && signedBySomeone(c.Request, c.Body) {
				c.Refusal = nil
			}
		})
	}}
)

var envelopes = []*Mutant{MsgContentTypeLater, MsgFinalLater, MsgAbortOpen, SesStatusesSilent, SesStatusesEchoed, Ses1200Idle, Ses1200Refused, SesGenericAlertHeader, SesOriginList,
	SesOriginalError, SesPartFinal, SesPartSilent, SesAddressDead, SecSigner}

func onlyStatuses(m *syncml.Message) bool {
	return !slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return c.Verb != syncml.Status })
}

func hasAlert(m *syncml.Message, code int) bool {
	return slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return c.Verb == syncml.Alert && c.Code() == code })
}

func abort() mdmserver.Planned {
	return mdmserver.Planned{Command: syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertSessionAbort)}, Sent: &mdmserver.Sent{Purpose: mdmserver.ForAlert}}
}

func signedBySomeone(r *http.Request, body []byte) bool {
	raw, err := base64.StdEncoding.DecodeString(r.Header.Get("MS-Signature"))
	if err != nil {
		return false
	}
	p7, err := pkcs7.Parse(raw)
	if err != nil {
		return false
	}
	p7.Content = body
	return p7.Verify() == nil
}
