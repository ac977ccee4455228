package fakewns

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// cached is a notification that is kept for a device that is not connected: one
// of each type for a channel (Learn, "Push notification service request and
// response headers", X-WNS-Cache-Policy; raw notifications only on request).
type cached struct {
	payload    []byte
	kind       string
	tag, group string
	expires    time.Time // zero: not before the channel
	seq        uint64    // of its journal entry
}

// store caches a notification and drops an older one of the same type. kept
// waits until it is stored durably.
func (s *Server) store(ch *channel, k *cached) (kept func() error) {
	st := &s.channels
	st.mu.Lock()
	defer st.mu.Unlock()
	if ch.closed || st.byQuery[ch.query] != ch {
		s.undelivered(k)
		return nothingKept // the channel ended meanwhile
	}
	for i, before := range ch.cached {
		if before.kind == k.kind {
			ch.cached[i] = k
			s.stats.delivered(Replaced)
			s.journal.outcome(before.seq, Replaced)
			return s.keep(ch.record())
		}
	}
	ch.cached = append(ch.cached, k)
	st.waits(ch)
	return s.keep(ch.record())
}

// takeBack removes the cached toasts that a DELETE's X-WNS-Match names. Toasts
// that the user has seen already are out of the service's reach.
func (s *Server) takeBack(ch *channel, match string) {
	st := &s.channels
	st.mu.Lock()
	defer st.mu.Unlock()
	var left []*cached
	for _, k := range ch.cached {
		if k.kind == typeToast && k.matches(match) {
			s.undelivered(k)
			continue
		}
		left = append(left, k)
	}
	if len(left) == len(ch.cached) {
		return
	}
	ch.cached = left
	st.waits(ch)
	s.keep(ch.record())
}

// matches tells whether "type:wns/toast;group=a;tag=b" or ";all" names it.
func (k *cached) matches(match string) bool {
	for part := range strings.SplitSeq(match, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case name == "tag" && value != k.tag, name == "group" && value != k.group:
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
		*cached
		to      Receiver
		outcome Delivery
	}
	var due []pending
	now := s.Now()
	st.mu.Lock()
	for c := range st.waiting[device] {
		over := c.closed || !now.Before(c.expires)
		if !over && st.connection(c) != Connected {
			continue
		}
		for _, k := range c.cached {
			p := pending{k, c.receiver, Woken}
			switch {
			case over || !k.expires.IsZero() && !now.Before(k.expires):
				p.outcome = Expired
			case k.kind != typeRaw:
				p.outcome = Shown
			}
			due = append(due, p)
		}
		c.cached = nil
		st.waits(c)
		s.keep(c.record())
	}
	st.mu.Unlock()
	for _, p := range due {
		s.journal.outcome(p.seq, p.outcome)
		s.stats.delivered(p.outcome)
		if p.outcome == Woken {
			s.wake(p.to, device, p.seq, p.payload)
		}
	}
}

// undelivered journals cached notifications that were dropped.
func (s *Server) undelivered(lost ...*cached) {
	for _, k := range lost {
		s.stats.delivered(Expired)
		s.journal.outcome(k.seq, Expired)
	}
}
