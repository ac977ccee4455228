package mdmserver

import (
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// maxPFNFailures ends the attempts to set a PFN until something changes.
const maxPFNFailures = 3

// pushURI is the node of the push path. The ProviderID in it is URI-encoded.
func (s *Server) pushURI() string {
	return "./Vendor/MSFT/DMClient/Provider/" + url.PathEscape(s.cfg.ProviderID) + "/Push"
}

// one makes a command with one item. Empty format and data are left out.
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

// plan decides what to send next: the push path first, then the queued
// commands. more tells that a value is sent in chunks and the next one follows.
func (s *Server) plan(d *Device) (out []Planned, more bool) {
	sess := d.Session
	if d.leaving {
		if sess.Planned {
			return nil, false
		}
		sess.Planned = true
		return s.farewell(), false
	}
	if s.cfg.PFN != "" {
		out = s.pushPlan(d)
	}
	if s.cfg.StatusPage && !sess.Planned {
		out = append(out, s.pagePlan(d)...)
	}
	switch {
	case s.linked != nil:
		out = append(out, s.linkPlan(d)...)
	case s.primary != nil:
		out = append(out, s.documentPlan(d)...)
	}
	sess.Planned = true
	for _, c := range d.pending() {
		if sess.objectRoom > 0 && len(c.Data) > sess.objectRoom {
			continue // it waits for a session without that limit
		}
		if ask, ok := s.asksLrgObj(d, c); ok {
			return append(out, ask), false // what follows depends on the answer
		}
		full, more := s.piece(d, c, one(c.Verb, c.LocURI, c.Format, c.Data))
		if more {
			return append(out, Planned{Command: full, Sent: &Sent{Purpose: ForChunk, Command: c}}), true
		}
		if sess.full(out, full) {
			break // the next message has room
		}
		c.State = StateSent
		out = append(out, Planned{Command: full, Sent: &Sent{Purpose: ForCommand, Command: c}})
	}
	return s.grouped(out), false
}

// pushPlan sets the PFN if it is not set, and asks for the channel in every
// session, since its URI changes (Learn, "Push notification support for device
// management").
func (s *Server) pushPlan(d *Device) (out []Planned) {
	sess, push := d.Session, s.pushURI()
	send := func(p Purpose, c syncml.Command) { out = append(out, Planned{Command: c, Sent: &Sent{Purpose: p}}) }
	// The device expects the family name in lower case.
	set := func(verb syncml.Verb) syncml.Command {
		return one(verb, push+"/PFN", "chr", strings.ToLower(s.cfg.PFN))
	}
	switch {
	case sess.Replace:
		sess.Replace = false
		send(ForReplacePFN, set(syncml.Replace))
	case sess.Planned:
		return nil
	case d.Push.Failures >= maxPFNFailures:
	case d.Push.PFNSet && d.Push.Reset:
		send(ForReplacePFN, set(syncml.Replace))
	case !d.Push.PFNSet:
		send(ForPush, one(syncml.Add, push, "node", ""))
		send(ForAddPFN, set(syncml.Add))
	}
	send(ForChannel, one(syncml.Get, push+"/ChannelURI", "", ""))
	send(ForStatus, one(syncml.Get, push+"/Status", "", ""))
	return out
}
