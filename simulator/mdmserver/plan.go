package mdmserver

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// pushState is where a device stands on the push path.
type pushState struct {
	PFNSet   bool   `json:"pfnSet"`
	Reset    bool   `json:"reset"`    // set the PFN again: WNS said 410, or the device that its channel expired
	Failures int    `json:"failures"` // of setting the PFN, in a row
	Code     int    `json:"code"`     // the last status of setting it
	URI      string `json:"-"`
	Status   int    `json:"status"` // Push/Status
	Last     string `json:"last"`   // what became of the last push

	all    []string // every URI ever seen, for a mutant
	silent bool     // asks for nothing any more, for a mutant
}

// maxPFNFailures ends the attempts to set a PFN until something changes.
const maxPFNFailures = 3

// planned is a command to send and what to do with its answer.
type planned struct {
	command syncml.Command
	out     *outgoing
	inner   []*outgoing // of an Atomic's commands
}

// pfn is what the server writes into the device: the family name in lower
// case, as the device expects it.
func (s *Server) pfn(d *device) string {
	pfn := strings.ToLower(s.cfg.PFN)
	name, hash, _ := strings.Cut(pfn, "_")
	switch {
	case s.is("pfn-full-name"):
		return name + "_1.1.0.0_x86__" + hash
	case s.is("pfn-upper-case"):
		return strings.ToUpper(pfn)
	case s.is("pfn-per-device"):
		return "d" + strings.ToLower(d.ID[:min(len(d.ID), 8)]) + "." + pfn
	case s.is("pfn-bad-hash"):
		return pfn[:len(pfn)-2]
	}
	return pfn
}

func (s *Server) pushURI() string {
	p := url.PathEscape(s.cfg.ProviderID)
	switch {
	case s.is("pfn-wrong-provider"):
		p = "MS%20DM%20Server"
	case s.is("pfn-provider-plain"):
		p = s.cfg.ProviderID
	}
	return "./Vendor/MSFT/DMClient/Provider/" + p + "/Push"
}

func (s *Server) accountURI() string { return strings.TrimSuffix(s.pushURI(), "/Push") }

func one(verb syncml.Verb, target, format, data string) syncml.Command {
	it := syncml.Item{Target: syncml.Loc{LocURI: target}}
	if format != "" {
		it.Meta = &syncml.Meta{Format: format}
	}
	if data != "" {
		it.Data, it.HasData = data, true
	}
	return syncml.Command{Verb: verb, Items: []syncml.Item{it}}
}

// plan decides what to send next: the PFN where it is not set, the questions
// for the channel in every session, then what is queued.
// more tells that a value is being sent in chunks and the next is to come.
func (s *Server) plan(d *device, sess *session) (out []planned, more bool) {
	push := s.pushURI()
	send := func(k kind, c syncml.Command) { out = append(out, planned{command: c, out: &outgoing{kind: k}}) }
	ask := func() {
		if s.is("pfn-channel-never") || s.is("pfn-channel-once") && d.Push.URI != "" {
			return
		}
		send(kindChannel, one(syncml.Get, push+"/ChannelURI", "", ""))
		if !s.is("pfn-status-never") {
			send(kindStatus, one(syncml.Get, push+"/Status", "", ""))
		}
	}
	format := "chr"
	if s.is("pfn-format-int") {
		format = "int"
	}
	pushes := s.cfg.PFN != "" && !s.is("pfn-never") && !d.Push.silent
	switch {
	case d.leaving && !sess.planned:
		sess.planned = true
		return s.farewell(), false
	case d.leaving:
		return nil, false
	case !pushes:
	case sess.replace:
		sess.replace = false
		send(kindReplacePFN, one(syncml.Replace, push+"/PFN", format, s.pfn(d)))
		ask()
	case !sess.planned:
		if s.varies("get-first") {
			ask()
		}
		switch {
		case d.Push.Failures >= maxPFNFailures:
		case s.is("err-500-giveup") && d.Push.Failures > 0:
		case d.Push.PFNSet && (d.Push.Reset || s.is("pfn-every-session")):
			send(kindReplacePFN, one(syncml.Replace, push+"/PFN", format, s.pfn(d)))
		case !d.Push.PFNSet:
			if !s.is("pfn-no-push-node") {
				send(kindPush, one(syncml.Add, push, "node", ""))
			}
			add := one(syncml.Add, push+"/PFN", format, s.pfn(d))
			if s.is("pfn-atomic") {
				replace := one(syncml.Replace, push+"/PFN", format, s.pfn(d))
				add.CmdID, replace.CmdID = "901", "902"
				add = syncml.Command{Verb: syncml.Atomic, Commands: []syncml.Command{add, replace}}
			}
			send(kindAddPFN, add)
		}
		ask()
		if s.varies("sync-version") && d.seen == 1 {
			send(kindPush, one(syncml.Replace, s.accountURI()+"/SyncApplicationVersion", "chr", "5.0"))
		}
	}
	sess.planned = true
	if s.is("ses-endless") {
		send(kindPush, one(syncml.Get, "./DevInfo/Lang", "", ""))
	}
	if s.is("ses-user-always") && d.seen > 1 && len(sess.sent) == 0 {
		send(kindPush, one(syncml.Get, "./User/Vendor/MSFT/Policy/Result/Experience", "", ""))
	}
	if d.stalled {
		return out, false
	}
	if s.is("err-500-first") && !d.Push.PFNSet {
		return out, false
	}
	if l := s.leak(d); l != nil {
		send(kindPush, *l)
	}
	for _, c := range s.pending(d) {
		verb := c.Verb
		if s.is("psh-exec-replace") && verb == syncml.Exec {
			verb = syncml.Replace
		}
		full, more := s.piece(sess, c, one(verb, s.scoped(c.LocURI), c.Format, c.Data))
		if more {
			return append(out, planned{command: full, out: &outgoing{kind: kindChunk, cmd: c}}), true
		}
		if sess.full(out, full) {
			break // what is left goes into the next message
		}
		c.State = stateSent
		c.sent++
		out = append(out, planned{command: full, out: &outgoing{kind: kindCommand, cmd: c}})
	}
	return s.grouped(out), false
}

