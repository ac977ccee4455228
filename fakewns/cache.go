package fakewns

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// store keeps a parcel until its device comes. A channel keeps only the newest of each
// type among the parcels that were never sent to the device.
func (s *Server) store(p *Parcel) {
	st := &s.channels
	st.mu.Lock()
	defer st.mu.Unlock()
	ch := st.byQuery[p.query]
	if ch == nil || ch.closed {
		s.ended(Expired, p) // the channel ended meanwhile
		return
	}
	for i, before := range ch.cached {
		if p.sent || before.sent || before.kind != p.kind {
			continue
		}
		if before.seq > p.seq {
			before, p = p, before
		}
		ch.cached = slices.Delete(ch.cached, i, i+1)
		s.ended(Replaced, before)
		break
	}
	at, _ := slices.BinarySearchFunc(ch.cached, p, func(a, b *Parcel) int { return cmp.Compare(a.seq, b.seq) })
	ch.cached = slices.Insert(ch.cached, at, p)
	st.waits(ch)
}

// takeBack removes the cached toasts that a DELETE's X-WNS-Match names. Toasts
// that the user has seen already are out of the service's reach.
func (s *Server) takeBack(ch *channel, match string) {
	st := &s.channels
	st.mu.Lock()
	defer st.mu.Unlock()
	var left []*Parcel
	for _, p := range ch.cached {
		if p.kind == typeToast && p.matches(match) {
			s.ended(Expired, p)
			continue
		}
		left = append(left, p)
	}
	ch.cached = left
	st.waits(ch)
}

// matches tells whether "type:wns/toast;group=a;tag=b" or ";all" names it.
func (p *Parcel) matches(match string) bool {
	for part := range strings.SplitSeq(match, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case name == "tag" && value != p.tag, name == "group" && value != p.group:
			return false
		}
	}
	return true
}

// DeliverCached delivers what is cached for devices that can be reached now. A
// receiver calls it when its connection is back.
func (s *Server) DeliverCached() {
	s.channels.mu.RLock()
	devices := slices.Collect(maps.Keys(s.channels.waiting))
	s.channels.mu.RUnlock()
	for _, d := range devices {
		s.deliverCached(d)
	}
}

func (s *Server) deliverCached(device string) {
	st := &s.channels
	type pending struct {
		*Parcel
		to      Receiver
		outcome Delivery
	}
	var due []pending
	var sent []Record
	now := s.Now()
	st.mu.Lock()
	for c := range st.waiting[device] {
		over := c.closed || !now.Before(c.expires)
		if !over && st.connection(c) != Connected {
			continue
		}
		for _, p := range c.cached {
			d := pending{p, c.receiver, Woken}
			switch {
			case over || !p.expires.IsZero() && !now.Before(p.expires):
				d.outcome = Expired
			case p.kind != typeRaw:
				d.outcome = Shown
			case !p.sent && s.saved != nil:
				p.sent = true
				sent = append(sent, p.record())
			}
			due = append(due, d)
		}
		c.cached = nil
		st.waits(c)
	}
	kept := s.keep(sent...)
	st.mu.Unlock()
	kept() //nolint:errcheck // then a newer one may replace it after a restart
	for _, d := range due {
		if d.outcome != Woken {
			s.ended(d.outcome, d.Parcel)
			continue
		}
		s.journal.outcome(d.seq, Woken)
		s.stats.delivered(Woken)
		s.hand(d.to, d.Parcel)
	}
}

// Waiting is how many accepted notifications wait for their devices.
func (s *Server) Waiting() (n int) {
	s.channels.mu.RLock()
	defer s.channels.mu.RUnlock()
	for _, of := range s.channels.waiting {
		for ch := range of {
			n += len(ch.cached)
		}
	}
	return n
}
