package dmclient

import (
	"strconv"

	"github.com/dmwake/dmwake/simulator/syncml"
)

func (r *running) header() syncml.SyncHdr {
	r.msgID++
	source := r.opts.Source
	if source == "" {
		source = r.d.cfg.Identity.DeviceID
	}
	h := syncml.SyncHdr{
		VerDTD: syncml.VerDTD, VerProto: syncml.VerProto, SessionID: r.s.ID, MsgID: strconv.Itoa(r.msgID),
		Target: syncml.Loc{LocURI: r.addr}, Source: syncml.Loc{LocURI: source},
	}
	if !r.auth.done {
		h.Cred = r.cred()
	}
	r.name(&h)
	return h
}

// name writes the user name beside a digest, which does not tell whose it is
// (Learn, "OMA DM protocol support"; seen on Windows 11 22621 and 26200).
func (r *running) name(h *syncml.SyncHdr) {
	if h.Cred != nil && h.Cred.Meta != nil && h.Cred.Meta.Type == authMD5 && h.Source.LocName == "" {
		h.Source.LocName = r.d.credName()
	}
}

// packageOne opens every session [seen]: Alert 1201, Alert 1224 LoginStatus,
// other alerts, one Replace of DevInfo, Final.
func (r *running) packageOne() *syncml.Message {
	hdr := r.header()
	id, step := r.opts.FirstCmdID, r.opts.CmdIDStep
	if id == 0 {
		id = 2
	}
	if step == 0 {
		step = 1
	}
	next := func() string {
		s := strconv.Itoa(id)
		id += step
		return s
	}
	opening := syncml.AlertClientInitiated
	if r.opts.Origin == OriginPush && r.d.cfg.Profile.Quirks.Alert1200 {
		opening = syncml.AlertServerInitiated
	}
	body := append(make([]syncml.Command, 0, 3),
		syncml.Command{Verb: syncml.Alert, CmdID: next(), Data: strconv.Itoa(opening)},
		syncml.Command{Verb: syncml.Alert, CmdID: next(), Data: strconv.Itoa(syncml.AlertClientEvent), Items: []syncml.Item{
			{Meta: &syncml.Meta{Type: "com.microsoft/MDM/LoginStatus"}, Data: string(r.d.LoggedIn()), HasData: true}}})
	for _, a := range r.openingAlerts() {
		a.CmdID = next()
		body = append(body, a)
	}
	ident := &r.d.cfg.Identity
	model := r.opts.Model
	if model == "" {
		model = ident.Model
	}
	info := syncml.Command{Verb: syncml.Replace, CmdID: next(), Items: make([]syncml.Item, 0, 5)}
	for _, n := range [][2]string{
		{"DevId", hdr.Source.LocURI}, {"Man", ident.Manufacturer}, {"Mod", model},
		{"DmV", r.d.cfg.Profile.DmV}, {"Lang", ident.Locale},
	} {
		info.Items = append(info.Items, syncml.Item{Source: syncml.Loc{LocURI: "./DevInfo/" + n[0]}, Data: n[1], HasData: true})
	}
	if r.d.cfg.Profile.Quirks.HWDevIDItem {
		info.Items = append(info.Items, syncml.Item{Source: syncml.Loc{LocURI: "./Vendor/MSFT/DMClient/HWDevID"}, Data: ident.HWDevID, HasData: true})
	}
	return &syncml.Message{Hdr: hdr, Body: append(body, info), Final: true, Extended: r.version >= 3}
}

// openingAlerts are the directory user's token, results of completed jobs, and the
// caller's alerts. The token is in package 1 (Learn, "Microsoft Entra integration
// with MDM"); its place in it is a [model].
func (r *running) openingAlerts() (out []syncml.Command) {
	if r.tokens.user != "" {
		out = append(out, syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertClientEvent), Items: []syncml.Item{
			{Meta: &syncml.Meta{Type: "com.microsoft/MDM/AADUserToken"}, Data: r.tokens.user, HasData: true}}})
	}
	if alert, ok := r.d.declaredAlert(); ok {
		out = append(out, alert)
	}
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	return append(append(out, r.d.alerts...), r.opts.Alerts...)
}

// UnenrollAlert is the alert when a user disconnects a device of this profile
// [seen].
func UnenrollAlert(p Profile) syncml.Command {
	meta := &syncml.Meta{Type: "com.microsoft:mdm.unenrollment.userrequest", Format: "int"}
	if p.Quirks.UnenrollCritical {
		meta.Mark = "critical"
	}
	return syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertGeneric), Items: []syncml.Item{{Meta: meta, Data: "1", HasData: true}}}
}

// compose takes as many commands from the queue as fit into one message: all,
// unless the server set a MaxMsgSize. The last message is final. Nil means that
// a result fits into no message, so the session must be aborted.
func (r *running) compose() *syncml.Message {
	m := &syncml.Message{Hdr: r.header(), Extended: r.version >= 3}
	if r.maxMsg == 0 {
		for i := range r.queue {
			r.queue[i].CmdID = strconv.Itoa(i + 1)
			r.cutting = r.cutting && r.queue[i].Verb != syncml.Results
		}
		m.Body, r.queue, m.Final = r.queue, nil, true
		return m
	}
	m.Body = make([]syncml.Command, 0, len(r.queue))
	size := r.size(m)
	if r.hopeless(size) {
		return nil
	}
	for len(r.queue) > 0 {
		c := r.queue[0]
		c.CmdID = strconv.Itoa(len(m.Body) + 1)
		n := r.sizeOf(c)
		if size+n > r.maxMsg {
			if len(m.Body) > r.lead {
				return m // the rest comes when the server asks for it
			}
			head, rest, ok := r.cut(c, r.maxMsg-size)
			if !ok {
				return nil
			}
			m.Body, r.queue[0] = append(m.Body, head), rest
			return m
		}
		m.Body, r.queue, size, r.cutting = append(m.Body, c), r.queue[1:], size+n, r.cutting && c.Verb != syncml.Results
	}
	m.Final = true
	return m
}

// hopeless reports whether a result in the queue fits into no message. The
// session is aborted as soon as there is one, even if the commands before it
// fit [seen on Windows 11 26200].
func (r *running) hopeless(header int) bool {
	if r.d.cfg.Profile.Quirks.LargeObjects {
		return false
	}
	for i, c := range r.queue {
		n := r.sizeOf(c)
		if i < r.lead {
			header += n
		} else if header+n > r.maxMsg {
			return true
		}
	}
	return false
}

func (r *running) sizeOf(c syncml.Command) int {
	return r.size(&syncml.Message{Body: []syncml.Command{c}}) - r.size(&syncml.Message{})
}

// size is a message's length in bytes, in the session's encoding.
func (r *running) size(m *syncml.Message) int {
	b, err := r.encode(m)
	if err != nil {
		return 0
	}
	return len(b)
}
