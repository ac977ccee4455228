package mdmserver

import (
	"strconv"
	"unicode/utf8"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// maxObject bounds what the server puts together of one result, in bytes.
const maxObject = 4 << 20

// nextMessage asks a device for the rest of its package, whose message was not
// the last (OMA DM Protocol 1.2.1 section 6.2).
func nextMessage() syncml.Command {
	return syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertNextMessage)}
}

// gather puts the chunks of a result together; ok is false until the last.
func (sess *Session) gather(ref string, it *syncml.Item) (data string, ok bool) {
	if len(sess.partial[ref])+len(it.Data) > maxObject {
		delete(sess.partial, ref)
		return "", false
	}
	if it.MoreData {
		sess.partial[ref] += it.Data
		return "", false
	}
	data = sess.partial[ref] + it.Data
	delete(sess.partial, ref)
	return data, true
}

// piece cuts the next chunk of a command whose data is larger than
// Config.ChunkSize; more tells that others follow.
func (s *Server) piece(sess *Session, c *Command, full syncml.Command) (out syncml.Command, more bool) {
	size := s.cfg.ChunkSize
	if size <= 0 || len(c.Data) <= size {
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