// pending are the commands that wait to be sent in the session under way.
func (s *Server) pending(d *device) (out []*command) {
	for _, c := range d.Commands {
		if c.State == stateQueued && (d.session == nil || !d.session.held[c]) {
			out = append(out, c)
		}
	}
	return out
}

// pushStatus takes in the Status of a command of the push path.
func (s *Server) pushStatus(d *device, sess *session, k kind, code int) {
	p := &d.Push
	switch k {
	case kindAddPFN, kindReplacePFN:
		p.Code = code
		switch {
		case syncml.Success(code):
			p.PFNSet, p.Reset, p.Failures = true, false, 0
		case k == kindAddPFN && code == syncml.AlreadyExists:
			// The node is there, from an earlier enrollment or another
			// account: write it by Replace.
			if s.is("err-pfn-418") {
				p.PFNSet = true
				return
			}
			sess.replace = true
		default:
			p.Failures++
			sess.replace = s.is("err-500-forever")
		}
	case kindUnenroll:
		if syncml.Success(code) {
			d.Active, d.leaving, d.Push = false, false, pushState{}
		}
	case kindChannel:
		if code == syncml.NotFound {
			p.PFNSet = false // Push is gone: set it up again next time
		}
		if !syncml.Success(code) && !s.is("chn-keep-on-empty") {
			p.URI = ""
		}
		if !syncml.Success(code) && s.is("err-channel-loop") {
			sess.planned = false
		}
	}
}

// maxURIs is how many channel URIs of a device are remembered, for mutants.
const maxURIs = 16

// pushResult takes in what the device answered for ChannelURI or Status.
func (s *Server) pushResult(d *device, k kind, data string) {
	p := &d.Push
	if k == kindStatus {
		n, err := strconv.Atoi(strings.TrimSpace(data))
		if err != nil {
			n = -1
		}
		p.Status = n
		if n == 5 { // the channel expired
			p.Reset, p.silent = !s.is("chn-expired-no-pfn"), s.is("chn-expired-silent")
		}
		return
	}
	if k != kindChannel {
		return
	}
	switch {
	case s.is("chn-keep-on-empty") && data == "", s.is("chn-keep-first") && p.URI != "":
		return
	case data != "" && !s.allowed(data):
		s.log.Warn("channel URI refused", "device", d.ID)
		data = ""
	}
	if s.is("chn-cut") && len(data) > 255 {
		data = data[:255]
	}
	p.URI = data
	p.silent = p.silent || data == "" && s.is("chn-empty-silent")
	if data != "" && !slices.Contains(p.all, data) {
		p.all = append(p.all, data)
		p.all = p.all[max(len(p.all)-maxURIs, 0):]
	}
	if s.is("chn-global") {
		for _, other := range s.devices {
			other.Push.URI = data
		}
	}
}

// allowed tells whether a channel URI may be posted to: https, a host of the
// push service, no user information. A device chooses the URI, so anything
// else would let it aim the server at others.
func (s *Server) allowed(raw string) bool {
	u, err := url.Parse(raw)
	switch {
	case s.is("chn-any-uri"):
		return true
	case s.is("chn-uri-text"):
		return strings.HasPrefix(raw, "https://") && (strings.Contains(raw, ".notify.windows.com") || slices.ContainsFunc(s.cfg.ChannelHosts, func(h string) bool { return strings.Contains(raw, h) }))
	}
	if err != nil || u.Scheme != "https" || u.User != nil {
		return false
	}
	for _, h := range s.cfg.ChannelHosts {
		if suffix, ok := strings.CutPrefix(h, "."); ok {
			if label, found := strings.CutSuffix(u.Host, "."+suffix); found && label != "" && !strings.Contains(label, ".") {
				return true
			}
		} else if u.Host == h {
			return true
		}
	}
	return false
}

func isWipe(c *command) bool {
	return c.Verb == syncml.Exec && strings.Contains(strings.ToLower(c.LocURI), "/remotewipe/dowipe")
}
