package dmclient

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// maxObject is the largest object the device takes in chunks, in bytes.
const maxObject = 4 << 20

// chunk is the received part of a large object (OMA SyncML RepPro 1.2.2 section
// 5.4: MoreData, with the total size in the first chunk).
type chunk struct {
	verb syncml.Verb
	uri  string
	size int
	meta *syncml.Meta // of the first chunk
	data strings.Builder
}

// assemble takes in a chunk. After the last one, whole is the command with the
// whole object; before, code is the chunk's Status. lost means that an earlier
// object never ended, which Alert 1225 reports.
func (r *running) assemble(c *syncml.Command) (whole *syncml.Command, code int, lost bool) {
	last := &c.Items[len(c.Items)-1]
	if r.chunk != nil && (r.chunk.verb != c.Verb || !strings.EqualFold(r.chunk.uri, last.Target.LocURI)) {
		r.chunk, lost = nil, true
	}
	if r.chunk == nil {
		if !last.MoreData {
			return c, 0, lost
		}
		size := ""
		for _, m := range []*syncml.Meta{c.Meta, last.Meta} {
			if m != nil && m.Size != "" {
				size = m.Size
			}
		}
		n, err := strconv.Atoi(size)
		switch {
		case len(c.Items) > 1:
			return nil, syncml.BadRequest, lost // a chunked item must be the only one in its command
		case err != nil || n < 0:
			return nil, syncml.SizeRequired, lost
		case n > maxObject:
			return nil, syncml.TooLarge, lost
		}
		r.chunk = &chunk{verb: c.Verb, uri: last.Target.LocURI, size: n, meta: last.Meta}
	}
	k := r.chunk
	k.data.WriteString(last.Data)
	switch {
	case k.data.Len() > k.size, !last.MoreData && k.data.Len() != k.size:
		r.chunk = nil
		return nil, syncml.SizeMismatch, lost
	case last.MoreData:
		return nil, syncml.ChunkAccepted, lost
	}
	r.chunk = nil
	all := *c
	it := *last
	it.Data, it.HasData, it.Meta = k.data.String(), true, k.meta
	all.Items = []syncml.Item{it}
	return &all, 0, lost
}

// cut splits a result that does not fit into a message, if the device can
// (LrgObj): head is what fits into room bytes.
func (r *running) cut(c syncml.Command, room int) (head, rest syncml.Command, ok bool) {
	if !r.d.cfg.Profile.Quirks.LargeObjects || c.Verb != syncml.Results || len(c.Items) != 1 {
		return head, rest, false
	}
	head, rest = c, c
	h, t := c.Items[0], c.Items[0]
	meta := syncml.Meta{}
	if h.Meta != nil {
		meta = *h.Meta
	}
	if !r.cutting { // only the first chunk declares the size
		r.cutting, meta.Size = true, strconv.Itoa(len(h.Data))
	}
	h.Meta, h.MoreData, h.Data = &meta, true, ""
	head.Items = []syncml.Item{h}
	room -= r.sizeOf(head) + len("<Data></Data>")
	n := 0
	data := c.Items[0].Data
	for n < len(data) { // escaping makes characters longer
		_, w := utf8.DecodeRuneInString(data[n:])
		cost := w
		switch data[n] {
		case '&', '<', '>', '\r':
			cost = 5
		}
		if room -= cost; room < 0 {
			break
		}
		n += w
	}
	if n == 0 {
		return head, rest, false
	}
	h.Data, h.HasData = data[:n], true
	t.Data, t.Meta = data[n:], &syncml.Meta{Format: meta.Format, Type: meta.Type}
	if *t.Meta == (syncml.Meta{}) {
		t.Meta = nil
	}
	head.Items, rest.Items = []syncml.Item{h}, []syncml.Item{t}
	return head, rest, true
}
