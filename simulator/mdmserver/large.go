package mdmserver

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Large objects (OMA DM Protocol 1.2.1 section 7): values that do not fit into one
// message travel in chunks, in both directions.

// maxObject bounds what the server puts together of one result, in bytes.
const maxObject = 4 << 20

// nextMessage asks a device for the rest of its package, whose message was not
// the last (OMA DM Protocol 1.2.1 section 6).
func nextMessage() Planned { return alert(syncml.AlertNextMessage) }

func alert(code int) Planned {
	return Planned{Command: syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(code)}, Sent: &Sent{Purpose: ForAlert}}
}

// object is a result of which some chunks arrived.
type object struct {
	of   string // the Results and the node
	size int    // as the first chunk declared it
	data strings.Builder
}

// gather puts the chunks of a result together. whole tells that data is complete.
// Otherwise code is the Status of the chunk: 213, or why the object is dropped.
// lost tells that an earlier object never ended.
func (sess *Session) gather(c *syncml.Command) (data string, code int, whole, lost bool) {
	it := &c.Items[0]
	of := key(c.MsgRef, c.CmdRef) + " " + it.Source.LocURI
	lost = sess.object != nil && sess.object.of != of
	if lost {
		sess.object = nil
	}
	if sess.object == nil {
		if !it.MoreData {
			return it.Data, 0, true, lost
		}
		size, err := strconv.Atoi(sizeOf(c, it))
		switch {
		case err != nil || size < 0:
			return "", syncml.SizeRequired, false, lost
		case size > maxObject:
			return "", syncml.TooLarge, false, lost
		}
		sess.object = &object{of: of, size: size}
	}
	o := sess.object
	o.data.WriteString(it.Data)
	switch n := o.data.Len(); {
	case n > o.size, !it.MoreData && n != o.size:
		sess.object = nil
		return "", syncml.SizeMismatch, false, lost
	case it.MoreData:
		return "", syncml.ChunkAccepted, false, lost
	}
	sess.object = nil
	return o.data.String(), 0, true, lost
}

// sizeOf is the Size in the Meta of an item, or of its command.
func sizeOf(c *syncml.Command, it *syncml.Item) string {
	for _, m := range []*syncml.Meta{it.Meta, c.Meta} {
		if m != nil && m.Size != "" {
			return m.Size
		}
	}
	return ""
}

// What the server knows of a device's DevDetail/LrgObj.
const (
	lrgObjUnknown = iota
	lrgObjTrue
	lrgObjFalse
)

// asksLrgObj plans the question whether the device takes chunks, before the first
// command that needs them. It asks once in a session.
func (s *Server) asksLrgObj(d *Device, c *Command) (Planned, bool) {
	sess := d.Session
	if s.cfg.ChunkSize <= 0 || len(c.Data) <= s.cfg.ChunkSize || d.lrgObj != lrgObjUnknown || sess.askedLrgObj {
		return Planned{}, false
	}
	sess.askedLrgObj = true
	return Planned{Command: one(syncml.Get, "./DevDetail/LrgObj", "", ""), Sent: &Sent{Purpose: ForLrgObj}}, true
}

// piece cuts the next chunk of a command whose data is larger than
// Config.ChunkSize, if the device takes chunks; more tells that others follow.
func (s *Server) piece(d *Device, c *Command, full syncml.Command) (out syncml.Command, more bool) {
	size, sess := s.cfg.ChunkSize, d.Session
	if size <= 0 || len(c.Data) <= size || d.lrgObj != lrgObjTrue {
		return full, false
	}
	end := min(sess.offset+size, len(c.Data))
	for end < len(c.Data) && !utf8.RuneStart(c.Data[end]) {
		end--
	}
	it := full.Items[0]
	it.Data, it.HasData = c.Data[sess.offset:end], true
	it.MoreData = end < len(c.Data)
	meta := syncml.Meta{}
	if it.Meta != nil {
		meta = *it.Meta
	}
	if sess.offset == 0 {
		meta.Size = strconv.Itoa(len(c.Data))
	}
	it.Meta = &meta
	if sess.offset = end; !it.MoreData {
		sess.offset = 0
	}
	full.Items = []syncml.Item{it}
	return full, it.MoreData
}
