package fakewns

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Parcel is an accepted notification until its device has it: on its way there, or
// waiting (Learn, "Push notification service request and response headers",
// X-WNS-Cache-Policy; raw notifications wait only on request). With a Store it is kept
// all that time. One that a caller makes belongs to no service.
type Parcel struct {
	Payload []byte
	// ID names the notification also after a restart of the service; 0 if it is not
	// kept.
	ID uint64
	// Again: it was handed over before, and perhaps the device has it.
	Again bool

	s                *Server
	query, device    string // of its channel
	kind, tag, group string
	expires          time.Time // zero: not before the channel
	seq              uint64    // of its journal entry
	// fleeting: it is dropped if its device cannot be reached any more.
	fleeting bool
	// sent: it was accepted for a device that was connected, or handed over, and perhaps
	// the device has it: a newer one does not replace it.
	sent bool
	over atomic.Bool
}

// Carrier is a Receiver whose device is elsewhere.
type Carrier interface {
	Receiver
	// Carry takes the place of Wake. The carrier calls Arrived or Returned when it
	// knows. It must not block.
	Carry(p *Parcel)
}

// parcel makes a parcel of a request.
func (s *Server) parcel(e *Entry, r *http.Request, ch *channel, kind string) *Parcel {
	p := &Parcel{Payload: e.Body, s: s, query: ch.query, device: ch.device, kind: kind}
	p.fleeting = !waits(kind, first(r.Header, hCachePolicy))
	if kind == typeToast {
		p.tag, p.group = first(r.Header, hTag), first(r.Header, hGroup)
	}
	if ttl := first(r.Header, hTTL); ttl != "" {
		if n, err := strconv.Atoi(ttl); err == nil && n > 0 {
			p.expires = e.At.Add(time.Duration(min(n, 1<<31)) * time.Second)
		}
	}
	return p
}

// waits tells whether a notification waits for a device that is not connected.
func waits(kind, policy string) bool {
	return policy == "cache" || policy == "" && kind != typeRaw
}

// parcelRecord is a parcel in the store.
type parcelRecord struct {
	Channel    string // its query
	Payload    []byte
	Kind       string
	Tag, Group string    `json:",omitempty"`
	Expires    time.Time `json:",omitzero"`
	Fleeting   bool      `json:",omitempty"`
	Sent       bool      `json:",omitempty"`
}

func (p *Parcel) record() Record {
	value, _ := json.Marshal(parcelRecord{p.query, p.Payload, p.kind, p.tag, p.group, p.expires, p.fleeting, p.sent}) //nolint:errchkjson // strings and times, cannot fail
	return Record{bucketParcels, entryKey(p.seq), value}
}

// numbered gives a parcel the number of its journal entry.
func (p *Parcel) numbered(seq uint64) {
	if p.seq = seq; p.s.saved != nil {
		p.ID = p.s.epoch + seq
	}
}

// forget removes parcels from the store.
func (s *Server) forget(list ...*Parcel) {
	if s.saved == nil {
		return
	}
	for _, p := range list {
		s.saved.Later(Record{bucketParcels, entryKey(p.seq), nil})
	}
}

// Arrived says that the device has the notification.
func (p *Parcel) Arrived() {
	if !p.over.Swap(true) && p.s != nil {
		p.s.forget(p)
	}
}

// Returned says that the carrier gives up: the notification waits for the device
// again, or is dropped if its sender wanted that.
func (p *Parcel) Returned() {
	s := p.s
	if p.over.Swap(true) || s == nil {
		return
	}
	if p.fleeting {
		s.ended(Dropped, p)
		return
	}
	back := &Parcel{Payload: p.Payload, ID: p.ID, Again: true, s: s, query: p.query, device: p.device, kind: p.kind, tag: p.tag, group: p.group,
		expires: p.expires, seq: p.seq, sent: true}
	s.journal.outcome(p.seq, Cached)
	s.stats.delivered(Cached)
	s.store(back)
	s.deliverCached(p.device) // perhaps it can be reached in another way
}

// hand gives a parcel to its receiver.
func (s *Server) hand(to Receiver, p *Parcel) {
	if f := s.onWake.Load(); f != nil {
		(*f)(p.device, p.seq)
	}
	if c, ok := to.(Carrier); ok {
		c.Carry(p)
		return
	}
	to.Wake(p.Payload)
	p.Arrived()
}

// ended journals how parcels ended that no device gets.
func (s *Server) ended(how Delivery, list ...*Parcel) {
	for _, p := range list {
		s.stats.delivered(how)
		s.journal.outcome(p.seq, how)
	}
	s.forget(list...)
}
