package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// series is a large object of the server's that is under way.
type series struct {
	verb         syncml.Verb
	uri          string
	msgID, cmdID string // of the last chunk
	size         int    // as the first chunk declared it
	data         strings.Builder
}

// chunksFollow judges the chunks of large objects that a server sends. A series that
// the device refused is over.
func chunksFollow(h *suite.Heard) {
	var open *series
	for i, p := range h.Pairs {
		if open != nil && (p.Sent == nil || refusesChunk(p.Sent, open)) {
			open = nil
		}
		if !judgeable(&p) {
			continue
		}
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			if c.Verb.IsReply() || c.Verb == syncml.Alert {
				return
			}
			open = chunk(h, i, c, open)
		})
		if open != nil && p.Got.Final {
			h.Breach(i, "no Final before the last chunk of a large object", "Final before the last chunk of %s", open.uri)
		}
	}
}

// chunk takes in a command and returns the series that is under way after it.
func chunk(h *suite.Heard, i int, c *syncml.Command, open *series) *series {
	if len(c.Items) == 0 {
		return open
	}
	it := &c.Items[len(c.Items)-1]
	size := ""
	for _, m := range []*syncml.Meta{c.Meta, it.Meta} {
		if m != nil && m.Size != "" {
			size = strings.TrimSpace(m.Size)
		}
	}
	uri := it.Target.LocURI
	switch {
	case open != nil && (open.verb != c.Verb || !strings.EqualFold(open.uri, uri)):
		h.Breach(i, "no other command between the chunks of a large object", "%s of %s before the last chunk of %s", c.Verb, uri, open.uri)
		return nil
	case open == nil && !it.MoreData:
		return nil
	case open == nil:
		n, err := strconv.Atoi(size)
		if err != nil {
			h.Breach(i, "Size in the first chunk of a large object", "Size %s in the first chunk of %s", suite.Show(size), uri)
			return nil
		}
		open = &series{verb: c.Verb, uri: uri, size: n}
	case size != "":
		h.Breach(i, "Size in the first chunk only", "Size %s in a later chunk of %s", size, uri)
	}
	open.msgID, open.cmdID = h.Pairs[i].Got.Hdr.MsgID, c.CmdID
	open.data.WriteString(it.Data)
	// Bytes or characters: the document does not say.
	n, chars := open.data.Len(), utf8.RuneCountInString(open.data.String())
	last := !it.MoreData
	if last && open.size != n && open.size != chars || open.size < chars {
		h.Breach(i, fmt.Sprintf("chunks that add up to Size %d", open.size), "%d bytes of %s", n, uri)
		return nil
	}
	if last {
		return nil
	}
	return open
}

// refusesChunk reports whether a message of the device refuses the last chunk of a
// series, or ends the session.
func refusesChunk(m *syncml.Message, o *series) bool {
	for _, c := range m.Body {
		if c.Verb == syncml.Alert && c.Code() == syncml.AlertSessionAbort {
			return true
		}
		if c.Verb == syncml.Status && c.MsgRef == o.msgID && c.CmdRef == o.cmdID && c.Code() != syncml.ChunkAccepted {
			return true
		}
	}
	return false
}
